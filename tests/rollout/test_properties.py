"""Random histories: whatever people, clusters and the repository do, the promises hold.

The four properties of the core, and what follows from them: it gets there when everything is well, it
never soaks for less than was asked, and every history that it writes is accepted by `verify`. That no
wake-up lies in the past and that every instant settles is asserted by the world itself, in each pass.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gitrel.rollout.commands import Refusal
from gitrel.rollout.decide import decide
from gitrel.rollout.explain import explain
from gitrel.rollout.facts import soak_of
from gitrel.rollout.gates.versions import live_versions
from gitrel.rollout.state import IN_FLIGHT, Phase
from gitrel.rollout.verify import verify
from gitrel.rollout.wire import rollout_from_json, rollout_to_json
from tests.rollout.world import World, a_spec

VERSIONS = st.sampled_from(["v1", "v2", "v3", "v4"])
PLACES = st.sampled_from(["staging", "canary", "asia", "europe", "america"])
DURATIONS = st.sampled_from([0, 5, 30, 60, 600, 1200, 2400, 7200, 100_000]).map(
    lambda seconds: timedelta(seconds=seconds)
)


class Histories(RuleBasedStateMachine):
    """A world in which anything may happen; after each event it is run to rest and looked at."""

    @initialize(
        on_failure=st.sampled_from(["hold", "rollback"]),
        most=st.sampled_from([2, 3]),
        parallel=st.sampled_from([1, 2]),
        first=st.booleans(),
        version=VERSIONS,
    )
    def begin(self, on_failure: Any, most: int, parallel: int, first: bool, version: str) -> None:
        spec = a_spec(on_failure=on_failure, max_active_versions=most, soak_first_release=first)
        spec = replace(spec, waves=tuple(replace(wave, max_parallel=parallel) for wave in spec.waves))
        self.world = World(spec, pointers=dict.fromkeys(spec.environments, version))
        self.most_live = 0
        self.passes()

    # ── what people do ──────────────────────────────────────────────────────────────────────────────────

    @rule(version=VERSIONS, to=st.none() | PLACES)
    def promote(self, version: str, to: str | None) -> None:
        self.ask("promote", version=version, to=to)

    @rule(to_version=st.none() | VERSIONS, environment=st.none() | PLACES)
    def rollback(self, to_version: str | None, environment: str | None) -> None:
        self.ask("rollback", to_version=to_version, environment=environment)

    @rule(environment=st.none() | PLACES)
    def retry(self, environment: str | None) -> None:
        self.ask("retry", environment=environment)

    @rule(kind=st.sampled_from(["pause", "resume", "abort"]))
    def halt(self, kind: str) -> None:
        self.ask(kind)

    def ask(self, kind: str, **arguments: Any) -> None:
        before = self.world.rollout
        try:
            self.world.command(kind, **arguments)
        except Refusal as refusal:
            assert self.world.rollout == before
            assert refusal.because
            assert refusal.due is None or refusal.due > self.world.now
        self.passes()

    @rule(place=PLACES, version=VERSIONS)
    def move_pointer_by_hand(self, place: str, version: str) -> None:
        self.world.pointers[place] = version
        self.push()

    @rule(place=PLACES, value=st.integers(0, 2))
    def edit_parameters(self, place: str, value: int) -> None:
        self.world.parameters[place] = value
        self.push()

    @rule(version=VERSIONS)
    def fix_a_released_version(self, version: str) -> None:
        self.world.fixes[version] = self.world.fixes.get(version, 0) + 1
        self.push()

    @rule()
    def commit_something_unrelated(self) -> None:
        """Changes every release's commit and no digest: the record must not even notice."""
        before = self.world.rollout
        self.world.commit()
        assert decide(self.world.spec, before, self.world.seen(), self.world.now).rollout == before

    def push(self) -> None:
        self.world.commit()
        self.passes()

    # ── what clusters do ────────────────────────────────────────────────────────────────────────────────

    @rule(place=PLACES, why=st.sampled_from(["", "pods crash"]))
    def break_or_mend(self, place: str, why: str) -> None:
        cluster = self.world.clusters[place]
        cluster.broken = why
        cluster.since = max(cluster.since, self.world.now)
        self.passes()

    @rule(place=PLACES, restarts=st.integers(1, 3), kept_ready=st.booleans())
    def restart_containers(self, place: str, restarts: int, kept_ready: bool) -> None:
        cluster = self.world.clusters[place]
        cluster.restarts += restarts
        if not kept_ready:
            cluster.since = self.world.now
        self.passes()

    @rule(place=PLACES)
    def lose_readiness(self, place: str) -> None:
        self.world.clusters[place].since = self.world.now + timedelta(seconds=20)
        self.passes()

    @rule(place=PLACES, reachable=st.booleans(), refuses=st.booleans())
    def change_contact(self, place: str, reachable: bool, refuses: bool) -> None:
        cluster = self.world.clusters[place]
        cluster.reachable, cluster.refuses = reachable, refuses
        self.passes()

    @rule(place=PLACES, how=st.sampled_from(["drift", "wipe", "replace"]))
    def meddle(self, place: str, how: str) -> None:
        """Behind our back: objects edited, everything deleted, or another release put there, and well."""
        cluster = self.world.clusters[place]
        cluster.drifted = how == "drift" and cluster.applied is not None
        if how != "drift":
            cluster.applied = None if how == "wipe" else "somebody-else's"
        self.passes()

    @rule(place=PLACES, by=DURATIONS)
    def replace_and_look_away(self, place: str, by: timedelta) -> None:
        """Another release is there, well, and gitrel may not change it: its health is no evidence."""
        cluster = self.world.clusters[place]
        cluster.applied, cluster.refuses = "somebody-else's", True
        self.world.advance(by)
        cluster.refuses = False
        self.passes()

    @rule(by=DURATIONS)
    def advance(self, by: timedelta) -> None:
        self.world.advance(by)

    @rule(by=DURATIONS)
    def nobody_looks(self, by: timedelta) -> None:
        """The daemon was down: time passes without a single pass."""
        self.world.now += by
        self.passes()

    # ── what must hold ──────────────────────────────────────────────────────────────────────────────────

    def passes(self) -> None:
        self.world.settle()

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def deciding_again_changes_nothing(self) -> None:
        world = self.world
        once = decide(world.spec, world.rollout, world.seen(), world.now)
        again = decide(world.spec, once.rollout, world.seen(), world.now)
        assert again == once

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def the_record_survives_the_journal(self) -> None:
        assert rollout_from_json(rollout_to_json(self.world.rollout)) == self.world.rollout

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def what_runs_was_permitted(self) -> None:
        """No cluster holds what the record did not put in force at some time."""
        for name, cluster in self.world.clusters.items():
            if cluster.reachable and not cluster.refuses and cluster.applied is not None:
                in_force = self.world.rollout.in_force.get(name)
                assert cluster.applied == (in_force.digest if in_force else "somebody-else's")

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def progress_is_consistent(self) -> None:
        rollout = self.world.rollout
        for name, progress in rollout.environments.items():
            assert progress.environment == name
            if progress.phase in IN_FLIGHT:
                assert rollout.in_force[name] == progress.target
            if progress.phase is Phase.STEADYING:
                assert progress.ready is not None
            if progress.phase is Phase.WATCHING:
                assert progress.steady is not None
            if progress.phase is Phase.PASSED and progress.steady is not None:
                assert progress.passed is not None
                assert progress.passed - progress.steady >= soak_of(self.world.spec, progress)

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def everything_can_be_explained(self) -> None:
        world = self.world
        for one in explain(world.spec, world.rollout, world.seen(), world.now):
            assert one.sentence.startswith(one.environment)
            assert one.due is None or one.due > world.now

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        breach = verify(self.world.journal)
        assert breach is None, breach
        self.well_again()

    def well_again(self) -> None:
        """Liveness: with every cluster well and one version asked for everywhere, it arrives everywhere."""
        world = self.world
        for cluster in world.clusters.values():
            cluster.reachable, cluster.refuses, cluster.broken = True, False, ""
        world.advance(timedelta(hours=1))
        if world.rollout.status in ("running", "paused", "failed"):
            world.command("abort")
        world.spec = replace(world.spec, max_active_versions=9)
        world.promote("v9")
        world.advance(timedelta(days=2))
        assert world.rollout.status == "passed", world.rollout
        assert list(live_versions(world.spec, world.rollout)) == ["v9"]
        assert set(world.pointers.values()) == {"v9"}
        assert verify(world.journal) is None


Histories.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestHistories = Histories.TestCase
