"""PriorityClasses and RuntimeClasses (`pkg/apis/scheduling`, `pkg/apis/node`)."""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import filled_pointers
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import label_errors, name_problems
from gitrel.cluster.kinds.podvalidation import toleration_errors
from gitrel.kube.identity import Object

SYSTEM_PREFIX = "system-"
USER_MAX = 1_000_000_000
"""The highest priority that a user may define."""
SYSTEM_CLASSES = {
    "system-node-critical": (
        2 * USER_MAX + 1000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    "system-cluster-critical": (
        2 * USER_MAX,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if "
        "necessary.",
    ),
}


def default_priority_class(obj: Object) -> Object:
    return filled_pointers(obj, {"preemptionPolicy": "PreemptLowerPriority", "value": 0})


def validate_priority_class(obj: Object) -> Iterator[FieldError]:
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    if name.startswith(SYSTEM_PREFIX):
        if why := _not_of_the_system(name, value, bool(obj.get("globalDefault"))):
            says = (
                f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. "
                f"error: {why}"
            )
            yield forbidden_field("metadata.name", says)
    elif value > USER_MAX:
        says = f"maximum allowed value of a user defined priority is {USER_MAX}"
        yield forbidden_field("value", says)
    policies = ("PreemptLowerPriority", "Never")
    if obj.get("preemptionPolicy") == "":
        yield required("preemptionPolicy")
    else:
        yield from checks.one_of(obj.get("preemptionPolicy"), policies, "preemptionPolicy", as_told=True)


def _not_of_the_system(name: str, value: int, default: bool) -> str:
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_CLASSES[name][0]:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name][0]}"
    return f"globalDefault of {name} PriorityClass must be false" if default else ""


def validate_priority_class_update(new: Object, old: Object) -> Iterator[FieldError]:
    if (new.get("value") or 0) != (old.get("value") or 0):
        yield forbidden_field("value", "may not be changed in an update.")
    yield from checks.immutable(new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy")


def undeletable_class(obj: Object) -> str:
    name = obj["metadata"]["name"]
    return "this is a system priority class and cannot be deleted" if name in SYSTEM_CLASSES else ""


def validate_runtime_class(obj: Object) -> Iterator[FieldError]:
    handler = obj.get("handler") or ""
    if not handler:
        yield required("handler")
    for problem in name_problems(handler, "label") if handler else ():
        yield invalid_value("handler", handler, problem)
    for name, amount in ((obj.get("overhead") or {}).get("podFixed") or {}).items():
        yield from checks.quantity(amount, f"overhead.podFixed[{name}]")
    scheduling = obj.get("scheduling") or {}
    yield from label_errors(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
    for index, toleration in enumerate(scheduling.get("tolerations") or ()):
        yield from toleration_errors(toleration, f"scheduling.tolerations[{index}]")


def validate_runtime_class_update(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new.get("handler"), old.get("handler"), "handler")


KINDS = (
    Kind(
        "priorityclasses.scheduling.k8s.io", "scheduling.k8s.io/v1", "PriorityClass", namespaced=False,
        short_names=("pc",), counted=lambda obj: (obj.get("value"), obj.get("globalDefault")),
        default=default_priority_class, validate=validate_priority_class,
        validate_update=validate_priority_class_update, undeletable=undeletable_class,
    ),
    Kind(
        "runtimeclasses.node.k8s.io", "node.k8s.io/v1", "RuntimeClass", namespaced=False,
        validate=validate_runtime_class, validate_update=validate_runtime_class_update,
    ),
)  # fmt: skip
