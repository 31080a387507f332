"""The types of what expressions about a write can see (apiserver `pkg/admission/plugin/cel/compile.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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

OBJECT = Type("Object", fields=lambda name: DYN)
"""What an ApplyConfiguration makes; its fields are held to the schema when it is applied."""
_PATCH = _object("JSONPatch", {"op": STRING, "path": STRING, "from": STRING, "value": DYN})
PATCH_LIST = list_of(_PATCH)
MUTATION: Mapping[str, Type] = {"Object": Type("type", (OBJECT,)), "JSONPatch": Type("type", (_PATCH,))}
"""The types of which the expressions of a mutating policy make values."""


def seen_by_conditions(spec: Mapping[str, Any], known: Type = DYN) -> dict[str, Type]:
    """What the match conditions of a policy see; `known` is the type of its objects, where that is known."""
    found = {**CONDITION, "object": known, "oldObject": known, "namespaceObject": NAMESPACE}
    return {**found, "params": DYN} if spec.get("paramKind") else found


def seen_by_policy(spec: Mapping[str, Any], known: Type = DYN) -> Iterator[tuple[int, dict[str, Type]]]:
    """What each variable sees, and at last everything else: (place, names). Ill ones are left out."""
    found = seen_by_conditions(spec, known)
    types: dict[str, Type] = {}
    rows = spec.get("variables") or ()
    for place, row in enumerate(rows):
        if types:
            found = {**found, "variables": _object("kubernetes.variables", dict(types))}
        yield place, found
        try:
            _, type_ = check((row.get("expression") or "").strip(), found)
        except BadExpression:
            type_ = DYN
        types[row.get("name") or ""] = type_
    if types:
        found = {**found, "variables": _object("kubernetes.variables", dict(types))}
    yield len(rows), found


def fault(text: str, variables: Mapping[str, Type], *wanted: Type) -> str:
    """What is wrong with an expression that has to give one of these types; empty where nothing is."""
    try:
        _, found = check(text, variables)
    except BadExpression as wrong:
        return f"compilation failed: {wrong}"
    if not wanted or any(str(found) == str(one) for one in wanted):
        return ""
    names = " ".join(map(str, wanted))
    return f"must evaluate to {names if len(wanted) == 1 else f'one of [{names}]'} but got {found}"
