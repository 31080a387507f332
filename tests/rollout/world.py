"""A small world to roll out in: a repository, clusters, a clock, and the journal of what was decided.

It performs actions the way the shell does (pointers move with the record, applies may fail), and stands on
no part of gitrel but the core that is under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitrel.rollout import commands, wire
from gitrel.rollout.actions import Action, Apply, MovePointer
from gitrel.rollout.decide import Decision, decide
from gitrel.rollout.seen import Health, Release, Seen
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import IN_FLIGHT, Rollout
from gitrel.rollout.verify import Step

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STARTUP = timedelta(seconds=30)


def a_spec(*waves: str, **changes: Any) -> RolloutSpec:
    """`a_spec("canary", "asia europe")`: a wave per argument, as many at once as there are environments."""
    names = [tuple(wave.split()) for wave in waves or ("staging", "canary", "asia europe", "america")]
    base = RolloutSpec(
        component="frontend",
        waves=tuple(WaveSpec(f"w{place}", wave, len(wave)) for place, wave in enumerate(names, 1)),
        min_ready=timedelta(seconds=10),
        mean_time_to_smoke=timedelta(minutes=20),
        soak_factor=2.0,
        progress_deadline=timedelta(minutes=10),
        max_restarts=1,
        max_setbacks=2,
        max_active_versions=3,
        on_failure="hold",
        soak_first_release=False,
    )
    return replace(base, **changes)


@dataclass
class Cluster:
    """One environment's cluster: what is applied there, and how it is doing."""

    applied: str | None = None
    since: datetime = START
    reachable: bool = True
    drifted: bool = False
    broken: str = ""
    restarts: int = 0
    refuses: bool = False

    def health(self, now: datetime) -> Health | None:
        if self.applied is None or not self.reachable:
            return None
        if self.broken:
            return Health("failed", self.broken, restarts=self.restarts)
        if now < self.since:
            return Health("in-progress", "0 of 3 replicas are ready", restarts=self.restarts)
        return Health("current", since=self.since, restarts=self.restarts)

    def apply(self, digest: str, now: datetime) -> None:
        if self.applied != digest:
            self.applied, self.since = digest, now + STARTUP
        self.drifted = False


@dataclass
class World:
    spec: RolloutSpec
    now: datetime = START
    pointers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    fixes: dict[str, int] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    rollout: Rollout = field(default_factory=lambda: Rollout("frontend"))
    journal: list[Step] = field(default_factory=list)
    commits: int = 0
    decision: Decision | None = None

    def __post_init__(self) -> None:
        for name in self.spec.environments:
            self.clusters.setdefault(name, Cluster())

    # ── the repository ──────────────────────────────────────────────────────────────────────────────────

    def release(self, version: str, name: str) -> Release:
        """Every commit changes `Release.commit`, and only what matters changes the digest."""
        digest = f"{version}.{self.fixes.get(version, 0)}/{name}.{self.parameters.get(name, 0)}"
        return Release(version, digest, f"commit{self.commits}")

    def commit(self) -> None:
        self.commits += 1

    # ── what is seen, and the pass ──────────────────────────────────────────────────────────────────────

    def seen(self, version: str = "") -> dict[str, Seen]:
        version = version or self.rollout.version
        return {name: self._sight(name, version) for name in self.spec.environments}

    def _sight(self, name: str, version: str) -> Seen:
        cluster, pointer = self.clusters[name], self.pointers.get(name)
        return Seen(
            environment=name,
            pointer=self.release(pointer, name) if pointer else None,
            candidate=self.release(version, name) if version else None,
            reachable=cluster.reachable,
            applied=cluster.applied if cluster.reachable else None,
            health=cluster.health(self.now),
            drifted=cluster.drifted and cluster.reachable,
        )

    def step(self) -> Decision:
        """One pass: decide, remember, act."""
        seen = self.seen()
        decision = decide(self.spec, self.rollout, seen, self.now)
        assert decision.wake_at is None or decision.wake_at > self.now, "a wake-up in the past"
        assert decision.because
        self._check_starts(decision.rollout)
        if decision.rollout != self.rollout:
            self._remember("decision", {"seen": seen}, decision.rollout, decision.actions)
        self.rollout = decision.rollout
        for action in decision.actions:
            self._perform(action)
        self.decision = decision
        return decision

    def _check_starts(self, after: Rollout) -> None:
        """What may never start, in the plainest terms. An undo by hand is exempt from all but a pause."""
        before = self.rollout
        for name, progress in after.environments.items():
            old = before.environments.get(name)
            if progress.started != self.now or (old is not None and old.started == self.now):
                continue
            assert after.status != "paused", f"{name} started while paused"
            if progress.change != "undo":
                assert progress.target.digest not in before.rejected, f"{name} started what was rejected"
                assert self._in_flight(after, name) <= self._wave(name).max_parallel, (
                    f"{name} is one too many"
                )

    def _wave(self, name: str) -> WaveSpec:
        return next(wave for wave in self.spec.waves if name in wave.environments)

    def _in_flight(self, rollout: Rollout, name: str) -> int:
        """Ordinary releases in flight in the wave of `name`."""
        ones = (rollout.environments.get(other) for other in self._wave(name).environments)
        return sum(one is not None and one.phase in IN_FLIGHT and one.change != "undo" for one in ones)

    def _perform(self, action: Action) -> None:
        if isinstance(action, MovePointer):
            self.pointers[action.environment] = action.version
            self.commit()
        elif isinstance(action, Apply) and not self.clusters[action.environment].refuses:
            self.clusters[action.environment].apply(action.release.digest, self.now)

    def _remember(
        self, kind: str, inputs: dict[str, Any], after: Rollout, actions: tuple[Action, ...]
    ) -> None:
        seen = inputs.get("seen", {})
        plain = {**inputs, "seen": {name: wire.seen_to_json(one) for name, one in seen.items()}}
        done = tuple(wire.action_to_json(action) for action in actions)
        self.journal.append(
            Step(self.now, "frontend", kind, "ana", wire.spec_to_json(self.spec), plain, done, after)
        )

    def settle(self) -> list[Decision]:
        """Passes at this instant until there is nothing more to do."""
        decisions = [self.step()]
        while self._has_news(decisions[-1]):
            decisions.append(self.step())
            assert len(decisions) < 60, "the world does not come to rest"
        return decisions

    def _has_news(self, decision: Decision) -> bool:
        again = decide(self.spec, self.rollout, self.seen(), self.now)
        return again.rollout != decision.rollout or again.actions != decision.actions

    def run(self, until: datetime) -> Iterator[Decision]:
        """Passes at each wake-up, and whenever a cluster changes by itself, up to `until`."""
        yield from self.settle()
        while (due := self._next()) is not None and due <= until:
            self.now = due
            yield from self.settle()
        self.now = until
        yield from self.settle()

    def _next(self) -> datetime | None:
        dues = [cluster.since for cluster in self.clusters.values() if cluster.since > self.now]
        if self.decision is not None and self.decision.wake_at is not None:
            dues.append(self.decision.wake_at)
        return min((due for due in dues if due > self.now), default=None)

    def advance(self, by: timedelta) -> list[Decision]:
        return list(self.run(self.now + by))

    # ── what people ask ─────────────────────────────────────────────────────────────────────────────────

    def command(self, kind: str, **arguments: Any) -> None:
        """Raises Refusal where the schedule says no; the record stays as it was then."""
        seen = self.seen(arguments.get("version", ""))
        inputs = {**arguments, "seen": seen}
        before = self.rollout
        takes = {"promote": commands.promote, "rollback": commands.rollback, "retry": commands.retry}
        if kind in takes:
            call: Any = takes[kind]
            self.rollout = call(self.spec, before, seen, *arguments.values(), "ana", "a reason", self.now)
        else:
            simple: Any = getattr(commands, kind)
            self.rollout = simple(before, "ana", "a reason", self.now)
        inputs["reason"] = "a reason"
        if self.rollout != before:
            self._remember(kind, inputs, self.rollout, ())

    def promote(self, version: str, to: str | None = None) -> None:
        self.command("promote", version=version, to=to)

    def rollback(self, to_version: str | None = None, environment: str | None = None) -> None:
        self.command("rollback", to_version=to_version, environment=environment)

    def retry(self, environment: str | None = None) -> None:
        self.command("retry", environment=environment)


def released(spec: RolloutSpec, version: str = "v1") -> World:
    """A world in which `version` has run everywhere for a day."""
    world = World(spec, pointers=dict.fromkeys(spec.environments, version))
    world.advance(timedelta(days=1))
    assert world.rollout.status == "passed", world.rollout
    return world
