"""What rendering depends on beside the repository: this gitrel, and the tools that it runs."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path

import gitrel

TOOLS = ("helm", "kubectl")
_ROOMS = ("render", "repo", "kube")


@cache
def fingerprint() -> str:
    """Differs when gitrel, Python or a tool differs: what was remembered under another one is not used.

    Sizes and times of the files stand for their content, which also covers a gitrel that is being edited.
    """
    root = Path(gitrel.__file__).parent
    files = [file for room in _ROOMS for file in sorted((root / room).rglob("*.py"))]
    files += [Path(found) for tool in TOOLS if (found := shutil.which(tool))]
    states = (f"{file} {state.st_size} {state.st_mtime_ns}" for file in files if (state := file.stat()))
    return "\n".join((gitrel.__version__, sys.version, *states))
