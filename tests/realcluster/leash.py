"""Processes that end when whoever started them does, however that ends: also killed, without a `finally`.

Linux only, by the parent-death signal of prctl(2), which `setpriv` of util-linux sets before it becomes the
command. Elsewhere a test run that is killed leaves them behind.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

STILL_THERE = 'test "$PPID" = "$0" && exec "$@"'
"""A parent that ends before the signal is set is never told of; then there is another one by now."""


def leashed(command: Sequence[str]) -> list[str]:
    """The command for this process to start instead, with the same pid in the end.

    The thread that starts it has to live for as long as it is wanted.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", "TERM", "--", "sh", "-c", STILL_THERE, str(os.getpid()), *command]
