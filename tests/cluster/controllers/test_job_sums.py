"""A Job's sums on plain dicts: indexes, backoff, policies, verdicts, plans, and counting once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.controllers.job import (
    backoff,
    failure_policy,
    indexes,
    plan,
    podbuild,
    success_policy,
    tracking,
    verdict,
)
from gitrel.cluster.controllers.job.spec import FINALIZER, INDEX, INDEX_FAILURES
from gitrel.cluster.controllers.job.tally import calculate_tally
from gitrel.kube.identity import Object
from tests.cluster.controllers.build import at, pod, stamp


def job(status: dict[str, Any] | None = None, **spec: Any) -> Object:
    template = {"metadata": {"labels": {"job": "j"}}, "spec": {"restartPolicy": "Never", "containers": [{}]}}
    return {
        "metadata": {"name": "j", "namespace": "default", "uid": "j"},
        "spec": {"completions": 3, "parallelism": 2, "backoffLimit": 6, "template": template, **spec},
        "status": status or {},
    }


def ended(
    name: str,
    phase: str = "Failed",
    finished: float = 0,
    *,
    exit_code: int = 1,
    index: int | None = None,
    failures: int = 0,
    tracked: bool = True,
    **more: Any,
) -> Object:
    """A pod of the Job that ended then."""
    found = pod(name, phase=phase, **more)
    if tracked:
        found["metadata"]["finalizers"] = [FINALIZER]
    if index is not None:
        found["metadata"]["annotations"] = {INDEX: str(index), INDEX_FAILURES: str(failures)}
    if phase in ("Failed", "Succeeded"):
        code = exit_code if phase == "Failed" else 0
        state = {"terminated": {"exitCode": code, "finishedAt": stamp(finished)}}
        found["status"]["containerStatuses"] = [{"name": "app", "restartCount": 0, "state": state}]
    return found


TEXTS = [("", []), ("0", [0]), ("0,1", [0, 1]), ("0-2", [0, 1, 2]), ("1,3-5,7,8", [1, 3, 4, 5, 7, 8])]


@pytest.mark.parametrize(("text", "numbers"), TEXTS)
def test_runs_of_three_are_ranges_and_two_neighbours_are_not(text: str, numbers: list[int]) -> None:
    """Proves the text form in both directions."""
    assert indexes.format_indexes(numbers) == text
    assert indexes.parse(text) == frozenset(numbers)


@settings(deadline=None)
@given(st.frozensets(st.integers(0, 60)), st.integers(0, 60), st.integers(0, 10))
def test_indexes_read_back_and_the_lowest_missing_come_first(
    taken: frozenset[int], limit: int, count: int
) -> None:
    """Proves the round trip, the cut at `completions`, and which indexes are created next."""
    assert indexes.parse(indexes.format_indexes(taken)) == taken
    assert indexes.parse(indexes.format_indexes(taken), limit) == {i for i in taken if i < limit}
    expected = [i for i in range(limit) if i not in taken][:count]
    assert indexes.first_missing(taken, count, limit) == expected


def test_the_delay_doubles_from_ten_seconds_to_ten_minutes() -> None:
    """Proves the backoff, for a first, a few, and absurdly many failures."""
    seconds = [backoff.delay(n).total_seconds() for n in (0, 1, 2, 3, 6, 7, 8, 10**9)]
    assert seconds == [0, 10, 20, 40, 320, 600, 600, 600]


def test_only_failures_since_the_last_success_delay() -> None:
    """Proves what counts, and from when the wait runs; a failure at the instant of the success is over."""
    failures = [ended(f"p{end}", finished=end) for end in (1, 5, 7, 9)]
    success = ended("s", "Succeeded", 5)
    found = backoff.failures_in_a_row(job(), [success, *failures])
    assert found == backoff.Failures(2, at(9))
    assert backoff.retry_at(found) == at(29)
    assert backoff.retry_at(backoff.failures_in_a_row(job(), [success, *failures[:2]])) is None


def test_a_pod_that_the_job_deleted_itself_is_no_failure() -> None:
    """Proves that of the terminating pods without a finalizer only as many count as the status counted."""
    pods = [pod("x", deleting=True), pod("y", deleting=True, created=5)]
    assert backoff.failures_in_a_row(job(), pods).in_a_row == 0
    assert backoff.failures_in_a_row(job({"failed": 1}), pods) == backoff.Failures(1, at(5))


def rule(action: str, operator: str = "In", values: tuple[int, ...] = (42,), **more: Any) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}


DISRUPTED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
POLICIES = [
    pytest.param([rule("FailJob")], 42, "FailJob", True, id="the code is named"),
    pytest.param([rule("FailJob")], 1, None, True, id="no rule: it counts"),
    pytest.param([rule("Ignore", "NotIn", (1,))], 42, "Ignore", False, id="any but"),
    pytest.param([rule("Ignore", "NotIn", (1,))], 0, None, True, id="zero is no failure"),
    pytest.param([rule("Count"), rule("FailJob")], 42, "Count", True, id="the first rule wins"),
    pytest.param([rule("FailJob", containerName="other")], 42, None, True, id="another container"),
    pytest.param([DISRUPTED, rule("FailJob")], 42, "Ignore", False, id="by condition"),
]


@pytest.mark.parametrize(("rules", "code", "action", "counts"), POLICIES)
def test_the_first_matching_rule_says_what_a_failure_means(
    rules: list[dict[str, Any]], code: int, action: str | None, counts: bool
) -> None:
    """Proves podFailurePolicy by exit code and by condition."""
    found = ended("p", exit_code=code)
    found["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    match = failure_policy.match_policy({"rules": rules}, found)
    assert (match.action, match.counts) == (action, counts)


def test_a_job_that_fails_by_policy_says_why() -> None:
    """Proves the two messages."""
    found = ended("p", exit_code=42)
    message = failure_policy.match_policy({"rules": [rule("FailJob")]}, found).message
    expected = "Container app for pod default/p failed with exit code 42 matching FailJob rule at index 0"
    assert message == expected
    found["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    disrupted = {**DISRUPTED, "action": "FailJob"}
    message = failure_policy.match_policy({"rules": [rule("FailJob", values=(1,)), disrupted]}, found).message
    assert message == "Pod default/p has condition DisruptionTarget matching FailJob rule at index 1"


SUCCESSES = [
    pytest.param({"succeededIndexes": "0-2"}, {0, 1, 2}, True, id="all that are named"),
    pytest.param({"succeededIndexes": "0-2"}, {0, 1, 4}, False, id="not all"),
    pytest.param({"succeededIndexes": "0-2", "succeededCount": 2}, {0, 2}, True, id="as many of them"),
    pytest.param({"succeededCount": 2}, {3, 4}, True, id="as many of any"),
    pytest.param({"succeededCount": 2}, {3}, False, id="too few"),
    pytest.param({"succeededIndexes": "0"}, set(), False, id="none at all"),
]


@pytest.mark.parametrize(("rule_", "succeeded", "met"), SUCCESSES)
def test_a_success_policy_is_met_by_indexes_or_by_number(
    rule_: dict[str, Any], succeeded: set[int], met: bool
) -> None:
    """Proves each form of a rule, and the message."""
    message = success_policy.match_policy({"rules": [rule_]}, 5, frozenset(succeeded))
    assert message == ("Matched rules at index 0" if met else None)


INDEXED: dict[str, Any] = {"completionMode": "Indexed", "completions": 3}
PER_INDEX: dict[str, Any] = {**INDEXED, "backoffLimitPerIndex": 1, "backoffLimit": 2**31 - 1}
DECIDED = {"conditions": [{"type": "SuccessCriteriaMet", "status": "True", "reason": "SuccessPolicy"}]}
VERDICTS = [
    pytest.param(job(), [ended("a")], None, id="a failure within the limit"),
    pytest.param(job(backoffLimit=0), [ended("a")], "BackoffLimitExceeded", id="beyond the limit"),
    pytest.param(
        job(DECIDED, backoffLimit=0), [ended("a")], "SuccessPolicy", id="decided before: not asked again"
    ),
    pytest.param(
        job(backoffLimit=0, podFailurePolicy={"rules": [rule("FailJob", values=(1,))]}),
        [ended("a")],
        "PodFailurePolicy",
        id="the policy comes before the limit",
    ),
    pytest.param(
        job(backoffLimit=0, podFailurePolicy={"rules": [rule("Ignore", values=(1,))]}),
        [ended("a")],
        None,
        id="an ignored failure counts for nothing",
    ),
    pytest.param(
        job({"startTime": stamp(0)}, activeDeadlineSeconds=100), [], "DeadlineExceeded", id="at the deadline"
    ),
    pytest.param(
        job({"startTime": stamp(0)}, activeDeadlineSeconds=100, suspend=True),
        [],
        None,
        id="suspended: no clock",
    ),
    pytest.param(job(**PER_INDEX), [ended("a", index=0, failures=0)], None, id="an index may be retried"),
    pytest.param(
        job(**PER_INDEX, maxFailedIndexes=0),
        [ended("a", index=0, failures=1)],
        "MaxFailedIndexesExceeded",
        id="too many indexes failed",
    ),
    pytest.param(
        job({"completedIndexes": "1,2"}, **PER_INDEX),
        [ended("a", index=0, failures=1)],
        "FailedIndexes",
        id="every index ended, one failed",
    ),
    pytest.param(
        job(**INDEXED, successPolicy={"rules": [{"succeededIndexes": "1"}]}),
        [ended("a", "Succeeded", index=1)],
        "SuccessPolicy",
        id="the leader succeeded",
    ),
]


@pytest.mark.parametrize(("found", "pods", "reason"), VERDICTS)
def test_verdicts_come_in_the_order_of_kubernetes(
    found: Object, pods: list[Object], reason: str | None
) -> None:
    """Proves each reason, at a hundred seconds."""
    answer = verdict.decide(found, calculate_tally(found, pods), at(100))
    assert (answer.reason if answer else None) == reason


@pytest.mark.parametrize(("limit", "restarts", "over"), [(3, 2, False), (3, 3, True), (0, 1, True)])
def test_with_on_failure_restarts_count_instead_of_pods(limit: int, restarts: int, over: bool) -> None:
    """Proves the second sum of the backoff limit."""
    found = job(backoffLimit=limit)
    found["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    answer = verdict.decide(found, calculate_tally(found, [pod(restarts=restarts)]), at(0))
    assert (answer is not None) == over


@pytest.mark.parametrize(
    ("spec", "active", "succeeded", "wanted"),
    [
        pytest.param({"completions": 5, "parallelism": 2}, 0, 0, 2, id="as many as run side by side"),
        pytest.param({"completions": 5, "parallelism": 2}, 1, 4, 1, id="as many as are left"),
        pytest.param({"completions": 5, "parallelism": 2}, 0, 6, 0, id="none left"),
        pytest.param({"completions": None, "parallelism": 3}, 1, 0, 3, id="a queue: full width"),
        pytest.param({"completions": None, "parallelism": 3}, 1, 1, 1, id="a queue after a success"),
        pytest.param({"completions": 5, "suspend": True}, 2, 0, 0, id="suspended"),
    ],
)
def test_how_many_pods_are_wanted(spec: dict[str, Any], active: int, succeeded: int, wanted: int) -> None:
    """Proves the sum for fixed completions, work queues and suspension."""
    assert plan.calculate_wanted(job(**spec), active, succeeded) == wanted


def planned(found: Object, pods: list[Object], now: float = 100) -> plan.Plan:
    return plan.calculate_plan(found, calculate_tally(found, pods), at(now))


def test_a_failed_pod_is_replaced_after_its_delay() -> None:
    """Proves that nothing is created before, and everything at the instant itself."""
    pods = [ended("a", finished=95)]
    assert planned(job(), pods) == plan.Plan(look_at=at(105))
    assert planned(job(), pods, now=105) == plan.Plan(create=[None, None])


def test_terminating_pods_are_replaced_at_once_unless_the_policy_says_failed() -> None:
    """Proves podReplacementPolicy; the deleted pod's delay is over."""
    leaving = ended("a", "Running", deleting=True)
    assert planned(job(parallelism=1), [leaving]).create == [None]
    assert planned(job(parallelism=1, podReplacementPolicy="Failed"), [leaving]).create == ()


def test_missing_indexes_are_filled_from_below_and_doubled_ones_thinned_out() -> None:
    """Proves creation by index, and that deletion goes before creation."""
    found = job(**INDEXED, parallelism=3)
    running = ended("a", "Running", index=1)
    assert planned(found, [running]).create == [0, 2]
    twin = ended("b", "Running", index=1, created=5)
    beyond = ended("c", "Running", index=7)
    assert planned(found, [running, twin, beyond]) == plan.Plan(delete=[beyond, twin])


def test_each_index_waits_for_itself() -> None:
    """Proves the delay per index: the others go on."""
    found = job(**PER_INDEX, parallelism=3)
    found["spec"]["backoffLimitPerIndex"] = 5
    answer = planned(found, [ended("a", index=0, failures=2, finished=90)])
    assert answer == plan.Plan(create=[1, 2], look_at=at(130))


def test_a_suspended_job_deletes_what_runs() -> None:
    """Proves that all active pods go."""
    running = [ended("a", "Running"), ended("b", "Pending")]
    assert len(planned(job(suspend=True), running).delete) == 2


def test_an_indexed_pod_knows_its_index() -> None:
    """Proves names, label, annotation, hostname, environment and finalizer."""
    found = job(**PER_INDEX)
    built = podbuild.build_pod(found, {}, 2, ended("a", index=2, failures=0))
    metadata = built["metadata"]
    assert metadata["generateName"] == "j-2-"
    assert metadata["annotations"] == {INDEX: "2", INDEX_FAILURES: "1"}
    assert metadata["labels"][INDEX] == "2"
    assert metadata["finalizers"] == [FINALIZER]
    assert built["spec"]["hostname"] == "j-2"
    variable = built["spec"]["containers"][0]["env"][0]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(["Succeeded", "Failed", "Running"]), st.booleans()), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(OUTCOMES, st.integers(0, 4), st.data())
def test_every_pod_is_counted_once_whenever_a_crash_comes(
    outcomes: list[tuple[str, bool]], repeats: int, data: st.DataObject
) -> None:
    """Proves that however often the steps note, free and settle are cut short and begun again, every finished
    pod ends up in exactly one counter."""
    pods = {
        str(i): ended(str(i), phase, tracked=True, deleting=gone) for i, (phase, gone) in enumerate(outcomes)
    }
    found = job(completions=100, backoffLimit=100)
    status: dict[str, Any] = {}
    for last in [False] * repeats + [True]:
        found = {**found, "status": status}
        notes = tracking.note(found, status, calculate_tally(found, list(pods.values())), None)
        status = notes.status
        if not last and data.draw(st.booleans()):
            continue
        for freed in notes.release:
            if last or data.draw(st.booleans()):
                pods[freed["metadata"]["uid"]] = {
                    **freed,
                    "metadata": {**freed["metadata"], "finalizers": []},
                }
        still = {uid for uid, p in pods.items() if p["metadata"]["finalizers"]}
        if last or data.draw(st.booleans()):
            status = tracking.settle(status, still)
    assert status.get("succeeded", 0) == sum(phase == "Succeeded" for phase, _ in outcomes)
    assert status.get("failed", 0) == sum(
        phase == "Failed" or (gone and phase == "Running") for phase, gone in outcomes
    )
    assert status["uncountedTerminatedPods"] == {}


def test_the_end_waits_for_every_pod_to_be_counted_and_gone() -> None:
    """Proves what holds the terminal condition back."""
    assert tracking.finish({"uncountedTerminatedPods": {"failed": ["x"]}}, verdict.COMPLETED, at(0)) is None
    assert tracking.finish({"terminating": 1}, verdict.COMPLETED, at(0)) is None
    done = tracking.finish({"terminating": 0}, verdict.COMPLETED, at(7))
    assert done is not None
    assert done["completionTime"] == stamp(7)
    assert [c["type"] for c in done["conditions"]] == ["Complete"]
