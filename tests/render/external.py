"""Where the tools are that these tests run, and stand-ins that misbehave."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitrel.render.manifest import Rendered
from gitrel.render.release import render_release
from gitrel.render.tools import ToolLimits, Tools
from gitrel.render.worker import Workers
from tests.render.support import catalog

NO_WORKERS = Workers()
"""Starts no process before a template asks for it, and nothing here does."""


def real(*names: str) -> Tools:
    """The tools of this machine; skips the test where one is missing.

    GITREL_TEST_TOOLS may name a folder with tools that are not on the PATH.
    """
    path = os.pathsep.join(filter(None, (os.environ.get("GITREL_TEST_TOOLS"), os.environ.get("PATH"))))
    for name in names:
        if shutil.which(name, path=path) is None:
            pytest.skip(f"{name} is not installed (GITREL_TEST_TOOLS may name a folder that has it)")
    return Tools(environment={**os.environ, "PATH": path})


def standing_in(folder: Path, name: str, script: str, limits: ToolLimits | None = None) -> Tools:
    """A shell script in place of a tool, in a folder that is the whole PATH."""
    path = folder / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(stat.S_IRWXU)
    return Tools(limits or ToolLimits(), {"PATH": str(path.parent)})


def rendered_by(tools: Tools, files: Mapping[str, str | bytes], **more: str) -> Rendered:
    """`files` as version v1 of `web` in `eu`, by whatever renderer they ask for."""
    found = catalog(files, **{"renderer": "auto", **more})
    return render_release(found, "web", "v1", "eu", NO_WORKERS, tools)
