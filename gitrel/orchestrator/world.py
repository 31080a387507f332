"""Everything a pass may touch, handed to it as one value: the only door between the story and the outside.

The daemon, the CI job, the commands and a rehearsal build different worlds and run the same pass on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gitrel.clock import Clock
from gitrel.errors import Problem
from gitrel.events import EventStream
from gitrel.ledger.ledger import Ledger
from gitrel.ledger.proposals import Proposals
from gitrel.orchestrator.clusters import Clusters
from gitrel.orchestrator.notes import Notes
from gitrel.render.manifest import Judgement, Rendered
from gitrel.repo.model import Catalog
from gitrel.rollout.actions import Action
from gitrel.rollout.people import Stuck
from gitrel.rollout.state import Rollout


class Source(Protocol):
    """Where the config repository's truth is read from."""

    def head(self) -> str:
        """The full SHA of the commit that is the truth now."""
        ...

    def catalog(self, commit: str) -> tuple[Catalog, tuple[Problem, ...]]:
        """What that commit says, and everything that is wrong with it. Cheap to ask again."""
        ...


class Renderer(Protocol):
    def __call__(self, catalog: Catalog, component: str, version: str, environment: str) -> Rendered:
        """One release, rendered and validated. Cheap to ask again for the same inputs."""
        ...

    def judge(self, catalog: Catalog, component: str, version: str, environment: str) -> Judgement:
        """Its digest and its problems, without its manifests: cheaper still."""
        ...


def _never() -> datetime | None:
    """No remote that could have answered."""
    return None


def _nothing_to_tidy() -> None:
    """A world of memory piles nothing up."""


@dataclass(frozen=True)
class World:
    clock: Clock
    source: Source
    ledger: Ledger
    render: Renderer
    clusters: Clusters
    events: EventStream = field(default_factory=EventStream)
    actor: str = "gitrel"
    """Who acts, as `Name <email>`: the author of pointer commits and of journal entries."""
    proposals: Proposals | None = None
    """Where changes can be proposed to people; None where there is no remote."""
    notes: Notes = field(default_factory=Notes)
    adopt_objects: bool = False
    """Whether objects that are there already and nobody's may be taken over in these passes."""
    heard: Callable[[], datetime | None] = _never
    """When the remote answered last; None where there is none, or it never did."""
    tidy: Callable[[], None] = _nothing_to_tidy
    """For quiet moments: puts in order what the passes have piled up. Never raises."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the catalog a pass is about; empty means everything."""

    components: frozenset[str] = frozenset()

    def includes(self, component: str) -> bool:
        return not self.components or component in self.components


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action. `error` is empty when it was done."""

    component: str
    environment: str
    action: Action
    changes: Mapping[str, int] = field(default_factory=dict)
    """Objects by word: created, configured, recreated, unchanged, deleted, skipped."""
    error: str = ""
    mendable: bool = True
    """Whether an error may go away by itself; False where the cluster understood and said no."""
    waiting: str = ""
    """What the action waits for where it is on its way; the next pass goes on with it."""
    awaits: str = ""
    """The name of that: `stage 1 of 2`."""


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one pass found, decided and did. `wake_at` is when the next one is due at the latest."""

    at: datetime
    commit: str
    rollouts: Mapping[str, Rollout]
    because: Mapping[str, str]
    """One sentence per component."""
    outcomes: tuple[Outcome, ...]
    wake_at: datetime | None
    unreachable: Mapping[str, str]
    """Environment → why its cluster did not answer."""
    problems: tuple[Problem, ...] = ()
    """What is wrong in the repository; components with errors were left out of the pass."""
    orphaned: tuple[str, ...] = ()
    """Components that are gone from the repository and still run: nothing is ever removed in silence."""
    stuck: Mapping[str, tuple[Stuck, ...]] = field(default_factory=dict)
    """Component → what of it waits for a person, where nothing of it goes on by itself."""

    @property
    def waiting(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.waiting)

    @property
    def errors(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.error)
