"""The types of what expressions about a write can see (apiserver `pkg/admission/plugin/cel/compile.go`)."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.kube.cel.checking import check
from gitrel.kube.cel.libraries import authorizer
from gitrel.kube.cel.tree import BadExpression
from gitrel.kube.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of

PER_CALL_STEPS = 1_000_000
"""Of one expression: Kubernetes' PerCallLimit (apiserver `pkg/apis/cel/config.go`)."""
ALL_STEPS = 10_000_000
"""Of everything that one policy evaluates for a write: RuntimeCELCostBudget."""
CONDITIONS_STEPS = 2_500_000
"""Of all the match conditions of one webhook: RuntimeCELCostBudgetMatchConditions."""


def _object(name: str, fields: Mapping[str, Type]) -> Type:
    return Type(name, fields=fields.get)


_STRINGS = map_of(STRING, STRING)
_KIND = _object("kubernetes.GroupVersionKind", dict.fromkeys(("group", "version", "kind"), STRING))
_RESOURCE = _object(
    "kubernetes.GroupVersionResource", dict.fromkeys(("group", "version", "resource"), STRING)
)
_USER = _object(
    "kubernetes.UserInfo",
    {
        "username": STRING,
        "uid": STRING,
        "groups": list_of(STRING),
        "extra": map_of(STRING, list_of(STRING)),
    },
)
REQUEST = _object(
    "kubernetes.AdmissionRequest",
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": STRING,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": _USER,
        "dryRun": BOOL,
        "options": DYN,
    },
)
_METADATA = _object(
    "kubernetes.NamespaceMetadata",
    {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "UID": STRING,
        "creationTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "deletionTimestamp": TIMESTAMP,
        "generation": INT,
        "resourceVersion": STRING,
        "finalizers": list_of(STRING),
    },
)
NAMESPACE = _object(
    "kubernetes.Namespace",
    {
        "metadata": _METADATA,
        "spec": _object("kubernetes.NamespaceSpec", {"finalizers": list_of(STRING)}),
        "status": _object("kubernetes.NamespaceStatus", {"phase": STRING}),
    },
)
CONDITION: Mapping[str, Type] = {
    "object": DYN, "oldObject": DYN, "request": REQUEST, "authorizer": authorizer.TYPE,
}  # fmt: skip
"""What a match condition sees."""
POLICY: Mapping[str, Type] = {**CONDITION, "namespaceObject": NAMESPACE, "params": DYN}
"""What the expressions of a policy see, beside its `variables`."""


def fault(text: str, variables: Mapping[str, Type], *wanted: Type) -> str:
    """What is wrong with an expression that has to give one of these types; empty where nothing is."""
    try:
        _, found = check(text, variables)
    except BadExpression as wrong:
        return f"compilation failed: {wrong}"
    if not wanted or found.name == "dyn" or any(str(found) == str(one) for one in wanted):
        return ""
    return f"must evaluate to {' or '.join(map(str, wanted))} but got {found}"
