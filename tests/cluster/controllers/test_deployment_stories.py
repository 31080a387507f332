"""Deployments on a virtual clock: what happens, and when."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.controllers.deployment import fenceposts, revisions
from gitrel.cluster.controllers.deployment import progress as progress_
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import (
    DEPLOYMENTS,
    REPLICASETS,
    change,
    cluster,
    each_instant,
    elapsed,
    events,
    forward,
    pods,
    progress,
    set_image,
    sets,
    sizes,
)
from tests.cluster.harness import WatchedCluster, deployment, get

RECREATE = {"type": "Recreate"}


def rolling(surge: int | str, unavailable: int | str) -> dict[str, object]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def settled(c: WatchedCluster, name: str = "web") -> bool:
    """Whether only the new set has pods, and all of them are available."""
    found = get(c, DEPLOYMENTS, "default", name)
    status, wanted = found["status"], found["spec"]["replicas"]
    return all(status.get(f, 0) == wanted for f in ("replicas", "updatedReplicas", "availableReplicas"))


def started(replicas: int = 3, starter: PodStarter | None = None, **spec: Any) -> WatchedCluster:
    """A Deployment `web` whose first rollout is complete."""
    c = cluster(starter)
    c.writer.create(DEPLOYMENTS, deployment("web", replicas, **spec))
    forward(c, 10)
    assert settled(c)
    return c


def test_a_new_deployment_becomes_available_when_its_pods_do() -> None:
    """Proves the first rollout: one set, the revision, both conditions, and the instant."""
    c = cluster()
    c.writer.create(DEPLOYMENTS, deployment("web"))
    c.settle()
    assert progress(c) == ("True", "ReplicaSetUpdated")
    forward(c, 1)
    assert not settled(c)
    forward(c, 1)
    assert settled(c)
    assert progress(c) == ("True", "NewReplicaSetAvailable")
    found = get(c, DEPLOYMENTS, "default", "web")
    assert found["metadata"]["annotations"] == {revisions.REVISION: "1"}
    assert found["metadata"]["generation"] == found["status"]["observedGeneration"] == 1
    name = c.reader.list(REPLICASETS)[0]["metadata"]["name"]
    assert events(c, "ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 3"]
    c.verify()


def test_a_deployment_at_rest_costs_nothing() -> None:
    """Proves that nothing ticks: no timer is armed, and an hour writes nothing."""
    c = started()
    revision = c.revision
    assert c.next_due() is None
    forward(c, 3600)
    assert c.revision == revision


GRID = [
    (surge, unavailable) for surge in (0, 1, 3, "25%", "100%") for unavailable in (0, 1, 3, "50%", "100%")
]


@pytest.mark.parametrize(("surge", "unavailable"), GRID)
def test_a_rolling_update_stays_within_its_fenceposts(surge: int | str, unavailable: int | str) -> None:
    """Proves at every instant: no more pods than replicas + surge, no fewer available than replicas −
    unavailable; and that it ends."""
    if surge == unavailable == 0:
        pytest.skip("validation refuses both at zero")
    replicas = 6
    posts = fenceposts.resolve_fenceposts(surge, unavailable, replicas)
    c = started(replicas, strategy=rolling(surge, unavailable))
    set_image(c, "web", "app:2")
    for _ in each_instant(c, 60):
        active = [p for p in pods(c) if "deletionTimestamp" not in p["metadata"]]
        assert len(active) <= posts.most
        available = get(c, DEPLOYMENTS, "default", "web")["status"].get("availableReplicas", 0)
        assert available >= posts.least_available
    assert settled(c)
    assert sizes(c) == {"app:1": 0, "app:2": 6}
    c.verify()


def test_min_ready_seconds_set_the_pace() -> None:
    """Proves that each step waits until the new pod has been ready for as long as asked."""
    c = cluster()
    c.writer.create(DEPLOYMENTS, deployment("web", 2, strategy=rolling(1, 0), minReadySeconds=30))
    forward(c, 40)
    set_image(c, "web", "app:2")
    grown: dict[int | None, float] = {}
    for now in each_instant(c, 120):
        grown.setdefault(sizes(c).get("app:2"), now - 40)
    # Two seconds to start and thirty to be trusted, twice.
    assert grown == {1: 0, 2: 32}
    assert settled(c)


def test_scaling_in_mid_rollout_is_shared_by_both_sets() -> None:
    """Proves the proportional scaling event, and that the rollout then goes on to its end."""
    c = started(10, strategy=rolling(3, 2))
    set_image(c, "web", "broken:2")
    c.settle()
    forward(c, 1)
    assert sizes(c) == {"app:1": 8, "broken:2": 5}
    change(c, DEPLOYMENTS, "web", "spec", "replicas", to=15)
    c.settle()
    # 15 + 3 pods in the old proportion of 8 : 5.
    assert sizes(c) == {"app:1": 11, "broken:2": 7}
    set_image(c, "web", "app:3")
    forward(c, 60)
    assert settled(c)
    assert sizes(c) == {"app:1": 0, "broken:2": 0, "app:3": 15}
    c.verify()


def test_scaling_at_rest_keeps_the_one_set() -> None:
    """Proves that up and down, and to nothing and back, only the present set is scaled."""
    c = started(3)
    for replicas in (7, 2, 0, 4):
        change(c, DEPLOYMENTS, "web", "spec", "replicas", to=replicas)
        forward(c, 40)
        assert settled(c)
        assert sizes(c) == {"app:1": replicas}
        assert len(pods(c)) == replicas


def test_a_rollover_turns_the_half_rolled_set_into_an_old_one() -> None:
    """Proves that a third template takes over at once, and the second set's pods go first."""
    c = started(4, strategy=rolling(1, 0))
    set_image(c, "web", "broken:2")
    c.settle()
    assert sizes(c) == {"app:1": 4, "broken:2": 1}
    set_image(c, "web", "app:3")
    c.settle()
    # The surge is shared: the broken pod has to go before the newest set may begin.
    assert sizes(c) == {"app:1": 4, "broken:2": 0, "app:3": 1}
    forward(c, 60)
    assert settled(c)
    revision = get(c, DEPLOYMENTS, "default", "web")["metadata"]["annotations"][revisions.REVISION]
    assert revision == "3"


def test_a_paused_deployment_scales_but_rolls_nothing_out() -> None:
    """Proves pause and resumption, the conditions that tell of them, and that the clock does not run."""
    c = started(3)
    change(c, DEPLOYMENTS, "web", "spec", "paused", to=True)
    set_image(c, "web", "app:2")
    c.settle()
    assert progress(c) == ("Unknown", "DeploymentPaused")
    change(c, DEPLOYMENTS, "web", "spec", "replicas", to=5)
    forward(c, 7200)
    assert sizes(c) == {"app:1": 5}
    assert progress(c) == ("Unknown", "DeploymentPaused")
    change(c, DEPLOYMENTS, "web", "spec", "paused", to=False)
    forward(c, 30)
    assert sizes(c) == {"app:1": 0, "app:2": 5}
    assert progress(c) == ("True", "NewReplicaSetAvailable")


def test_an_undo_is_a_new_highest_revision_of_the_old_set() -> None:
    """Proves that going back re-uses the set, gives it a new number, and keeps the old one in its history."""
    c = started(3)
    set_image(c, "web", "app:2")
    forward(c, 30)
    set_image(c, "web", "app:1")
    forward(c, 30)
    assert settled(c)
    assert sizes(c) == {"app:1": 3, "app:2": 0}
    annotations = sets(c)["app:1"]["metadata"]["annotations"]
    assert annotations[revisions.REVISION] == "3"
    assert annotations[revisions.HISTORY] == "1"
    assert get(c, DEPLOYMENTS, "default", "web")["metadata"]["annotations"][revisions.REVISION] == "3"


def test_a_rollback_by_annotation_does_the_same_and_clears_the_request() -> None:
    """Proves the older way to undo, with its event."""
    c = started(3)
    set_image(c, "web", "app:2")
    forward(c, 30)
    found = get(c, DEPLOYMENTS, "default", "web")["metadata"]["annotations"]
    change(c, DEPLOYMENTS, "web", "metadata", "annotations", to={**found, revisions.ROLLBACK_TO: "1"})
    forward(c, 30)
    assert sizes(c) == {"app:1": 3, "app:2": 0}
    annotations = get(c, DEPLOYMENTS, "default", "web")["metadata"]["annotations"]
    assert annotations == {revisions.REVISION: "3"}
    assert events(c, "DeploymentRollback") == ['Rolled back deployment "web" to revision 1']


def test_a_stuck_rollout_times_out_one_second_after_its_deadline() -> None:
    """Proves the instant of the verdict, that nothing is undone, and that a repaired template recovers."""
    c = started(3, progressDeadlineSeconds=60)
    set_image(c, "web", "broken:2")
    stuck_at = elapsed(c)
    reasons: dict[tuple[str, str], float] = {}
    for now in each_instant(c, 200):
        reasons.setdefault(progress(c), now - stuck_at)
    assert reasons[("False", "ProgressDeadlineExceeded")] == 61
    assert sizes(c) == {"app:1": 3, "broken:2": 1}
    assert c.next_due() is None
    set_image(c, "web", "app:3")
    forward(c, 30)
    assert settled(c)
    assert progress(c) == ("True", "NewReplicaSetAvailable")


def test_progress_moves_the_deadline() -> None:
    """Proves that the deadline counts from the last progress, not from the start."""
    c = cluster(PodStarter(start_seconds=50))
    c.writer.create(DEPLOYMENTS, deployment("web", 2, progressDeadlineSeconds=60))
    forward(c, 60)
    set_image(c, "web", "app:2")
    # Surge one, nothing unavailable: two steps of fifty seconds, each in time.
    seen = {progress(c) for _ in each_instant(c, 130)}
    assert progress_.TIMED_OUT not in {reason for _, reason in seen}
    assert settled(c)


def test_recreate_waits_for_the_last_old_pod() -> None:
    """Proves that no new pod exists before the last old one is gone, though it takes its time to stop."""
    c = started(3, PodStarter(stop_seconds=9), strategy=RECREATE)
    begun = elapsed(c)
    set_image(c, "web", "app:2")
    first_new = None
    for now in each_instant(c, 60):
        images = {p["spec"]["containers"][0]["image"] for p in pods(c)}
        assert len(images) <= 1
        if images == {"example.org/app:2"} and first_new is None:
            first_new = now - begun
    assert first_new == 9
    assert settled(c)


def test_old_sets_beyond_the_history_limit_go() -> None:
    """Proves that the lowest revisions are deleted, once the rollout is complete."""
    c = started(1, revisionHistoryLimit=2)
    for number in range(2, 7):
        set_image(c, "web", f"app:{number}")
        forward(c, 30)
    assert sorted(sizes(c)) == ["app:4", "app:5", "app:6"]


def test_a_name_that_is_taken_counts_as_a_collision() -> None:
    """Proves that another's ReplicaSet of the same name is left alone and another name is found."""
    c = started(1)
    taken = c.reader.list(REPLICASETS)[0]
    c.writer.delete(DEPLOYMENTS, "default", "web")
    forward(c, 40)
    stranger = {**taken, "metadata": {"name": taken["metadata"]["name"], "namespace": "default"}}
    stranger["spec"] = {**taken["spec"], "replicas": 0, "selector": {"matchLabels": {"app": "other"}}}
    c.writer.create(REPLICASETS, stranger)
    c.writer.create(DEPLOYMENTS, deployment("web", 1))
    forward(c, 10)
    assert settled(c)
    assert get(c, DEPLOYMENTS, "default", "web")["status"]["collisionCount"] == 1
    assert len(c.reader.list(REPLICASETS)) == 2


def test_a_status_that_somebody_else_wrote_is_put_right() -> None:
    """Proves that only a controller's own writes are taken as read."""
    c = started(3)
    before = get(c, DEPLOYMENTS, "default", "web")["status"]
    c.writer.update_status(DEPLOYMENTS, {**get(c, DEPLOYMENTS, "default", "web"), "status": {"replicas": 99}})
    c.settle()
    after = get(c, DEPLOYMENTS, "default", "web")["status"]
    assert {k: v for k, v in after.items() if k != "conditions"} == {
        k: v for k, v in before.items() if k != "conditions"
    }


def test_an_empty_selector_is_warned_of() -> None:
    """Proves that a Deployment that selects everything does nothing at all."""
    c = cluster()
    c.writer.create(DEPLOYMENTS, deployment("web", selector={}))
    c.settle()
    assert len(events(c, "SelectingAll")) == 1
    assert not c.reader.list(REPLICASETS)
    assert get(c, DEPLOYMENTS, "default", "web")["status"]["observedGeneration"] == 1


def test_an_orphaned_set_is_adopted_and_a_relabelled_one_released() -> None:
    """Proves that a Deployment takes over the ReplicaSets it matches, and lets go of those it does not."""
    c = started(2)
    old = c.reader.list(REPLICASETS)[0]["metadata"]["name"]
    c.writer.delete(DEPLOYMENTS, "default", "web", propagation="Orphan")
    forward(c, 5)
    assert "ownerReferences" not in get(c, REPLICASETS, "default", old)["metadata"]
    c.writer.create(DEPLOYMENTS, deployment("web", 2))
    forward(c, 5)
    assert list(sizes(c).values()) == [2]
    assert len(pods(c)) == 2
    labels = get(c, REPLICASETS, "default", old)["metadata"]["labels"]
    change(c, REPLICASETS, old, "metadata", "labels", to={**labels, "app": "quarantine"})
    forward(c, 5)
    assert "ownerReferences" not in {
        k: v for k, v in get(c, REPLICASETS, "default", old)["metadata"].items() if v
    }


def test_the_same_seed_gives_the_same_log() -> None:
    """Proves that a rollout is deterministic, byte for byte."""

    def play() -> list[object]:
        c = started(5)
        set_image(c, "web", "app:2")
        forward(c, 60)
        return [(change.type, change.resource, change.new) for change in c.store.changes_after(0)]

    assert play() == play()
