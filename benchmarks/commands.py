"""How long the command line takes to answer, as whole processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, median_seconds

RUNS = 11
ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> None:
    """One command on the example repository; it must succeed."""
    program = str(Path(sys.executable).with_name("gitrel"))
    subprocess.run([program, *arguments], check=True, cwd=ROOT, capture_output=True)


def measure() -> Iterator[Figure]:
    run("--help")  # once, so that files are compiled and cached
    yield Figure("gitrel_help_seconds", median_seconds(lambda: run("--help"), RUNS), "s", 0.2, "lower")
    seconds = median_seconds(lambda: run("validate"), 5)
    yield Figure("validate_example_seconds", seconds, "s", None, "lower")
