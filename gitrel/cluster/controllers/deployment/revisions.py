"""Revisions: the numbers by which `kubectl rollout history` and `undo` know a Deployment's templates.

A template that is rolled back to gets a new highest number; its set keeps the earlier ones in an annotation
(Kubernetes `SetNewReplicaSetAnnotations`, `pkg/controller/deployment/util/deployment_util.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitrel.cluster.controllers.deployment.replicasets import replicas, reported
from gitrel.cluster.controllers.deployment.scaling import DESIRED, MAX
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.identity import Object, annotations_of

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
HISTORY_CHARS_MAX = 2000
NOT_COPIED = frozenset(
    ("kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX, ROLLBACK_TO)
)
"""Annotations of a Deployment that say something of itself alone, and never travel to its sets or back."""


def revision_of(obj: Object) -> int:
    """0 while there is none, or where it is no number."""
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def highest_revision(sets: Iterable[Object]) -> int:
    return max(map(revision_of, sets), default=0)


def last_revision(sets: Iterable[Object]) -> int:
    """The second highest: where an undo without a number goes; 0 where there is none."""
    highest = second = 0
    for revision in map(revision_of, sets):
        if revision >= highest:
            highest, second = revision, highest
        elif revision > second:
            second = revision
    return second


def copied(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if key not in NOT_COPIED}


def kept(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if key in NOT_COPIED}


def annotations_of_new(deployment: Object, current: Mapping[str, str], revision: int) -> dict[str, str]:
    """What the new set's annotations should be: the Deployment's, and the revision if it is a higher one."""
    result = {**current, **copied(annotations_of(deployment))}
    recorded = current.get(REVISION, "")
    if recorded and not (recorded.isascii() and recorded.isdigit()):
        return result
    if int(recorded or "0") >= revision:
        return result
    result[REVISION] = str(revision)
    if REVISION in current and (history := appended(current.get(HISTORY, ""), recorded)):
        result[HISTORY] = history
    return result


def appended(history: str, revision: str) -> str:
    """`1,3` and `5` → `1,3,5`, without as many of the oldest as it takes to stay within the limit."""
    numbers = history.split(",") if history else []
    while numbers and len(",".join([*numbers, revision])) > HISTORY_CHARS_MAX:
        numbers.pop(0)
    return ",".join([*numbers, revision])


def calculate_surplus(old: Sequence[Object], limit: int | None) -> list[Object]:
    """The old sets beyond `revisionHistoryLimit`, lowest revision first; none without a limit.

    One that still has pods, or has not yet seen its last change, is passed over and counted all the same.
    """
    if limit is None:
        return []
    cleanable = sorted((s for s in old if not is_deleting(s)), key=revision_of)
    return [s for s in cleanable[: max(0, len(cleanable) - limit)] if _is_idle(s)]


def _is_idle(replicaset: Object) -> bool:
    observed = reported(replicaset, "observedGeneration")
    generation: int = replicaset["metadata"].get("generation", 0)
    return replicas(replicaset) == 0 and reported(replicaset) == 0 and generation <= observed
