"""Nothing stays behind of a test run that was killed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.realcluster.leash import leashed
from tests.waiting import PATIENCE_SECONDS

RUN = """
import subprocess, sys
from tests.realcluster.leash import leashed
subprocess.Popen(leashed(["sleep", "3600"]))
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(leashed(["true"]) == ["true"], reason="no setpriv: only on Linux, with util-linux")
@pytest.mark.parametrize("kill", [subprocess.Popen.terminate, subprocess.Popen.kill])
def test_what_a_killed_run_has_started_ends(kill: object) -> None:
    """Both hold the pipe open: its end is the end of both."""
    assert callable(kill)
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "started\n"
        kill(run)
        out, _ = run.communicate(timeout=PATIENCE_SECONDS)
    assert out == ""
