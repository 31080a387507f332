"""A Deployment's sums on plain dicts: fenceposts, steps, proportions, revisions, progress."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.controllers.deployment import (
    fenceposts,
    hashing,
    progress,
    recreate,
    replicasets,
    revisions,
    rollback,
    rolling,
    scaling,
    status,
)
from gitrel.cluster.controllers.deployment.fenceposts import Fenceposts
from gitrel.cluster.controllers.deployment.replicasets import Sets
from tests.cluster.controllers.build import at, deployment, pod, replicaset, stamp

POSTS = [
    pytest.param("25%", "25%", 3, (1, 0), id="the defaults: surge up, unavailable down"),
    pytest.param("25%", "25%", 10, (3, 2), id="of ten"),
    pytest.param("0%", "1%", 10, (0, 1), id="both resolve to nothing: one may be unavailable"),
    pytest.param(0, 0, 10, (0, 1), id="both are nothing"),
    pytest.param(2, 20, 3, (2, 3), id="no more unavailable than there are"),
    pytest.param(1, 1, 0, (1, 0), id="none of none"),
    pytest.param("100%", 0, 4, (4, 0), id="twice as many"),
]


@pytest.mark.parametrize(("surge", "unavailable", "replicas", "posts"), POSTS)
def test_fenceposts(surge: int | str, unavailable: int | str, replicas: int, posts: tuple[int, int]) -> None:
    """Proves the rounding, and that a rolling update can always move."""
    found = fenceposts.resolve_fenceposts(surge, unavailable, replicas)
    assert (found.surge, found.unavailable) == posts


def test_recreate_has_no_fenceposts() -> None:
    """Proves that Recreate is only available as a whole."""
    posts = fenceposts.calculate_fenceposts(deployment(5, strategy={"type": "Recreate"}))
    assert posts == Fenceposts(5, 0, 0)


NEW_SIZES = [
    pytest.param(0, 10, 2, id="room for the surge"),
    pytest.param(2, 12, 2, id="no room"),
    pytest.param(2, 14, 2, id="others hold too many: it never shrinks for that"),
    pytest.param(9, 10, 10, id="no more than are wanted"),
    pytest.param(12, 12, 10, id="too large: back to what is wanted"),
]


@pytest.mark.parametrize(("size", "total", "expected"), NEW_SIZES)
def test_the_new_set_grows_as_far_as_the_surge_allows(size: int, total: int, expected: int) -> None:
    """Proves the sum of step 1, for ten replicas and a surge of two."""
    assert rolling.calculate_new_size(size, total, Fenceposts(10, 2, 2)) == expected


def sizes_after(scales: list[rolling.Scale]) -> dict[str, int]:
    return {scale.replicaset["metadata"]["name"]: scale.replicas for scale in scales}


OLD_SIZES = [
    pytest.param((4, 0), [(8, 8)], {}, id="nothing of the new is available yet"),
    pytest.param((4, 4), [(8, 8)], {"old0": 4}, id="each that became available frees one"),
    pytest.param((4, 0), [(8, 3)], {}, id="broken new and broken old: all may be needed"),
    pytest.param((2, 0), [(10, 8)], {"old0": 8}, id="unhealthy old pods go first"),
    pytest.param((2, 2), [(5, 5), (5, 0)], {"old1": 1}, id="unhealthy ones go whatever their age"),
    pytest.param((6, 6), [(3, 3), (3, 3)], {"old0": 0, "old1": 2}, id="then the oldest set"),
    pytest.param((0, 0), [(10, 12), (2, 0)], {}, id="a set that still shrinks is waited for"),
    pytest.param((4, 4), [], {}, id="nothing old"),
]


@pytest.mark.parametrize(("new", "old", "expected"), OLD_SIZES)
def test_old_sets_shrink_by_what_is_not_needed(
    new: tuple[int, int], old: list[tuple[int, int]], expected: dict[str, int]
) -> None:
    """Proves the sums of step 2 for ten replicas, of which two may be unavailable; (size, available)."""
    sets = [replicaset(f"old{i}", *pair, created=i) for i, pair in enumerate(old)]
    scales = rolling.calculate_old_sizes(replicaset("new", *new), sets, Fenceposts(10, 2, 2))
    assert sizes_after(scales) == expected


def test_a_set_may_lose_unhealthy_and_then_surplus_pods_in_one_step() -> None:
    """Proves that the second sum starts from what the first left."""
    old = [replicaset("old", 6, 5)]
    scales = rolling.calculate_old_sizes(replicaset("new", 6, 6), old, Fenceposts(10, 2, 2))
    assert [scale.replicas for scale in scales] == [5, 2]


@st.composite
def rollouts(draw: st.DrawFn) -> tuple[Fenceposts, list[list[int]]]:
    """Fenceposts, and some sets as [size, available], the last of which is the new one."""
    replicas = draw(st.integers(0, 12))
    posts = fenceposts.resolve_fenceposts(draw(st.integers(0, 5)), draw(st.integers(0, 12)), replicas)
    room = replicas + posts.surge
    sets = []
    for _ in range(draw(st.integers(1, 4))):
        size = draw(st.integers(0, room))
        room -= size
        sets.append([size, draw(st.integers(0, size))])
    return posts, sets


def one_step(posts: Fenceposts, sets: list[list[int]]) -> list[list[int]]:
    """What a sync would make of the sizes; availability is capped as the pods go."""
    objects = [replicaset(str(i), *pair, created=i) for i, pair in enumerate(sets)]
    *old, new = objects
    size = rolling.calculate_new_size(sets[-1][0], sum(size for size, _ in sets), posts)
    if size != sets[-1][0]:
        return [*sets[:-1], [size, min(size, sets[-1][1])]]
    after = {int(name): n for name, n in sizes_after(rolling.calculate_old_sizes(new, old, posts)).items()}
    # Pods that are not available are deleted first (the deletion order proves that).
    return [[after.get(i, size), min(after.get(i, size), up)] for i, (size, up) in enumerate(sets)]


@settings(max_examples=150, deadline=None)
@given(rollouts(), st.data())
def test_a_rolling_update_keeps_within_its_fenceposts_and_ends(
    case: tuple[Fenceposts, list[list[int]]], data: st.DataObject
) -> None:
    """Proves, whatever becomes available or breaks in between: never more than replicas + surge asked for;
    a step never takes available pods below the least, or any at all when already below; and once everything
    becomes available, the rollout is done in a bounded number of steps."""
    posts, sets = case
    for _ in range(data.draw(st.integers(0, 8))):
        before = sum(up for _, up in sets)
        sets = one_step(posts, sets)
        assert sum(size for size, _ in sets) <= max(posts.most, posts.replicas)
        assert sum(up for _, up in sets) >= min(before, posts.least_available)
        sets = [[size, data.draw(st.integers(0, size))] for size, _ in sets]
    for _ in range(4 * (posts.most + 1)):
        sets = one_step(posts, [[size, size] for size, _ in sets])
    assert [size for size, _ in sets] == [0] * (len(sets) - 1) + [posts.replicas]


PROPORTIONS = [
    pytest.param(15, [(8, 10), (5, 10)], {"s0": 11, "s1": 7}, id="growth is shared by size"),
    pytest.param(5, [(8, 10), (5, 10)], {"s0": 5, "s1": 3}, id="so is shrinking"),
    pytest.param(0, [(8, 10), (5, 10)], {"s0": 0, "s1": 0}, id="to nothing: no surge"),
    pytest.param(11, [(6, 10), (6, 10)], {"s0": 6, "s1": 8}, id="equal: the newer takes what is left over"),
    pytest.param(8, [(6, 10), (6, 10)], {"s0": 5, "s1": 6}, id="equal: the older gives first"),
    pytest.param(10, [(8, 10), (5, 10)], {"s0": 8, "s1": 5}, id="nothing to do but the annotations"),
]


@pytest.mark.parametrize(("wanted", "sets", "expected"), PROPORTIONS)
def test_scaling_in_mid_rollout_is_proportional(
    wanted: int, sets: list[tuple[int, int]], expected: dict[str, int]
) -> None:
    """Proves the shares of two sets of (size, replicas before) with a surge of three."""
    objects = [
        replicaset(f"s{i}", size, desired=before, most=before + 3, created=i)
        for i, (size, before) in enumerate(sets)
    ]
    scales = scaling.calculate_proportions(objects, Fenceposts(wanted, 3, 2), 13)
    assert sizes_after(scales) == expected


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    replicas=st.integers(0, 60),
    surge=st.integers(0, 10),
    spare=st.integers(0, 20),
)
def test_proportions_add_up(sizes: list[int], replicas: int, surge: int, spare: int) -> None:
    """Proves that growing asks for exactly replicas + surge, that shrinking never goes below it nor lets any
    set grow, that zero is zero, and that no size is negative."""
    before = sum(sizes) + spare
    objects = [replicaset(f"s{i}", size, most=before, created=i) for i, size in enumerate(sizes)]
    scales = scaling.calculate_proportions(objects, Fenceposts(replicas, surge, 0), sum(sizes))
    total, target = sum(scale.replicas for scale in scales), replicas + surge if replicas else 0
    assert all(scale.replicas >= 0 for scale in scales)
    if target >= sum(sizes) or target == 0:
        assert total == target
    else:
        assert target <= total <= sum(sizes)
        assert all(scale.replicas <= replicasets.replicas(scale.replicaset) for scale in scales)


def test_a_half_is_rounded_away_from_zero() -> None:
    """Proves the rounding that the proportions rest on."""
    assert [scaling.round_half_away(n, 2) for n in range(6)] == [0, 1, 1, 2, 2, 3]


SCALES = [
    pytest.param(Sets(replicaset("new", 3), []), {"new": 5}, id="one active set: it alone"),
    pytest.param(
        Sets(None, [replicaset("a", 0), replicaset("b", 0, created=1)]), {"b": 5}, id="none: newest"
    ),
    pytest.param(Sets(replicaset("new", 5), []), {}, id="already there"),
    pytest.param(
        Sets(replicaset("new", 5, 5, desired=5), [replicaset("old", 2, 2)]),
        {"old": 0},
        id="saturated new set",
    ),
]


@pytest.mark.parametrize(("sets", "expected"), SCALES)
def test_what_a_change_of_replicas_scales(sets: Sets, expected: dict[str, int]) -> None:
    """Proves the cases before proportions come into it, for five replicas."""
    assert sizes_after(scaling.calculate_scales(sets, Fenceposts(5, 1, 1), 5, True)) == expected


def test_a_scaling_event_is_an_active_set_that_remembers_another_number() -> None:
    """Proves that empty sets and sets without the annotation are no events."""
    assert scaling.is_scaling_event([replicaset("a", 3, desired=3)], 5)
    assert not scaling.is_scaling_event([replicaset("a", 0, desired=3), replicaset("b", 1)], 5)


def test_hashes_are_safe_short_and_follow_the_template() -> None:
    """Proves the alphabet, the length, and that a collision gives another name."""
    template = deployment()["spec"]["template"]
    first, second = hashing.calculate_hash(template), hashing.calculate_hash(template, 1)
    assert first != second
    assert first == hashing.calculate_hash(dict(reversed(template.items())))
    assert 1 <= len(first) <= 10
    assert set(first + second) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_the_new_set_is_the_oldest_of_the_template() -> None:
    """Proves that the hash label is ignored, and age decides between two of the same template."""
    late, early, other = (
        replicaset("late", 1, created=9),
        replicaset("early", 1, created=1),
        replicaset("other", 1, image="app:0"),
    )
    sets = replicasets.sort_out(deployment(), [late, other, early])
    assert sets.new is early
    assert list(sets.old) == [other, late]


REVISIONS = [
    pytest.param({}, 1, {"revision": "1"}, id="the first"),
    pytest.param({"revision": "2"}, 5, {"revision": "5", "revision-history": "2"}, id="rolled back to"),
    pytest.param(
        {"revision": "5", "revision-history": "1,2"},
        7,
        {"revision": "7", "revision-history": "1,2,5"},
        id="rolled back to again",
    ),
    pytest.param({"revision": "7"}, 7, {"revision": "7"}, id="not higher: kept"),
    pytest.param({"revision": "x"}, 7, {"revision": "x"}, id="no number: left alone"),
]


@pytest.mark.parametrize(("before", "revision", "after"), REVISIONS)
def test_revisions_only_rise_and_the_old_ones_are_kept(
    before: dict[str, str], revision: int, after: dict[str, str]
) -> None:
    """Proves the two annotations of a set."""
    prefix = "deployment.kubernetes.io/"
    current = {prefix + key: value for key, value in before.items()}
    found = revisions.annotations_of_new(deployment(), current, revision)
    assert found == {prefix + key: value for key, value in after.items()}


def test_annotations_travel_except_those_about_the_deployment_itself() -> None:
    """Proves what a set takes over from its Deployment."""
    owner = deployment()
    owner["metadata"]["annotations"] = {"team": "blue", revisions.REVISION: "3", revisions.ROLLBACK_TO: "1"}
    found = revisions.annotations_of_new(owner, {"old": "stays"}, 4)
    assert found == {"old": "stays", "team": "blue", revisions.REVISION: "4"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 10**9).map(str), min_size=1, max_size=400))
def test_history_keeps_the_newest_within_its_limit(numbers: list[str]) -> None:
    """Proves the limit of 2000 characters: the oldest go, the newest is always there."""
    history = ""
    for number in numbers:
        history = revisions.appended(history, number)
        assert len(history) <= revisions.HISTORY_CHARS_MAX
        assert history.split(",")[-1] == number
    kept = history.split(",")
    assert numbers[-len(kept) :] == kept


def test_history_limit_spares_sets_that_are_not_idle() -> None:
    """Proves the order by revision, and that a set with pods or an unseen change is passed over."""
    busy = replicaset("busy", 0, revision=1, replicas=1)
    unseen = replicaset("unseen", 0, revision=2, observedGeneration=0)
    idle = [replicaset(f"idle{n}", 0, revision=n) for n in (4, 3, 5)]
    surplus = revisions.calculate_surplus([*idle, busy, unseen], 1)
    assert [s["metadata"]["name"] for s in surplus] == ["idle3", "idle4"]
    assert revisions.calculate_surplus(idle, None) == []
    assert revisions.calculate_surplus(idle, 3) == []


@pytest.mark.parametrize(("numbers", "last"), [([1, 2, 3], 2), ([3, 1], 1), ([1], 0), ([], 0), ([5, 5], 5)])
def test_the_last_revision_is_the_second_highest(numbers: list[int], last: int) -> None:
    """Proves where an undo without a number goes."""
    assert revisions.last_revision(replicaset(str(i), 0, revision=n) for i, n in enumerate(numbers)) == last


def test_a_rollback_takes_the_template_and_the_annotations_back() -> None:
    """Proves what `deprecated.deployment.rollback.to` does, with and without a revision."""
    owner = deployment(image="app:2")
    owner["metadata"]["annotations"] = {revisions.ROLLBACK_TO: "0", revisions.REVISION: "2", "note": "new"}
    target = replicaset("one", 0, revision=1)
    target["metadata"]["annotations"]["note"] = "old"
    sets = [target, replicaset("two", 3, revision=2, image="app:2")]
    answer = rollback.calculate_rollback(owner, sets, 0)
    assert answer.reason == "DeploymentRollback"
    assert answer.message == 'Rolled back deployment "web" to revision 1'
    assert answer.deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    assert "pod-template-hash" not in answer.deployment["spec"]["template"]["metadata"]["labels"]
    assert answer.deployment["metadata"]["annotations"] == {revisions.REVISION: "2", "note": "old"}
    assert rollback.calculate_rollback(owner, sets, 2).reason == "DeploymentRollbackTemplateUnchanged"
    assert rollback.calculate_rollback(owner, sets, 9).reason == "DeploymentRollbackRevisionNotFound"
    assert rollback.calculate_rollback(owner, sets[1:], 0).message == "Unable to find last revision."


def test_recreate_waits_for_reported_and_for_terminating_pods() -> None:
    """Proves that only pods at their end are not waited for."""
    gone = replicaset("old", 0)
    assert recreate.has_old_pods([replicaset("old", 2)], [])
    assert recreate.has_old_pods([gone], [pod(deleting=True)])
    assert not recreate.has_old_pods([gone], [pod(phase="Succeeded"), pod(phase="Failed")])


def test_the_status_counts_and_leaves_zeros_out() -> None:
    """Proves the sums, and that `terminatingReplicas` stays unknown until every set has told."""
    sets = Sets(replicaset("new", 2, 1, terminatingReplicas=0), [replicaset("old", 3, 3)])
    found = status.calculate_status(deployment(4), sets, Fenceposts(4, 1, 1), [], at(0))
    conditions = found.pop("conditions")
    assert found == {
        "observedGeneration": 1,
        "replicas": 5,
        "updatedReplicas": 2,
        "readyReplicas": 4,
        "availableReplicas": 4,
        "unavailableReplicas": 1,
    }
    assert [(c["type"], c["status"], c["reason"]) for c in conditions] == [
        ("Available", "True", "MinimumReplicasAvailable")
    ]
    old = replicaset("old", 0, terminatingReplicas=2)
    found = status.calculate_status(deployment(4), Sets(sets.new, [old]), Fenceposts(4, 1, 1), [], at(0))
    assert found["terminatingReplicas"] == 2
    assert "unavailableReplicas" in found
    assert found["conditions"][0]["reason"] == "MinimumReplicasUnavailable"


def progressing(reason: str, status_: str = "True", updated: float = 0) -> dict[str, Any]:
    return {
        "type": "Progressing",
        "status": status_,
        "reason": reason,
        "message": "",
        "lastUpdateTime": stamp(updated),
        "lastTransitionTime": stamp(0),
    }


PROGRESS = [
    pytest.param(progress.CREATED, {}, 600, progress.CREATED, id="waiting, at the deadline"),
    pytest.param(progress.CREATED, {}, 601, progress.TIMED_OUT, id="waiting, past the deadline"),
    pytest.param(progress.CREATED, {"readyReplicas": 1}, 700, progress.UPDATED, id="late progress counts"),
    pytest.param(progress.TIMED_OUT, {}, 602, progress.TIMED_OUT, id="still timed out"),
    pytest.param(progress.TIMED_OUT, {"readyReplicas": 1}, 800, progress.UPDATED, id="recovers"),
    pytest.param(
        progress.AVAILABLE, {"replicas": 1}, 9999, progress.AVAILABLE, id="complete before: no clock"
    ),
]


@pytest.mark.parametrize(("reason", "counts", "now", "expected"), PROGRESS)
def test_what_becomes_of_progress(reason: str, counts: dict[str, int], now: int, expected: str) -> None:
    """Proves when a rollout of 600 seconds' patience times out, and when it does not."""
    owner = {**deployment(), "status": {"replicas": 1}}
    found = {"replicas": 1, **counts, "conditions": [progressing(reason)]}
    after = progress.calculate_progress(owner, found, False, "web-1", at(now))
    condition = progress.find(after)
    assert condition is not None
    assert condition["reason"] == expected
    if expected == progress.UPDATED:
        assert condition["lastUpdateTime"] == stamp(now)


def test_a_complete_rollout_says_so_with_the_words_of_kubernetes() -> None:
    """Proves reason and message, and that a transition time only moves with the status."""
    found = {"conditions": [progressing(progress.UPDATED)]}
    condition = progress.find(progress.calculate_progress(deployment(), found, True, "web-1", at(9)))
    assert condition is not None
    assert condition["message"] == 'ReplicaSet "web-1" has successfully progressed.'
    assert (condition["lastUpdateTime"], condition["lastTransitionTime"]) == (stamp(9), stamp(0))


def test_no_deadline_means_no_condition() -> None:
    """Proves that the largest int32 switches progress off."""
    owner = deployment(progressDeadlineSeconds=progress.NO_DEADLINE)
    found = {"conditions": [progressing(progress.UPDATED)]}
    assert progress.calculate_progress(owner, found, False, "web-1", at(9999)) == []
    assert progress.next_look(found, False, progress.deadline_of(owner)) is None


def test_the_next_look_is_one_second_after_the_deadline() -> None:
    """Proves the instant at which a stuck rollout is looked at again."""
    found = {"conditions": [progressing(progress.UPDATED, updated=10)]}
    deadline = progress.deadline_of(deployment(progressDeadlineSeconds=60))
    assert progress.next_look(found, False, deadline) == at(71)
    assert progress.next_look(found, True, deadline) is None


@pytest.mark.parametrize(
    ("paused", "reason", "expected"),
    [
        pytest.param(True, progress.UPDATED, progress.PAUSED, id="paused"),
        pytest.param(True, progress.PAUSED, None, id="paused already"),
        pytest.param(False, progress.PAUSED, progress.RESUMED, id="resumed"),
        pytest.param(False, progress.UPDATED, None, id="never paused"),
        pytest.param(True, progress.TIMED_OUT, None, id="a timeout is not overwritten"),
    ],
)
def test_pauses_and_resumptions_are_told_once(paused: bool, reason: str, expected: str | None) -> None:
    """Proves the Unknown condition around a pause."""
    owner = {**deployment(paused=paused), "status": {"conditions": [progressing(reason)]}}
    found = progress.calculate_paused(owner, at(5))
    condition = progress.find(found) if found else None
    assert (condition["reason"] if condition else None) == expected


def test_the_failure_of_the_new_set_comes_first_and_goes_when_it_is_over() -> None:
    """Proves which set's ReplicaFailure a Deployment shows."""

    def failing(name: str, message: str) -> dict[str, Any]:
        condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
        return replicaset(name, 1, conditions=[condition])

    sets = Sets(failing("new", "quota"), [failing("old", "other")])
    shown = progress.with_failure([], sets, at(1))
    assert [c["message"] for c in shown] == ["quota"]
    shown = progress.with_failure([], Sets(replicaset("new", 1), sets.old), at(1))
    assert [c["message"] for c in shown] == ["other"]
    assert progress.with_failure(shown, Sets(replicaset("new", 1), []), at(2)) == []
