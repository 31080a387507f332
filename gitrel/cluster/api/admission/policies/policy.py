"""A policy with its bindings, ready to be evaluated; and all of them, kept in step with the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gitrel.cluster.api.admission.conditions import Condition
from gitrel.cluster.api.admission.matching import Match
from gitrel.cluster.api.admission.plugin import Operation
from gitrel.cluster.controllers.controller import Change, Reader
from gitrel.kube.cel import syntax
from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.tree import BadExpression
from gitrel.kube.identity import Object


@dataclass(frozen=True, slots=True)
class Binding:
    """`match` is None where it does not narrow the policy."""

    name: str
    match: Match | None
    param_ref: Mapping[str, Any] | None
    actions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """What validating and mutating policies have alike; `spec` holds the rest."""

    name: str
    match: Match
    conditions: Sequence[Condition]
    variables: Sequence[tuple[str, Condition]]
    fails: bool
    param_kind: tuple[str, str] | None
    """(apiVersion, kind)"""
    spec: Mapping[str, Any]
    bindings: Sequence[Binding]


@lru_cache(maxsize=4096)
def compiled(text: str) -> Condition:
    """An expression; one that cannot be read fails when it is evaluated."""
    text = text.strip()
    try:
        return Condition(text, Program(syntax.parse(text)))
    except BadExpression as wrong:
        return Condition(text, None, f"compilation failed: {wrong}")


def policy_of(obj: Object, bindings: Sequence[Object]) -> Policy:
    spec = obj["spec"]
    kind = spec.get("paramKind")
    return Policy(
        obj["metadata"]["name"],
        Match.of(spec.get("matchConstraints") or {}),
        [compiled(row["expression"]) for row in spec.get("matchConditions") or ()],
        [(row["name"], compiled(row["expression"])) for row in spec.get("variables") or ()],
        spec.get("failurePolicy") != "Ignore",
        (kind["apiVersion"], kind["kind"]) if kind else None,
        spec,
        [_binding(one) for one in bindings],
    )


def _binding(obj: Object) -> Binding:
    spec = obj["spec"]
    match = Match.of(spec["matchResources"]) if spec.get("matchResources") else None
    return Binding(obj["metadata"]["name"], match, spec.get("paramRef"), spec.get("validationActions") or ())


class Policies:
    """Those of one sort that are bound, in the order of their names, and so are their bindings."""

    def __init__(self, resource: str, bindings: str, read: Reader, changed: Callable[[], None]) -> None:
        """`changed` is called when other writes than before may have to be asked about."""
        self._resources = (resource, bindings)
        self._read = read
        self._changed = changed
        self.all: Sequence[Policy] = ()
        self._load()

    def _load(self) -> None:
        bound: dict[str, list[Object]] = {}
        for binding in self._read.list(self._resources[1]):
            bound.setdefault(binding["spec"].get("policyName") or "", []).append(binding)
        self.all = tuple(
            policy_of(obj, bound[obj["metadata"]["name"]])
            for obj in self._read.list(self._resources[0])
            if obj["metadata"]["name"] in bound
        )

    def on_change(self, change: Change) -> None:
        if change.resource in self._resources:
            self._load()
            self._changed()

    def ask(self, resource: str, subresource: str, operation: Operation) -> bool:
        return any(policy.match.may_ask(resource, subresource, operation) for policy in self.all)
