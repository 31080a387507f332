"""Fields that the API server refuses to change once an object exists: the change needs a new object.

From the validation of Kubernetes 1.36 (`pkg/apis/*/validation`, the `Validate…Update` functions). Only what
is refused for every object of a kind is listed, so nothing here cries wolf; an object may still be refused
for reasons that only the server knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.delivery.fields import differences
from gitrel.kube.fields import get

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything at or below `frozen` is immutable, except what is at or below one of `free`."""

    frozen: tuple[str, ...]
    free: tuple[tuple[str, ...], ...] = ()

    def covers(self, path: Path) -> bool:
        return _below(path, self.frozen) and not any(_below(path, free) for free in self.free)


def _below(path: Path, prefix: tuple[str, ...]) -> bool:
    return path[: len(prefix)] == prefix


def _fields(*names: str) -> tuple[Rule, ...]:
    return tuple(Rule(tuple(name.split("."))) for name in names)


_SELECTOR = _fields("spec.selector")
_STATEFUL_SET = (
    Rule(
        ("spec",),
        tuple(
            ("spec", name)
            for name in (
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            )
        ),
    ),
)
_CLAIM = (Rule(("spec",), (("spec", "resources"), ("spec", "volumeAttributesClassName"))),)

_RULES: Mapping[tuple[str, str], tuple[Rule, ...]] = {
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "StatefulSet"): _STATEFUL_SET,
    ("batch", "Job"): _fields("spec.selector", "spec.completionMode", "spec.podFailurePolicy")
    + _fields("spec.successPolicy", "spec.backoffLimitPerIndex", "spec.managedBy"),
    ("", "PersistentVolumeClaim"): _CLAIM,
    ("", "Secret"): _fields("type"),
    ("rbac.authorization.k8s.io", "RoleBinding"): _fields("roleRef"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _fields("roleRef"),
    ("storage.k8s.io", "StorageClass"): _fields(
        "provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"
    ),
    ("scheduling.k8s.io", "PriorityClass"): _fields("value", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): _fields("handler"),
    ("networking.k8s.io", "IngressClass"): _fields("spec.controller"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _fields(
        "spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"
    ),
}
_POD_TEMPLATE_OF_A_JOB = ("spec", "template")
_DIRECTIVES = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
"""What may change in the template of a Job that is suspended and has not started (KEP-2926)."""


def is_immutable(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> bool:
    """Whether the API server refuses to change this field of this object."""
    group, kind = str(old.get("apiVersion", "")).rpartition("/")[0], str(old.get("kind", ""))
    if any(rule.covers(path) for rule in _RULES.get((group, kind), ())):
        return True
    if group == "" and kind in ("ConfigMap", "Secret"):
        return old.get("immutable") is True and path[0] in ("data", "binaryData", "stringData", "immutable")
    if group == "" and kind == "Service":
        return path == ("spec", "clusterIP") and _pinned(old) and get(new, "spec", "type") != "ExternalName"
    return (group, kind) == ("batch", "Job") and _in_job_template(old, path)


def _pinned(service: Mapping[str, Any]) -> bool:
    """A Service whose address was chosen by hand (or is `None`) keeps it."""
    return bool(get(service, "spec", "clusterIP")) and get(service, "spec", "type") != "ExternalName"


def _in_job_template(old: Mapping[str, Any], path: Path) -> bool:
    if not _below(path, _POD_TEMPLATE_OF_A_JOB):
        return False
    if get(old, "spec", "suspend") is not True:
        return True
    return path[2:3] != ("metadata",) and not any(step in _DIRECTIVES for step in path[3:4])


_SAYS_SO = (
    "field is immutable", "immutable once set", "updates to statefulset spec", "may not change once set",
    "is immutable after creation", "spec is immutable",
)  # fmt: skip


def refused_changes(live: Mapping[str, Any], wanted: Mapping[str, Any], message: str) -> tuple[str, ...]:
    """The fields for whose sake the server refused an apply with `message`, which only a new object can have;
    empty where it refused for another reason. Only fields that the manifest writes are looked at.

    Where no rule names one, the server's own words decide, and the field that it names is told.
    """
    changed = [path for path, _, _ in differences(wanted, live)]
    frozen = [path for path in changed if is_immutable(live, wanted, path)]
    if frozen:
        return tuple(dict.fromkeys(_shown(path) for path in frozen))
    if any(words in message for words in _SAYS_SO):
        named = _NAMED.search(message)
        return (named[1] if named else "a field",)
    return ()


_NAMED = re.compile(r"(?:^|[\s*])((?:[a-z][A-Za-z]*)(?:\.[A-Za-z][\w\[\]]*)+): (?:Invalid|Forbidden)")


def _shown(path: Path) -> str:
    """Down to the first item of a list, which is enough to find it."""
    names = []
    for step in path:
        if isinstance(step, int):
            break
        names.append(step)
    return ".".join(names)
