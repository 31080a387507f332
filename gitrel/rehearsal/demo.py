"""One good and one bad release on a copy of the example repository: real commits, virtual time.

Three acts. What the pointers say is installed; `v2` goes around the world; `v3`, which crashes some time
after it arrives where users are, is stopped there and taken back by a commit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from gitrel.backends.backend import Backend
from gitrel.clock import Clock
from gitrel.events import Event, EventStream
from gitrel.orchestrator.commands import promote
from gitrel.orchestrator.overview import Matrix, matrix
from gitrel.orchestrator.world import Scope, World
from gitrel.rehearsal.faults import Crash
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.play import play
from gitrel.repo import cutting
from gitrel.repo.check import check_repository
from gitrel.repo.edit import FileChange, PutFile
from gitrel.repo.fix import files_in
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.creation import create
from gitrel.repo.layout import version_folder
from gitrel.repo.model import Catalog, Environment
from gitrel.repo.source import read_worktree
from gitrel.repo.tree import File
from gitrel.rollout.verify import Breach, verify

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""A Monday morning."""
ACTOR = "Ada Example <ada@example.com>"
COMPONENT, GOOD, BAD = "frontend", "v2", "v3"
BAD_IMAGE = "registry.example.com/frontend:3.0.0"
CRASH_AFTER = timedelta(minutes=40)
CRASH_IN = "canary"
GOOD_REASON, BAD_REASON = "the new checkout page", "a small fix, believed to be safe"
ONLY = Scope(frozenset((COMPONENT,)))
PIPELINE = "environments/pipeline.yaml"


class OpenWorld(Protocol):
    """How the caller makes a real world of a repository (`gitrel.app.world`)."""

    def __call__(
        self,
        place: Path,
        *,
        actor: str,
        clock: Clock,
        connect: Callable[[Environment], Backend],
        events: EventStream,
    ) -> AbstractContextManager[World]: ...


@dataclass(frozen=True, slots=True)
class Act:
    """One part of the demo, told before it is played."""

    title: str
    says: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What stands at the end. `reached` are the environments that ever got the bad release, in order."""

    matrix: Matrix
    reached: tuple[str, ...]
    stopped_in: str
    pointer_commits: tuple[str, ...]
    breach: Breach | None
    lasted: timedelta


class Stage:
    """The copy of the example, and what was heard while it was played.

    `clock` is the one that is played by; `soak_factor` replaces the pipeline's when the bad release is cut.
    """

    def __init__(
        self, directory: Path, events: EventStream, clock: Clock, *, soak_factor: float | None = None
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._began = clock.now()
        self._soak_factor = soak_factor
        self._reached: dict[str, None] = {}
        self._stopped = ""
        events.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.kind != "environment.phase" or event.data.get("version") != BAD:
            return
        if event.data["to"] == "applying":
            self._reached.setdefault(event.environment)
        if event.data["to"] in ("failed", "rolled-back") and not self._stopped:
            self._stopped = event.environment

    def cut_bad_release(self) -> None:
        """Commits `v3`: a copy of `v2` with another image. It looks as good as any in review."""
        with GitRepository(self.directory) as repository:
            head = repository.head()
            at = self._clock.now()
            good = files_in(repository.read_commit(head.commit), version_folder(COMPONENT, GOOD))
            bad = {path: File(_with_bad_image(file.data), file.executable) for path, file in good.items()}
            changes: list[FileChange] = [
                *cutting.cut(COMPONENT, BAD, bad, commit=head.commit, at=at, by=ACTOR)[1]
            ]
            if self._soak_factor is not None:
                changes.append(PutFile(PIPELINE, self._pipeline_without_soak()))
            commit = repository.commit_tree(
                head.commit,
                changes,
                message=f"Cut {COMPONENT} {BAD}",
                author=ACTOR,
                at=at,
            )
            repository.update_refs([RefUpdate(head.ref, commit, head.commit)])

    def _pipeline_without_soak(self) -> bytes:
        text = (self.directory / PIPELINE).read_text(encoding="utf-8")
        return text.replace("soakFactor: 3 ", f"soakFactor: {self._soak_factor:g} ").encode()

    def ending(self, world: World) -> Ending:
        with GitRepository(self.directory) as repository:
            log = repository.log(repository.head().commit)
        moved = (commit.message for commit in reversed(log) if "Gitrel-Rollout" in commit.message)
        moves = tuple(message.partition("\n")[0] for message in moved)
        return Ending(
            matrix=matrix(world),
            reached=tuple(self._reached),
            stopped_in=self._stopped,
            pointer_commits=moves,
            breach=verify(world.ledger.history()),
            lasted=self._clock.now() - self._began,
        )


def run(
    example: Path,
    directory: Path,
    open_world: OpenWorld,
    *,
    seed: int = 0,
    soak_factor: float | None = None,
    events: EventStream,
    on_act: Callable[[Act, World], None],
) -> Ending:
    """Plays the demo in `directory`, which must be empty. `soak_factor` replaces the example's for the bad
    release, which then crashes wherever it arrives, so that one sees how far it gets.
    """
    copy_example(example, directory)
    create(directory, message="Start from the example", author=ACTOR, at=START)
    fault = Crash(CRASH_AFTER, image=BAD_IMAGE, environment=CRASH_IN if soak_factor is None else "")
    fleet = Fleet(_catalog(directory), START, seed=seed, faults=(fault,))
    clock = fleet.clock
    stage = Stage(directory, events, clock, soak_factor=soak_factor)
    with open_world(directory, actor=ACTOR, clock=clock, connect=fleet.connect, events=events) as world:
        on_act(Act("Install", "every pointer says v1: three components into seven clusters"), world)
        play(world, fleet)
        on_act(Act("A good release", f"gitrel promote {COMPONENT} {GOOD}"), world)
        promote(world, COMPONENT, GOOD, reason=GOOD_REASON)
        play(world, fleet, ONLY)
        stage.cut_bad_release()
        on_act(_bad_act(soak_factor), world)
        promote(world, COMPONENT, BAD, reason=BAD_REASON)
        play(world, fleet, ONLY)
        return stage.ending(world)


def copy_example(example: Path, directory: Path) -> None:
    for name in ("apps", "environments"):
        shutil.copytree(example / name, directory / name, symlinks=True)


def _catalog(directory: Path) -> Catalog:
    return check_repository(read_worktree(directory))[0]


def _bad_act(soak_factor: float | None) -> Act:
    where = f"in {CRASH_IN}, where the first real users are" if soak_factor is None else "wherever it arrives"
    soak = "" if soak_factor is None else f", with soakFactor {soak_factor:g}"
    says = f"gitrel promote {COMPONENT} {BAD}, which crashes 40 minutes after it arrives {where}{soak}"
    return Act("A bad release", says)


def _with_bad_image(data: bytes) -> bytes:
    return data.replace(b"registry.example.com/frontend:2.0.0", BAD_IMAGE.encode())
