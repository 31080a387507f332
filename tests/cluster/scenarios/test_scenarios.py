"""Plays every script and compares what it prints with what was recorded.

`GITREL_REWRITE=1 pytest tests/cluster/scenarios` records anew; the difference is then read in review.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster.scenarios.script import play, read_script, write_script

SCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_story_goes_as_recorded(path: Path) -> None:
    """Proves that every change of a long story still happens, in its order and at its instant."""
    blocks = read_script(path.read_text())
    played = write_script(play(blocks))
    if os.environ.get("GITREL_REWRITE"):
        path.write_text(played)
    assert path.read_text().splitlines() == played.splitlines()


def test_there_are_stories() -> None:
    """Proves that the comparison above has something to compare."""
    assert {"rolling", "stuck", "recreate", "job"} <= {path.stem for path in SCRIPTS}
