"""What the controllers read off pods: availability, the order of deletion, claims, slow starts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import batches, claiming, podstate, podtemplate, ranking
from tests.cluster.controllers.build import at, pod, replicaset


@pytest.mark.parametrize(
    ("phase", "deleting", "active", "terminating"),
    [
        pytest.param("Running", False, True, False, id="running"),
        pytest.param("Pending", False, True, False, id="pending"),
        pytest.param("Running", True, False, True, id="marked for deletion"),
        pytest.param("Failed", False, False, False, id="failed"),
        pytest.param("Succeeded", True, False, False, id="ended while deleting"),
    ],
)
def test_a_pod_counts_until_it_is_marked_or_ends(
    phase: str, deleting: bool, active: bool, terminating: bool
) -> None:
    """Proves which pods count as active, and which as terminating."""
    found = pod(phase=phase, deleting=deleting)
    assert podstate.is_active(found) == active
    assert podstate.is_terminating(found) == terminating


def test_availability_begins_after_the_minimum_and_is_none_while_not_ready() -> None:
    """Proves that minReadySeconds counts from the Ready condition's transition."""
    assert podstate.available_at(pod(ready=5), 10) == at(15)
    assert podstate.available_at(pod(ready=None), 0) is None


def test_restarts_of_regular_containers_come_before_those_of_sidecars() -> None:
    """Proves that plain init containers do not count, and sidecars come second."""
    found = pod(restarts=2)
    found["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always"}, {"name": "init"}]
    found["status"]["initContainerStatuses"] = [
        {"name": "side", "restartCount": 4},
        {"name": "init", "restartCount": 9},
    ]
    assert podstate.restarts_max(found) == (2, 4)


FIRST_AND_LAST = [
    pytest.param(pod("a", node="", ready=1), pod("b"), id="1 unassigned before assigned"),
    pytest.param(pod("a", phase="Pending", ready=1), pod("b", phase="Unknown"), id="2 pending first"),
    pytest.param(pod("a", phase="Unknown", ready=1), pod("b", phase="Running"), id="2 unknown next"),
    pytest.param(pod("a"), pod("b", ready=1, cost="-5"), id="3 not ready before ready"),
    pytest.param(pod("a", cost="-1", ready=1), pod("b", ready=90), id="4 cheaper first"),
    pytest.param(pod("a", ready=1, node="busy"), pod("b", ready=90, node="calm"), id="5 crowded node first"),
    pytest.param(pod("a", ready=99), pod("b", ready=1), id="6 ready for a shorter time first"),
    pytest.param(pod("a", uid="1", ready=10), pod("b", uid="2", ready=9), id="6 about as long: by uid"),
    pytest.param(pod("a", ready=1, restarts=3), pod("b", ready=1, created=9), id="7 more restarts first"),
    pytest.param(pod("a", ready=1, created=99), pod("b", ready=1), id="8 newer first"),
    pytest.param(pod("a", uid="1", created=5), pod("b", uid="2", created=6), id="8 about as old: by uid"),
]


@pytest.mark.parametrize(("first", "last"), FIRST_AND_LAST)
def test_each_rule_of_the_deletion_order_decides(first: Any, last: Any) -> None:
    """Proves each rule on a pair that every later rule would order the other way round or not at all."""
    related = [first, last, pod("c", node="busy")]
    for pods in ([first, last], [last, first]):
        assert ranking.calculate_pods_to_delete(pods, 1, related, at(100)) == [first]


def test_all_pods_go_without_being_ordered() -> None:
    """Proves that nothing is sorted when there is no choice to make."""
    pods = [pod("b", ready=1), pod("a")]
    assert ranking.calculate_pods_to_delete(pods, 2, pods, at(100)) == pods


@pytest.mark.parametrize(
    ("cost", "value"),
    [("7", 7), ("-3", -3), ("much", 0), ("2147483648", 0), (None, 0)],
)
def test_a_deletion_cost_is_an_int32_or_nothing(cost: str | None, value: int) -> None:
    """Proves that a cost that validation should have refused does not decide."""
    assert ranking.deletion_cost(pod(cost=cost)) == value


def test_batches_double() -> None:
    """Proves the sizes 1, 2, 4, and the rest."""
    assert list(batches.batch_sizes(10)) == [1, 2, 4, 3]
    assert list(batches.batch_sizes(0)) == []


@settings(deadline=None)
@given(count=st.integers(0, 600), refused_from=st.integers(0, 600))
def test_a_failed_batch_is_finished_and_is_the_last(count: int, refused_from: int) -> None:
    """Proves how many calls a refusal costs: the batch in which it happened, and none after."""
    calls: list[int] = []

    def write(index: int) -> None:
        calls.append(index)
        if index >= refused_from:
            raise ApiError(403, "Forbidden", f"refused {index}")

    done, error = batches.sync_in_batches(count, write)
    assert done == min(count, refused_from)
    assert (error is None) == (refused_from >= count)
    if error is not None:
        assert error.message == f"refused {refused_from}"
        ends = [2**n - 1 for n in range(1, 12)]
        assert len(calls) == min(count, next(end for end in ends if end > refused_from))


SELECTOR = {"matchLabels": {"app": "web"}}
CLAIMS = [
    pytest.param(pod(labels={"app": "web"}, owner="me"), "keep", id="own and matching"),
    pytest.param(pod(labels={"app": "db"}, owner="me"), "release", id="own, no longer matching"),
    pytest.param(pod(labels={"app": "web"}), "adopt", id="orphan and matching"),
    pytest.param(pod(labels={"app": "db"}), "", id="orphan, not matching"),
    pytest.param(pod(labels={"app": "web"}, deleting=True), "", id="orphan being deleted"),
    pytest.param(pod(labels={"app": "web"}, owner="other"), "", id="somebody else's"),
]


@pytest.mark.parametrize(("candidate", "verdict"), CLAIMS)
def test_what_is_kept_adopted_and_released(candidate: Any, verdict: str) -> None:
    """Proves the rules of the ControllerRefManager, one candidate at a time."""
    claim = claiming.calculate_claim(replicaset("me", 1), SELECTOR, [candidate])
    found = {"keep": claim.keep, "adopt": claim.adopt, "release": claim.release}
    assert [name for name, objects in found.items() if objects] == ([verdict] if verdict else [])


def test_an_owner_that_is_leaving_adopts_and_releases_nothing() -> None:
    """Proves that deletion is left to the garbage collector."""
    owner = replicaset("me", 1)
    owner["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    candidates = [pod("a", labels={"app": "web"}), pod("b", labels={"app": "db"}, owner="me")]
    assert claiming.calculate_claim(owner, SELECTOR, candidates) == claiming.Claim(keep=())


def test_an_empty_selector_claims_nothing() -> None:
    """Proves that a set without a selector takes no pod of the whole namespace."""
    claim = claiming.calculate_claim(replicaset("me", 1), {}, [pod(labels={"app": "web"})])
    assert claim == claiming.Claim(keep=())


def test_expressions_select_too() -> None:
    """Proves that matchExpressions count beside matchLabels."""
    selector = {**SELECTOR, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}
    matches = claiming.matcher(selector)
    assert matches({"app": "web", "tier": "x"})
    assert not matches({"app": "web"})


def test_a_prefix_that_would_be_too_long_has_no_dash() -> None:
    """Proves that the dash is left out where the prefix alone would exceed a name's length."""
    assert podtemplate.name_prefix("web") == "web-"
    assert podtemplate.name_prefix("w" * 253) == "w" * 253
