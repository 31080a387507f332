"""NodeAffinity: the pod's node selector, and the terms about nodes that it requires or prefers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Template
from gitrel.kube import selectors
from gitrel.kube.identity import labels_of
from gitrel.kube.selectors import Selector

REASON = "node(s) didn't match Pod's node affinity/selector"


def fits(node: Mapping[str, Any], template: Template) -> bool:
    """All of the node selector, and any of the required terms."""
    if not selectors.matches(template.node_selector, labels_of(node)):
        return False
    return template.node_terms is None or any(term_matches(node, term) for term in template.node_terms)


def term_matches(node: Mapping[str, Any], term: Mapping[str, Any]) -> bool:
    """All expressions on labels and all on fields; a term without either matches nothing."""
    expressions, fields = _parts(term)
    if not expressions and not fields:
        return False
    own = {"metadata.name": node["metadata"]["name"]}
    return selectors.matches(expressions, labels_of(node)) and selectors.matches(fields, own)


def _parts(term: Mapping[str, Any]) -> tuple[Selector, Selector]:
    return (
        selectors.from_expressions(term.get("matchExpressions") or ()),
        selectors.from_expressions(term.get("matchFields") or ()),
    )


def filter_rows(snapshot: Snapshot, template: Template) -> Mask:
    mask = _all(snapshot, template.node_selector)
    if template.node_terms is None:
        return mask
    wanted = np.zeros(snapshot.size, dtype=bool)
    for term in template.node_terms:
        wanted |= _term_rows(snapshot, term)
    return mask & wanted


def _all(snapshot: Snapshot, selector: Iterable[selectors.Requirement]) -> Mask:
    mask = np.ones(snapshot.size, dtype=bool)
    for requirement in selector:
        mask &= snapshot.matching(requirement)
    return mask


def _term_rows(snapshot: Snapshot, term: Mapping[str, Any]) -> Mask:
    expressions, fields = _parts(term)
    if not expressions and not fields:
        return np.zeros(snapshot.size, dtype=bool)
    mask = _all(snapshot, expressions)
    for field in fields:
        mask &= _name_rows(snapshot, field)
    return mask


def _name_rows(snapshot: Snapshot, field: selectors.Requirement) -> Mask:
    """`metadata.name` is the only field that the API server lets a term name."""
    named = np.zeros(snapshot.size, dtype=bool)
    for name in field.values:
        if (row := snapshot.rows.get(name)) is not None:
            named[row] = True
    return named if field.operator == "In" else ~named


def preferred_rows(snapshot: Snapshot, template: Template) -> Ints | None:
    """Per row the weights of the preferred terms it meets, added up; None where nothing is preferred."""
    if not template.preferred_nodes:
        return None
    total = np.zeros(snapshot.size, dtype=np.int64)
    for weight, term in template.preferred_nodes:
        expressions, fields = _parts(term)
        if expressions or fields:
            total += weight * _term_rows(snapshot, term)
        else:
            total += weight  # an empty preference is met by every node
    return total


def normalized(weights: Ints, feasible: Mask) -> Ints:
    """Relative to the best feasible node."""
    most = int(weights[feasible].max(initial=0))
    return weights if not most else 100 * weights // most
