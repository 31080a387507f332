"""FlowSchemas and PriorityLevelConfigurations (`pkg/apis/flowcontrol/v1/defaults.go`, `validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.identity import Object

PRECEDENCE_MAX = 10000
QUEUES_MAX = 10_000_000
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}

# --- FlowSchema -------------------------------------------------------------------------------------------


def default_schema(obj: Object) -> Object:
    return changed(obj, "spec", lambda spec: filled(spec, {"matchingPrecedence": 1000}))


def without_status(obj: Object) -> Object:
    return {**obj, "status": {}}


def validate_schema(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    precedence, at = spec.get("matchingPrecedence") or 0, "spec.matchingPrecedence"
    if precedence <= 0:
        yield invalid_value(at, precedence, "must be a positive value")
    if precedence > PRECEDENCE_MAX:
        yield invalid_value(at, precedence, f"must not be greater than {PRECEDENCE_MAX}")
    if precedence == 1 and obj["metadata"].get("name") != "exempt":
        yield invalid_value(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in ("ByNamespace", "ByUser"):
        yield unsupported(
            "spec.distinguisherMethod.type", {"Type": method.get("type") or ""}, ["ByNamespace", "ByUser"]
        )
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    field = "spec.priorityLevelConfiguration.name"
    if not level:
        yield required(field, "must reference a priority level")
    for problem in name_problems(level, "subdomain") if level else ():
        yield invalid_value(field, level, problem)
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule_errors(rule, f"spec.rules[{index}]")


def _rule_errors(rule: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    subjects = rule.get("subjects") or ()
    if not subjects:
        yield required(f"{at}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(subjects):
        yield from _subject_errors(subject, f"{at}.subjects[{index}]")
    resources, urls = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not urls:
        yield required(at, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, row in enumerate(resources):
        yield from _resource_rule_errors(row, f"{at}.resourceRules[{index}]")
    for index, row in enumerate(urls):
        yield from _url_rule_errors(row, f"{at}.nonResourceRules[{index}]")


def _subject_errors(subject: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        yield unsupported(f"{at}.kind", kind, sorted(_SUBJECTS))
        return
    own = _SUBJECTS[kind]
    named = subject.get(own)
    if named is None:
        yield required(f"{at}.{own}", f"{own} is required when subject kind is '{kind}'")
    else:
        if not named.get("name"):
            yield required(f"{at}.{own}.name")
        if own == "serviceAccount" and not named.get("namespace"):
            yield required(f"{at}.{own}.namespace", "must specify namespace for service account")
    for other_kind, other in _SUBJECTS.items():
        if other != own and subject.get(other) is not None:
            says = f"{other} is forbidden when subject kind is not '{other_kind}'"
            yield forbidden_field(f"{at}.{other}", says)


def _resource_rule_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from _verb_errors(row.get("verbs") or (), f"{at}.verbs")
    groups, resources = row.get("apiGroups") or (), row.get("resources") or ()
    if not groups:
        yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
    yield from _alone(groups, f"{at}.apiGroups", "api groups")
    if not resources:
        yield required(f"{at}.resources", "resource rules must supply at least one resource")
    yield from _alone(resources, f"{at}.resources", "resources")
    namespaces = row.get("namespaces") or ()
    if not namespaces and not row.get("clusterScope"):
        says = "resource rules that are not cluster scoped must supply at least one namespace"
        yield required(f"{at}.namespaces", says)
    yield from _alone(namespaces, f"{at}.namespaces", "namespaces")
    for index, name in enumerate(() if "*" in namespaces else namespaces):
        for problem in name_problems(name, "label"):
            says = f"each member of this list must be '*' or a DNS-1123 label; {problem}"
            yield invalid_value(f"{at}.namespaces[{index}]", name, says)


def _url_rule_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from _verb_errors(row.get("verbs") or (), f"{at}.verbs")
    urls, field = row.get("nonResourceURLs") or (), f"{at}.nonResourceURLs"
    if not urls:
        yield required(field, "nonResourceURLs must contain at least one value")
    yield from _alone(urls, field, "non-resource URLs")
    for index, url in enumerate(() if "*" in urls else urls):
        if not url.startswith("/"):
            yield invalid_value(f"{field}[{index}]", url, "must start with slash")
        elif "//" in url:
            yield invalid_value(f"{field}[{index}]", url, "must not contain double slash")
        elif "*" in url[:-1] or (url.endswith("*") and not url.endswith("/*")):
            says = "wildcard can only do suffix matching"
            yield invalid_value(f"{field}[{index}]", url, says)


def _verb_errors(verbs: Sequence[str], at: str) -> Iterator[FieldError]:
    if not verbs:
        yield required(at, "verbs must contain at least one value")
    yield from _alone(verbs, at, "verbs")
    if "*" not in verbs and not set(verbs) <= set(_VERBS):
        yield unsupported(at, list(verbs), _VERBS)


def _alone(values: Sequence[str], at: str, what: str) -> Iterator[FieldError]:
    if "*" in values and len(values) > 1:
        yield invalid_value(at, list(values), f"if '*' is present, must not specify other {what}")


# --- PriorityLevelConfiguration ---------------------------------------------------------------------------

_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


def default_level(obj: Object) -> Object:
    return changed(obj, "spec", _default_level_spec)


def _default_level_spec(spec: Object) -> Object:
    if spec.get("type") == "Exempt":
        spec = filled(spec, {"exempt": {}})
        return changed(
            spec, "exempt", lambda old: filled(old, {"nominalConcurrencyShares": 0, "lendablePercent": 0})
        )
    return changed(spec, "limited", _default_limited)


def _default_limited(limited: Object) -> Object:
    limited = filled(limited, {"nominalConcurrencyShares": 30, "lendablePercent": 0})
    return changed(limited, "limitResponse", _default_response)


def _default_response(response: Object) -> Object:
    if response.get("type") != "Queue":
        return response
    return changed(response, "queuing", lambda queuing: filled(queuing, _QUEUING))


def validate_level(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    type_, limited = spec.get("type") or "", spec.get("limited")
    if type_ == "Exempt":
        if limited is not None:
            yield forbidden_field("spec.limited", "must be nil if the type is not Limited")
    elif type_ == "Limited":
        if spec.get("exempt") is not None:
            yield forbidden_field("spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            yield required("spec.limited", "must not be empty when type is Limited")
        else:
            yield from _limited_errors(limited, "spec.limited")
    else:
        yield unsupported("spec.type", type_, ["Exempt", "Limited"])


def _limited_errors(limited: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    if (limited.get("nominalConcurrencyShares") or 0) < 0:
        says = "must be a non-negative integer"
        yield invalid_value(f"{at}.nominalConcurrencyShares", limited["nominalConcurrencyShares"], says)
    lendable = limited.get("lendablePercent") or 0
    if not 0 <= lendable <= 100:
        yield invalid_value(f"{at}.lendablePercent", lendable, "must be between 0 and 100, inclusive")
    response = limited.get("limitResponse") or {}
    at = f"{at}.limitResponse"
    if response.get("type") == "Reject":
        if response.get("queuing") is not None:
            yield forbidden_field(f"{at}.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif response.get("type") == "Queue":
        if response.get("queuing") is None:
            yield required(f"{at}.queuing", "must not be empty if limited.limitResponse.type is Limited")
        else:
            yield from _queuing_errors(response["queuing"], f"{at}.queuing")
    else:
        yield unsupported(f"{at}.type", response.get("type") or "", ["Queue", "Reject"])


def _queuing_errors(queuing: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for key in ("queueLengthLimit", "queues", "handSize"):
        if queuing.get(key, 1) <= 0:
            yield invalid_value(f"{at}.{key}", queuing[key], "must be positive")
    queues, hand = queuing.get("queues", 1), queuing.get("handSize", 1)
    if queues > QUEUES_MAX:
        yield invalid_value(f"{at}.queues", queues, f"must not be greater than {QUEUES_MAX}")
    if hand > queues:
        says = f"should not be greater than queues ({queues})"
        yield invalid_value(f"{at}.handSize", hand, says)


_GROUP, _V1 = "flowcontrol.apiserver.k8s.io", "flowcontrol.apiserver.k8s.io/v1"

KINDS = (
    Kind(
        f"flowschemas.{_GROUP}", _V1, "FlowSchema", namespaced=False, status=True, counted=spec_of,
        default=default_schema, prepare=without_status, validate=validate_schema,
    ),
    Kind(
        f"prioritylevelconfigurations.{_GROUP}", _V1, "PriorityLevelConfiguration", namespaced=False,
        status=True, counted=spec_of, default=default_level, prepare=without_status,
        validate=validate_level,
    ),
)  # fmt: skip
