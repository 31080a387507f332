"""PodTopologySpread: pods that belong together are kept even across zones, nodes, or any other label of
nodes.

A hard constraint forbids a node where the skew would grow past `maxSkew`; soft ones, among them the two that
every pod of a Service or a ReplicaSet has without asking, make crowded places less liked
(`plugins/podtopologyspread/{filtering,scoring}.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Spread, Template
from gitrel.kube import selectors
from gitrel.kube.selectors import Selector

REASON = "node(s) didn't match pod topology spread constraints"
REASON_MISSING_LABEL = f"{REASON} (missing required label)"
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


def defaults(selector: Selector) -> tuple[Spread, ...]:
    """The cluster's own constraints for pods that some owner or Service selects by `selector`."""
    return (Spread(HOSTNAME, 3, False, selector), Spread(ZONE, 5, False, selector))


def fits(matching: int, counts: Mapping[str, int], own: bool, constraint: Spread) -> bool:
    """Whether one more pod may join a domain that has `matching`; `counts` is per eligible domain."""
    least = 0 if len(counts) < constraint.min_domains else min(counts.values(), default=0)
    return matching + own - least <= constraint.max_skew


def filter_rows(snapshot: Snapshot, template: Template, suited: Mask, untainted: Mask) -> tuple[Mask, Mask]:
    """(rows that have every label that is asked for, rows where no skew grows too large).

    `suited` are the rows that the pod's own affinity to nodes allows, `untainted` those whose taints it
    tolerates.
    """
    hard = [c for c in template.spreads if c.hard]
    labelled = _labelled(snapshot, hard)
    mask = labelled.copy()
    for constraint in hard:
        eligible = _eligible(snapshot, constraint, labelled, suited, untainted)
        mask &= _constraint_rows(snapshot, template, constraint, eligible)
    return labelled, mask


def _labelled(snapshot: Snapshot, constraints: Sequence[Spread]) -> Mask:
    mask = np.ones(snapshot.size, dtype=bool)
    for constraint in constraints:
        mask &= snapshot.codes(constraint.topology_key)[0] >= 0
    return mask


def _eligible(snapshot: Snapshot, constraint: Spread, labelled: Mask, suited: Mask, untainted: Mask) -> Mask:
    """The rows whose pods count for the constraint."""
    mask = snapshot.present[: snapshot.size] & labelled
    if constraint.honors_affinity:
        mask &= suited
    return mask & untainted if constraint.honors_taints else mask


def _constraint_rows(snapshot: Snapshot, template: Template, constraint: Spread, eligible: Mask) -> Mask:
    codes, values = snapshot.codes(constraint.topology_key)
    counter = snapshot.counting.of((template.namespace,), constraint.selector, alive_only=True)
    sums = _per_domain(codes, counter.rows[: snapshot.size], eligible, len(values))
    domains = np.unique(codes[eligible])
    least = int(sums[domains].min()) if len(domains) >= max(constraint.min_domains, 1) else 0
    own = selectors.matches(constraint.selector, template.labels)
    within: Mask = sums[codes] + own - least <= constraint.max_skew
    return within


def _per_domain(codes: NDArray[np.int32], counts: Ints, rows: Mask, domains: int) -> Ints:
    """Pods per domain, with one more entry at the end (for rows without the label) that stays zero."""
    chosen = rows & (codes >= 0)
    return np.bincount(codes[chosen], weights=counts[chosen], minlength=domains + 1).astype(np.int64)


def score_rows(
    snapshot: Snapshot, template: Template, constraints: Sequence[Spread], feasible: Mask, suited: Mask
) -> Ints | None:
    """0 to 100 per row, relative to the other feasible ones; None where all are alike.

    Constraints that the pod spells out leave out nodes without their labels; the cluster's own do not.
    """
    own = bool(template.spreads)
    considered = feasible & _labelled(snapshot, constraints) if own else feasible
    raw: NDArray[np.floating[Any]] = np.zeros(snapshot.size)
    alike = considered is feasible or bool((considered == feasible).all())
    for constraint in constraints:
        part = _soft(snapshot, template, constraint, considered, suited if own else feasible)
        if part is not None:
            alike = False
            raw = raw + part
    if alike:
        return None
    return normalized(np.rint(raw).astype(np.int64), considered)


def _soft(
    snapshot: Snapshot, template: Template, constraint: Spread, considered: Mask, suited: Mask
) -> NDArray[np.floating[Any]] | None:
    """Σ pods in the node's domain × ln(domains + 2), plus maxSkew − 1; None where it is the same for every
    node.
    """
    codes, values = snapshot.codes(constraint.topology_key)
    here = codes >= 0
    labelled = bool(here[considered].all())
    counter = snapshot.counting.of((template.namespace,), constraint.selector, alive_only=True)
    if (not counter.total and labelled) or not values:
        return None
    if constraint.topology_key == HOSTNAME:
        crowd, domains = counter.rows[: snapshot.size], int(considered.sum())
    else:
        counted = snapshot.present[: snapshot.size] & suited if constraint.honors_affinity else here
        crowd = _per_domain(codes, counter.rows[: snapshot.size], counted, len(values))[codes]
        domains = len(np.unique(codes[considered & here]))
    score: NDArray[np.floating[Any]] = (crowd * log(domains + 2) + (constraint.max_skew - 1)) * here
    return score


def normalized(raw: Ints, considered: Mask) -> Ints:
    """100 × (max + min − score) / max: the least crowded node gets 100; nodes left out get 0."""
    chosen = raw[considered]
    if not len(chosen):
        return np.zeros_like(raw)
    most, least = int(chosen.max()), int(chosen.min())
    scores = 100 * (most + least - raw) // most if most else np.full_like(raw, 100)
    return scores * considered
