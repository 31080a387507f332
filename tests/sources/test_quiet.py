"""Tidying up happens in quiet moments: before a long pause of the daemon, and never in a busy one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.app import world
from gitrel.daemon.loop import Daemon


@pytest.mark.parametrize(("poll", "tidied"), [("1h", True), ("1s", False)])
def test_the_daemon_tidies_before_a_long_pause(work: Path, poll: str, tidied: bool) -> None:
    """Packing takes seconds: an hour has room for it, a second has not."""
    done = []
    with world(work, actor="Ada <ada@example.com>") as real:
        for _ in range(3):
            quiet = replace(real, tidy=lambda: done.append(True))
            runner = Daemon(quiet, None, poll=timedelta(hours=1) if poll == "1h" else timedelta(seconds=1))
            runner._one_pass()
    assert bool(done) is tidied
