"""The benchmarks are all run by `make bench`, and still work; no figure is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import benchmarks
from benchmarks.__main__ import NAMES, RESULTS

FOLDER = Path(benchmarks.__file__).parent
ROOT = FOLDER.parent
QUICK = ("cluster", "reconcile", "git", "peers")
"""Those that take long to fill their worlds; at a hundredth of the size they are done in seconds."""


def test_every_benchmark_is_run() -> None:
    """A module that measures something is in the list: what nobody runs is soon wrong."""
    found = {
        file.stem for file in FOLDER.glob("*.py") if "\ndef measure(" in file.read_text(encoding="utf-8")
    }
    assert set(NAMES) == found
    assert len(NAMES) == len(set(NAMES))


def test_small_ones_work_and_keep_no_figure() -> None:
    """At a small scale everything runs, says only that it works, and the figures of a quiet machine stay."""
    before = RESULTS.read_bytes()
    environment = {**os.environ, "BENCH_SCALE": "0.01"}
    command = [sys.executable, "-m", "benchmarks", *QUICK]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines
    assert all(line.endswith(" works") for line in lines)
    assert RESULTS.read_bytes() == before
    json.loads(before)
