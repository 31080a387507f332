"""InterPodAffinity: pods that want to be near others, or away from them, and pods on nodes that want so of
newcomers.

"Near" is a domain: all nodes with the same value of the term's topology key
(`plugins/interpodaffinity/{filtering,scoring}.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Template, Term
from gitrel.kube import selectors

REASON_AFFINITY = "node(s) didn't match pod affinity rules"
REASON_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
REASON_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
HARD_AFFINITY_WEIGHT = 1
"""How much a required affinity of a pod on a node counts, in scoring, for a newcomer that it means."""

NamespaceLabels = Mapping[str, Mapping[str, str]]


class Verdict(NamedTuple):
    """Per row: near all that it wants, away from all that it avoids, and wanted away by none that is
    there.
    """

    affinity: Mask
    anti_affinity: Mask
    existing: Mask


def means(term: Term, template: Template, namespaces: NamespaceLabels) -> bool:
    """Whether a pod of the template is among those that the term speaks of."""
    return template.namespace in names_of(term, namespaces) and selectors.matches(
        term.selector, template.labels
    )


def names_of(term: Term, namespaces: NamespaceLabels) -> frozenset[str]:
    if term.namespace_selector is None:
        return term.namespaces
    chosen = (
        name for name, labels in namespaces.items() if selectors.matches(term.namespace_selector, labels)
    )
    return term.namespaces | frozenset(chosen)


def concerns(snapshot: Snapshot, template: Template) -> bool:
    """Whether anything here can matter for the pod: most pods neither have terms nor meet any."""
    return bool(template.terms or snapshot.counting.terms)


def filter_rows(snapshot: Snapshot, template: Template, namespaces: NamespaceLabels) -> Verdict:
    required = [term for term in template.terms if not term.weight]
    near = [term for term in required if term.kind == "affinity"]
    away = [term for term in required if term.kind == "anti-affinity"]
    everywhere = np.ones(snapshot.size, dtype=bool)
    anti_affinity, existing = everywhere.copy(), everywhere.copy()
    for term in away:
        counter = snapshot.counting.of(names_of(term, namespaces), term.selector)
        anti_affinity &= _domain_sums(snapshot, term.topology_key, counter.rows) == 0
    for term, holders in snapshot.counting.terms.items():
        if term.kind == "anti-affinity" and not term.weight and means(term, template, namespaces):
            existing &= _domain_sums(snapshot, term.topology_key, holders) == 0
    affinity = _near_rows(snapshot, template, near, namespaces) if near else everywhere
    return Verdict(affinity, anti_affinity, existing)


def _near_rows(
    snapshot: Snapshot, template: Template, near: Iterable[Term], namespaces: NamespaceLabels
) -> Mask:
    """Every term must find, in its own domain, a pod that all terms mean.

    The first of a group may go anywhere: where no such pod exists at all and the newcomer is one itself, only
    the topology keys are asked for.
    """
    near = tuple(near)
    names = frozenset.intersection(*(names_of(term, namespaces) for term in near))
    joint = tuple(dict.fromkeys(r for term in near for r in term.selector))
    counter = snapshot.counting.of(names, joint)
    labelled = np.ones(snapshot.size, dtype=bool)
    found = np.ones(snapshot.size, dtype=bool)
    for term in near:
        labelled &= snapshot.codes(term.topology_key)[0] >= 0
        found &= _domain_sums(snapshot, term.topology_key, counter.rows) > 0
    if not (found & labelled).any() and not counter.total:
        first = all(means(term, template, namespaces) for term in near)
        return labelled if first else np.zeros(snapshot.size, dtype=bool)
    return found & labelled


def _domain_sums(snapshot: Snapshot, key: str, counts: Ints) -> Ints:
    """Per row, the count over its whole domain; 0 where the node lacks the key."""
    codes, values = snapshot.codes(key)
    here = codes >= 0
    sums = np.bincount(codes[here], weights=counts[: snapshot.size][here], minlength=len(values) + 1)
    return sums.astype(np.int64)[codes]


def score_rows(
    snapshot: Snapshot, template: Template, namespaces: NamespaceLabels, feasible: Mask
) -> Ints | None:
    """0 to 100 per row between the worst and the best feasible one; None where nobody has a wish."""
    raw = np.zeros(snapshot.size, dtype=np.int64)
    for term in template.terms:
        if term.weight:
            sign = 1 if term.kind == "affinity" else -1
            counter = snapshot.counting.of(names_of(term, namespaces), term.selector)
            raw += sign * term.weight * _domain_sums(snapshot, term.topology_key, counter.rows)
    for term, holders in snapshot.counting.terms.items():
        if (weight := _wish(term)) and means(term, template, namespaces):
            raw += weight * _domain_sums(snapshot, term.topology_key, holders)
    return normalized(raw, feasible) if raw.any() else None


def _wish(term: Term) -> int:
    """What a term of a pod that is already there adds for a newcomer that it means."""
    if term.kind == "affinity":
        return term.weight or HARD_AFFINITY_WEIGHT
    return -term.weight


def normalized(raw: Ints, feasible: Mask) -> Ints:
    chosen = raw[feasible]
    if not len(chosen):
        return np.zeros_like(raw)
    least, most = int(chosen.min()), int(chosen.max())
    return 100 * (raw - least) // (most - least) if most > least else np.zeros_like(raw)
