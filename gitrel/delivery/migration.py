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
from gitrel.kube.fieldsets import names_item
from gitrel.kube.identity import Object

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


def taken_over(live: Mapping[str, Any], wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Object:
    """What the object will be once its fields have changed hands: `answer`, which a dry run gave for `wanted`
    while they had not, without those that the manifest lacks and nobody else has."""
    entries = [entry for entry in get(live, "metadata", "managedFields") or () if isinstance(entry, Mapping)]
    fields: dict[str, Any] = {}
    for entry in filter(_is_theirs, entries):
        fields = _union(fields, entry.get("fieldsV1") or {})
    others = [
        entry.get("fieldsV1") or {}
        for entry in entries
        if not _is_theirs(entry) and entry.get("manager") != FIELD_OWNER
    ]
    return dict(_left(fields, answer, wanted, others))


def _left(fields: Mapping[str, Any], there: Any, wanted: Any, others: list[Mapping[str, Any]]) -> Any:
    """What is left of a value of which `fields` may go: all that is wanted, or in the sets of `others`."""
    if isinstance(there, list):
        return [left for item in there if (left := _left_item(fields, item, wanted, others)) is not _GONE]
    if not isinstance(there, Mapping):
        return there
    result = {}
    for name, value in there.items():
        key = f"f:{name}"
        has = isinstance(wanted, Mapping) and name in wanted
        if key not in fields:
            result[name] = value
            continue
        kept_by = [other[key] for other in others if key in other]
        left = _left(fields[key], value, wanted[name] if has else None, kept_by)
        if has or kept_by or (_has_parts(fields[key]) and left):
            result[name] = left
    return result


def _left_item(fields: Mapping[str, Any], item: Any, wanted: Any, others: list[Mapping[str, Any]]) -> Any:
    """One item of a list, found by its keys or its value; `_GONE` where it goes."""
    key = next((key for key in fields if names_item(key, item)), None)
    if key is None:
        return item
    mine = next((one for one in wanted or () if names_item(key, one, as_written=True)), _GONE)
    kept_by = [other[key] for other in others if key in other]
    if mine is _GONE and not kept_by:
        return _GONE
    return _left(fields[key], item, None if mine is _GONE else mine, kept_by)


_GONE = object()


def _has_parts(fields: Mapping[str, Any]) -> bool:
    """Whether the field set goes on below: else the value is owned as a whole."""
    return any(key != "." for key in fields)
