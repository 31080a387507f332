"""Runs the command line in this process, with both streams caught, as the entry point would."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from gitrel.cli.main import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def gitrel(*arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs one command line; the streams are no terminals and take UTF-8."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GITREL_")}
    said, told = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(stream, encoding="utf-8") for stream in (said, told))
    with (
        mock.patch.dict(os.environ, {**clean, **(env or {})}, clear=True),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        code = run(arguments)
        out.flush()
        err.flush()
    return Ran(code, said.getvalue().decode(), told.getvalue().decode())


def process(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT, timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Runs the real entry point in a process of its own."""
    base = {key: value for key, value in os.environ.items() if not key.startswith("GITREL_")}
    return subprocess.run(
        [sys.executable, "-m", "gitrel", *arguments],
        capture_output=True,
        cwd=cwd,
        env={**base, **(env or {})},
        timeout=timeout,
        check=False,
    )


def edit(path: Path, old: str, new: str) -> None:
    """Changes a file on disk; what is to be replaced has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
