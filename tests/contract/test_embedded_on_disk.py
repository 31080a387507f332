"""The bundled cluster that an environment's file describes, as it is kept on disk."""

from __future__ import annotations

from pathlib import Path

from gitrel.backends.embedded import open_embedded
from gitrel.clock import SystemClock
from gitrel.repo.check import check_repository
from gitrel.repo.source import read_worktree
from tests import small


def test_what_images_do_is_kept_with_the_cluster(tmp_path: Path) -> None:
    """An environment with `behaviours` opens, and opens again from the disk with the same identity."""
    path = small.write(tmp_path) / "environments/quiet.yaml"
    behaviours = "behaviours: [{image: 'example.com/*', crash: {after: 5s, exitCode: 1}}]"
    text = path.read_text(encoding="utf-8").replace("nodes: 1", f"nodes: 1, {behaviours}")
    path.write_text(text, encoding="utf-8")
    environment = check_repository(read_worktree(tmp_path))[0].environments["quiet"]
    assert environment.cluster.behaviours
    identities = []
    for _ in range(2):
        backend = open_embedded(tmp_path / "cluster", environment, SystemClock())
        identities.append(backend.identity())
        backend.close()
    assert identities[0] == identities[1]
