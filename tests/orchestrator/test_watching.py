"""While files have errors nothing new starts, and what has started is watched and taken back all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.errors import InvalidRepository
from gitrel.orchestrator import commands
from gitrel.orchestrator.overview import matrix
from gitrel.orchestrator.watching import WATCHED
from gitrel.rehearsal.faults import Crash
from gitrel.repo.edit import Delete, FileChange, PutFile
from gitrel.rollout.state import Phase
from gitrel.rollout.verify import verify
from tests.orchestrator.support import Town, town

BREAKS: dict[str, tuple[FileChange, ...]] = {
    "its component.yaml": (PutFile("apps/web/component.yaml", b"spec: [\n"),),
    "its template": (PutFile("apps/web/v2/web-deployment.yaml", b"kind: {{ nothing.here }}\n"),),
    "a file of all": (PutFile("environments/busy.yaml", b"kind: Environment\n"),),
}
V2 = "example.com/web:v2"
V1 = "example.com/web:v1"


def under_way(place: Town) -> None:
    """v2 is watched in quiet, and busy waits for it."""
    commands.promote(place.world, "web", "v2")
    for _ in range(4):
        place.once()
        place.wait(timedelta(seconds=20))
    phases = {name: one.phase for name, one in place.once().rollouts["web"].environments.items()}
    assert phases == {"quiet": Phase.WATCHING, "busy": Phase.QUEUED}


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Town]:
    """v2 crashes ten minutes after it arrives."""
    with town(tmp_path, Crash(timedelta(minutes=10)), images=(V2,)) as it:
        under_way(it)
        yield it


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as it:
        under_way(it)
        yield it


@pytest.mark.parametrize("what", BREAKS)
def test_a_release_that_crashes_is_taken_back_though_files_have_errors(crashing: Town, what: str) -> None:
    """By a commit that moves the pointer back, and the later wave never gets it; the errors are told."""
    crashing.commit(*BREAKS[what])
    report = crashing.settle()
    assert report.rollouts["web"].environments["quiet"].phase is Phase.ROLLED_BACK
    assert crashing.image("quiet") == V1
    assert [p.severity for p in report.problems] == ["error"] * len(report.problems) != []
    assert report.because["web"].startswith(WATCHED)
    assert any("Point web in quiet at v1" in message for message in crashing.messages())
    assert not any("Point web in busy at v2" in message for message in crashing.messages())
    assert verify(crashing.world.ledger.history()) is None


@pytest.mark.parametrize("what", BREAKS)
def test_nothing_new_starts_from_bad_files(sound: Town, what: str) -> None:
    """quiet passes by the schedule it started with; busy starts when the files are mended, not before."""
    busy = sound.cluster("busy")
    good = {path: (sound.folder / path).read_bytes() for path in (change.path for change in BREAKS[what])}
    sound.commit(*BREAKS[what])
    for _ in range(30):
        sound.wait(timedelta(minutes=2))
        try:
            sound.once()
        except InvalidRepository:
            break  # nothing is in flight any more
    _, records = sound.world.ledger.load()
    phases = {name: one.phase for name, one in records["web"].environments.items()}
    assert phases == {"quiet": Phase.PASSED, "busy": Phase.QUEUED}
    (deployment,) = busy.list("apps/v1", "Deployment", "shop")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == V1
    sound.commit(*(PutFile(path, data) for path, data in good.items()))
    sound.settle()
    assert sound.image("busy") == V2
    assert verify(sound.world.ledger.history()) is None


def test_the_cluster_goes_back_where_the_pointer_cannot(crashing: Town) -> None:
    """v1 is gone from the files: it still renders at the commit it ran from. The pointer is owed, and follows
    as soon as the files are mended."""
    told: list[str] = []
    crashing.world.events.subscribe(
        lambda e: told.append(e.message) if "pointer cannot" in e.message else None
    )
    names = [path.name for path in (crashing.folder / "apps/web/v1").iterdir()]
    good = [
        PutFile(f"apps/web/v1/{name}", (crashing.folder / "apps/web/v1" / name).read_bytes())
        for name in names
    ]
    crashing.commit(*(Delete(one.path) for one in good))
    crashing.settle()
    assert crashing.image("quiet") == V1
    assert told == [
        "web: the pointer cannot go back before the files are mended: "
        "web has no version 'v1': 'apps/web/v1' does not exist"
    ]
    crashing.commit(*good)
    crashing.settle()
    assert crashing.pointers() == {"quiet": "v1", "busy": "v1"}
    assert crashing.image("quiet") == V1
    assert verify(crashing.world.ledger.history()) is None


def test_status_says_that_it_is_watched(sound: Town) -> None:
    """And what is at rest is left alone, as ever."""
    sound.commit(*BREAKS["its component.yaml"])
    (row,) = matrix(sound.world).rows
    assert row.because == WATCHED
    assert row.cells["quiet"].phase == "watching"
