"""Which objects a list, a watch or a collection's deletion means: labels, and the fields that a kind offers.

Kubernetes lets nobody select by any field: each kind names a few, and asking for another is an error rather
than an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from gitrel.cluster.api import fieldselector
from gitrel.cluster.api.errors import bad_request
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube import selectors
from gitrel.kube.identity import Object

Where = Callable[[Object], bool]

_METADATA = frozenset(("metadata.name", "metadata.namespace"))
_FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset(
        ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
         "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName")
    ),
    "nodes": frozenset(("spec.unschedulable",)),
    "namespaces": frozenset(("status.phase",)),
    "secrets": frozenset(("type",)),
    "services": frozenset(("spec.clusterIP", "spec.type")),
    "replicasets.apps": frozenset(("status.replicas",)),
    "jobs.batch": frozenset(("status.successful",)),
    "events": frozenset(
        ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
         "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
         "reason", "reportingComponent", "source", "type")
    ),
}  # fmt: skip
"""`pkg/apis/<group>/v1/conversion.go` and the kinds' own strategies; beside the name and the namespace."""
_FOUND_AT = {
    "jobs.batch": {"status.successful": "status.succeeded"},
    "events": {"source": "source.component"},
}
"""Fields whose selectable name is not their place."""


def where(kind: Kind, labels: str, fields: str) -> Where | None:
    """A predicate, or None where everything is meant. Raises ApiError 400 for a selector that is wrong."""
    by_label = _by_label(labels) if labels else None
    by_field = _by_field(kind, fields) if fields else None
    if by_label is None or by_field is None:
        return by_label or by_field
    one, other = by_label, by_field
    return lambda obj: one(obj) and other(obj)


@lru_cache(maxsize=512)
def _by_label(text: str) -> Where | None:
    try:
        wanted = selectors.parse(text)
    except ValueError as wrong:
        raise bad_request(f"unable to parse requirement: {wrong}") from None
    if not wanted:
        return None
    return lambda obj: selectors.matches(wanted, obj["metadata"].get("labels") or {})


def _by_field(kind: Kind, text: str) -> Where | None:
    terms = [term.strip() for term in text.split(",") if term.strip()]
    places = _FOUND_AT.get(kind.resource, {})
    offered = _FIELDS.get(kind.resource, frozenset(kind.selectable))
    found = []
    for term in terms:
        name = term.partition("=")[0].rstrip("!").strip()
        if name not in _METADATA and name not in offered:
            raise bad_request(f"field label not supported: {name}")
        found.append(places.get(name, name) + term[len(name) :])
    return fieldselector.parse(",".join(found)) if found else None
