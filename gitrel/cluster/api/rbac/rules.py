"""RBAC's rules as pure arithmetic: whether one grants something, and whether some cover others.

The rules of Kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go` and
`staging/src/k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go`. A rule is a plain object as
it stands in a Role.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import shown
from gitrel.cluster.api.rbac.attributes import Attributes

Rule = Mapping[str, Any]

EVERYTHING: Sequence[Rule] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)
_FIELDS = ("apiGroups", "resources", "nonResourceURLs", "resourceNames", "verbs")


def _of(rule: Rule, key: str) -> Sequence[str]:
    return rule.get(key) or ()


def allows(rule: Rule, asked: Attributes) -> bool:
    verbs = _of(rule, "verbs")
    if "*" not in verbs and asked.verb not in verbs:
        return False
    if asked.path:
        return any(_url_covers(url, asked.path) for url in _of(rule, "nonResourceURLs"))
    groups = _of(rule, "apiGroups")
    if "*" not in groups and asked.group not in groups:
        return False
    names = _of(rule, "resourceNames")
    return _resource_matches(_of(rule, "resources"), asked) and (not names or asked.name in names)


def _resource_matches(resources: Sequence[str], asked: Attributes) -> bool:
    if "*" in resources or asked.combined in resources:
        return True
    return bool(asked.subresource) and f"*/{asked.subresource}" in resources


def _url_covers(owner: str, asked: str) -> bool:
    return owner in ("*", asked) or (owner.endswith("*") and asked.startswith(owner.rstrip("*")))


# --- covering ---------------------------------------------------------------------------------------------


def uncovered(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of `wanted` no single rule of `owned` grants, in the smallest pieces."""
    pieces = (piece for rule in wanted for piece in _pieces(rule))
    return [piece for piece in pieces if not any(_covers(rule, piece) for rule in owned)]


def _pieces(rule: Rule) -> Iterator[Rule]:
    """One verb on one resource of one group, and one name where names are given."""
    for verb in _of(rule, "verbs"):
        for url in _of(rule, "nonResourceURLs"):
            yield {"nonResourceURLs": [url], "verbs": [verb]}
        for group in _of(rule, "apiGroups"):
            for resource in _of(rule, "resources"):
                piece = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = _of(rule, "resourceNames")
                yield from ({**piece, "resourceNames": [name]} for name in names) if names else (piece,)


def _covers(owner: Rule, piece: Rule) -> bool:
    if not _has_all(_of(owner, "verbs"), piece["verbs"]):
        return False
    if "nonResourceURLs" in piece:
        return any(_url_covers(url, piece["nonResourceURLs"][0]) for url in _of(owner, "nonResourceURLs"))
    if not _has_all(_of(owner, "apiGroups"), piece["apiGroups"]):
        return False
    names = _of(owner, "resourceNames")
    asked = piece.get("resourceNames")
    if names and not (asked and asked[0] in names):
        return False
    resources, resource = _of(owner, "resources"), piece["resources"][0]
    if "*" in resources or resource in resources:
        return True
    _, slash, below = resource.partition("/")
    return bool(slash) and f"*/{below}" in resources


def _has_all(owned: Sequence[str], asked: Sequence[str]) -> bool:
    return "*" in owned or all(one in owned for one in asked)


# --- words ------------------------------------------------------------------------------------------------


def compacted(rules: Iterable[Rule]) -> list[Rule]:
    """Pieces that differ in their verbs alone as one rule (`compact.go`)."""
    groups: dict[str, dict[str, Any]] = {}
    for rule in rules:
        key = shown([rule.get(name) for name in _FIELDS if name != "verbs"])
        known = groups.setdefault(key, {**rule, "verbs": []})
        known["verbs"] += [verb for verb in rule["verbs"] if verb not in known["verbs"]]
    return list(groups.values())


def told(rule: Rule) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`."""
    titles = {"apiGroups": "APIGroups", "resources": "Resources", "nonResourceURLs": "NonResourceURLs",
              "resourceNames": "ResourceNames", "verbs": "Verbs"}  # fmt: skip
    parts = (f"{titles[key]}:{quoted(rule[key])}" for key in _FIELDS if rule.get(key))
    return "{" + ", ".join(parts) + "}"


def quoted(values: Iterable[str]) -> str:
    """A list as Go prints it: `["a" "b"]`."""
    return "[" + " ".join(shown(value) for value in values) + "]"
