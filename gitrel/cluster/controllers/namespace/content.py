"""What is left of a namespace's content, how long it may take, and the conditions that say so.

Kubernetes `pkg/controller/namespace/deletion` (`namespaced_resources_deleter.go`,
`status_condition_utils.go`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.controllers import instants, podstate
from gitrel.kube import conditions as conditions_
from gitrel.kube.identity import Object

FINALIZER_SECONDS = 15
"""How long finalizers are given before they are looked at again."""

_FINE = {
    "NamespaceDeletionDiscoveryFailure": (
        "ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    "NamespaceContentRemaining": (
        "ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remains:
    """What a sweep left behind: objects by resource, objects by finalizer, seconds to wait, what failed."""

    resources: Mapping[str, int] = field(default_factory=dict)
    finalizers: Mapping[str, int] = field(default_factory=dict)
    estimate_seconds: int = 0
    failures: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not self.resources and not self.failures

    def plus(self, other: Remains) -> Remains:
        return Remains(
            {**self.resources, **other.resources},
            Counter(self.finalizers) + Counter(other.finalizers),
            max(self.estimate_seconds, other.estimate_seconds),
            (*self.failures, *other.failures),
        )


def estimate_seconds(pods: Iterable[Object], age: timedelta) -> int:
    """The longest grace among the pods that still run; 0 once the deletion is as old as that."""
    graces = [
        pod["spec"].get("terminationGracePeriodSeconds", 30) for pod in pods if not podstate.is_terminal(pod)
    ]
    estimate: int = max(graces, default=0)
    return 0 if age >= timedelta(seconds=estimate) else estimate


def calculate_remains(namespace: str, resource: str, left: Sequence[Object], estimate: int) -> Remains:
    """What is left of one resource after everything in it was deleted.

    Objects without a grace or a finalizer should be gone: that they are not is a failure, and retried.
    """
    if not left:
        return Remains()
    finalizers = Counter(name for obj in left for name in obj["metadata"].get("finalizers") or ())
    failures: tuple[str, ...] = ()
    if not estimate and finalizers:
        estimate = FINALIZER_SECONDS
    elif not estimate:
        failures = (f"unexpected items still remain in namespace: {namespace} for gvr: {resource}",)
    return Remains({resource: len(left)}, finalizers, estimate, failures)


def calculate_conditions(
    old: Sequence[Mapping[str, Any]] | None, remains: Remains, now: datetime
) -> list[dict[str, Any]]:
    """All five conditions, each with its message of failure or of success."""
    wrong: dict[str, tuple[str, str]] = {}
    if remains.failures:
        said = f"{len(remains.failures)} remaining: {', '.join(remains.failures)}"
        wrong["NamespaceDeletionContentFailure"] = (
            "ContentDeletionFailed",
            f"Failed to delete all resource types, {said}",
        )
    if remains.resources:
        counts = [f"{_dotted(r)} has {count} resource instances" for r, count in remains.resources.items()]
        wrong["NamespaceContentRemaining"] = (
            "SomeResourcesRemain",
            f"Some resources are remaining: {', '.join(sorted(counts))}",
        )
    if remains.finalizers:
        counts = [f"{name} in {count} resource instances" for name, count in remains.finalizers.items()]
        wrong["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {', '.join(sorted(counts))}",
        )
    result: list[dict[str, Any]] = [dict(condition) for condition in old or ()]
    for type_, fine in _FINE.items():
        reason, message = wrong.get(type_, fine)
        status = "True" if type_ in wrong else "False"
        stamp = instants.stamp(now)
        result = conditions_.with_condition(result, type_, status, now=stamp, reason=reason, message=message)
    return result


def _dotted(resource: str) -> str:
    """`pods` → `pods.`: Kubernetes joins resource and group, and the core group has no name."""
    return resource if "." in resource else f"{resource}."
