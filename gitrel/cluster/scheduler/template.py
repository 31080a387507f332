"""What all pods of one template share for scheduling, read from the first of them and remembered by content.

The pods of a ReplicaSet differ in name only, so their requests, selectors and terms are worked out once. Two
pods are of one template when every field that scheduling reads is equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from gitrel.cluster.scheduler.demand import Demand, demand_of
from gitrel.kube import selectors
from gitrel.kube.selectors import Requirement, Selector

_SPEC_FIELDS = (
    "containers",
    "initContainers",
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "overhead",
    "resources",
    "hostNetwork",
)


ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- the API's own word for every address; nothing is bound here


@dataclass(frozen=True, slots=True)
class Port:
    """A port taken on the node itself; `ip` is ANY_ADDRESS where any is meant."""

    ip: str
    protocol: str
    number: int


TermKind = Literal["affinity", "anti-affinity"]


@dataclass(frozen=True, slots=True)
class Term:
    """One term of pod (anti-)affinity. `weight` is 0 for a required one.

    Pods meant: those matching `selector` in `namespaces`, or in namespaces whose labels match
    `namespace_selector`.
    """

    kind: TermKind
    topology_key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector | None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """One topology spread constraint, with Kubernetes' defaults filled in."""

    topology_key: str
    max_skew: int
    hard: bool
    selector: Selector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Compared by identity: `Templates` hands out one object per content."""

    namespace: str
    labels: Mapping[str, str]
    demand: Demand
    node_selector: Selector
    node_terms: tuple[Mapping[str, Any], ...] | None
    preferred_nodes: tuple[tuple[int, Mapping[str, Any]], ...]
    tolerations: tuple[Mapping[str, Any], ...]
    ports: frozenset[Port]
    images: tuple[str, ...]
    terms: tuple[Term, ...]
    spreads: tuple[Spread, ...]
    placement: bytes
    """Equal for templates that the same nodes suit as such: selectors, affinity to nodes, and tolerations."""

    @property
    def minds_other_pods(self) -> bool:
        return bool(self.terms or self.spreads)


class Templates:
    """Templates by content."""

    _LIMIT = 20_000

    def __init__(self) -> None:
        self._known: dict[bytes, Template] = {}

    def of(self, pod: Mapping[str, Any]) -> Template:
        metadata, spec = pod["metadata"], pod["spec"]
        key = orjson.dumps(
            (metadata.get("namespace"), metadata.get("labels"), [spec.get(field) for field in _SPEC_FIELDS])
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= self._LIMIT:
                self._known.clear()
            found = self._known[key] = read(pod)
        return found


def read(pod: Mapping[str, Any]) -> Template:
    metadata, spec = pod["metadata"], pod["spec"]
    namespace, labels = metadata.get("namespace", ""), metadata.get("labels") or {}
    affinity = spec.get("affinity") or {}
    nodes = affinity.get("nodeAffinity") or {}
    required = nodes.get("requiredDuringSchedulingIgnoredDuringExecution")
    preferred = nodes.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    tolerations = tuple(spec.get("tolerations") or ())
    return Template(
        namespace=namespace,
        labels=labels,
        demand=demand_of(spec),
        node_selector=selectors.from_labels(spec.get("nodeSelector")),
        node_terms=tuple(required.get("nodeSelectorTerms") or ()) if required is not None else None,
        preferred_nodes=tuple((row["weight"], row["preference"]) for row in preferred),
        tolerations=tolerations,
        ports=frozenset(_ports(spec)),
        images=tuple(c.get("image") or "" for c in _all_containers(spec)),
        terms=tuple(_terms(affinity, namespace, labels)),
        spreads=tuple(_spread(row, labels) for row in spec.get("topologySpreadConstraints") or ()),
        placement=orjson.dumps((spec.get("nodeSelector"), nodes, tolerations)),
    )


def _all_containers(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    yield from spec.get("initContainers") or ()
    yield from spec["containers"]


def _ports(spec: Mapping[str, Any]) -> Iterable[Port]:
    sidecars = (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    for container in (*spec["containers"], *sidecars):
        for row in container.get("ports") or ():
            number = row.get("hostPort") or (row["containerPort"] if spec.get("hostNetwork") else 0)
            if number:
                yield Port(row.get("hostIP") or ANY_ADDRESS, row.get("protocol") or "TCP", number)


def _terms(affinity: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> Iterable[Term]:
    fields: tuple[tuple[str, TermKind], ...] = (
        ("podAffinity", "affinity"),
        ("podAntiAffinity", "anti-affinity"),
    )
    for field, kind in fields:
        rules = affinity.get(field) or {}
        for row in rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            yield _term(kind, row, namespace, labels, 0)
        for row in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield _term(kind, row["podAffinityTerm"], namespace, labels, row["weight"])


def _term(
    kind: TermKind, row: Mapping[str, Any], namespace: str, labels: Mapping[str, str], weight: int
) -> Term:
    """Without namespaces and without a selector for them, the pod's own namespace is meant."""
    chosen = row.get("namespaceSelector")
    names = row.get("namespaces") or ([] if chosen is not None else [namespace])
    extra = [
        Requirement(k, "In", frozenset((labels[k],))) for k in row.get("matchLabelKeys") or () if k in labels
    ]
    extra += [
        Requirement(k, "NotIn", frozenset((labels[k],)))
        for k in row.get("mismatchLabelKeys") or ()
        if k in labels
    ]
    return Term(
        kind,
        row["topologyKey"],
        _selector(row.get("labelSelector")) + tuple(extra),
        frozenset(names),
        None if chosen is None else selectors.from_object(chosen),
        weight,
    )


NOTHING: Selector = (Requirement("", "In", frozenset()),)
"""A missing label selector matches no pod, whereas an empty one matches every pod."""


def _selector(selector: Mapping[str, Any] | None) -> Selector:
    return NOTHING if selector is None else selectors.from_object(selector)


def _spread(row: Mapping[str, Any], labels: Mapping[str, str]) -> Spread:
    extra = [
        Requirement(k, "In", frozenset((labels[k],))) for k in row.get("matchLabelKeys") or () if k in labels
    ]
    return Spread(
        row["topologyKey"],
        row["maxSkew"],
        row["whenUnsatisfiable"] == "DoNotSchedule",
        _selector(row.get("labelSelector")) + tuple(extra),
        row.get("minDomains") or 1,
        (row.get("nodeAffinityPolicy") or "Honor") == "Honor",
        (row.get("nodeTaintsPolicy") or "Ignore") == "Honor",
    )
