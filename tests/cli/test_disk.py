"""What the machine refuses is told as such, and not as a fault in gitrel."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.cli.support import ROOT, gitrel

FILE_BYTES_MAX = 100 * 1024
"""More than any file of the repository has, and less than a bundled cluster writes."""


def test_a_cluster_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """SQLite's own errors of a disk that takes no more end in a sentence about the cluster's file."""
    place = tmp_path / "demo"
    assert gitrel("init", str(place)).code == 0
    ran = subprocess.run(
        [sys.executable, "-m", "gitrel", "reconcile", "-C", str(place)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX)),
    )
    assert ran.returncode == 70
    assert "the file of a bundled cluster cannot be written: " in ran.stderr
    assert "fault in gitrel" not in ran.stderr
