"""Objects that `kubectl apply` made on the client's side: their fields change hands when they are adopted.

Otherwise kubectl would own them for ever beside gitrel, and what leaves the manifest would stay. The record
of managers is rewritten as kubectl itself does when it moves to server-side apply (client-go
`util/csaupgrade`): the fields that it updated become fields that gitrel applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.kube.fields import get

CLIENT_SIDE = frozenset(("kubectl-client-side-apply",))
Operation = Mapping[str, Any]


def hand_over(live: Mapping[str, Any]) -> tuple[Operation, ...]:
    """The JSON patch by which gitrel becomes the manager of what was applied on the client's side; empty
    where nothing was."""
    entries = [entry for entry in get(live, "metadata", "managedFields") or () if isinstance(entry, Mapping)]
    theirs = [entry for entry in entries if _is_theirs(entry)]
    if not theirs:
        return ()
    ours = [entry for entry in entries if _is_ours(entry, str(theirs[0].get("apiVersion")))]
    fields: dict[str, Any] = {}
    for entry in (*ours, *theirs):
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**theirs[0], "manager": FIELD_OWNER, "operation": "Apply", "fieldsV1": fields}
    rest = [entry for entry in entries if entry not in theirs and entry not in ours]
    return ({"op": "replace", "path": "/metadata/managedFields", "value": [merged, *rest]},)


def _is_theirs(entry: Mapping[str, Any]) -> bool:
    who = entry.get("manager") in CLIENT_SIDE and not entry.get("subresource")
    return who and entry.get("operation") == "Update"


def _is_ours(entry: Mapping[str, Any], api_version: str) -> bool:
    applied = entry.get("manager") == FIELD_OWNER and entry.get("operation") == "Apply"
    return applied and not entry.get("subresource") and entry.get("apiVersion") == api_version


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_united(one, other))


def _united(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in {**one, **other}:
        children = [side[key] for side in (one, other) if key in side]
        yield key, (children[0] if len(children) == 1 else _union(*children))
