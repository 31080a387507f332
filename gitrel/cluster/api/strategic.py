"""Strategic merge patch: a merge patch that knows by which key the entries of a list are found.

Keys and strategies come from the schema (`x-kubernetes-patch-merge-key`, `-patch-strategy`), directives from
the patch: `$patch: replace|merge|delete`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`,
`$retainKeys` (apimachinery `pkg/util/strategicpatch/patch.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.errors import bad_request, shown

_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"


def strategic_merge_patch(document: Mapping[str, Any], patch: Any, type_: Type) -> dict[str, Any]:
    """Raises ApiError 400 for directives that make no sense."""
    if not isinstance(patch, Mapping):
        raise bad_request("a strategic merge patch must be an object")
    merged = _map(document, patch, type_)
    return {} if merged is None else merged


def _map(document: Mapping[str, Any], patch: Mapping[str, Any], type_: Type | None) -> dict[str, Any] | None:
    directive = patch.get(_DIRECTIVE)
    rest = {key: value for key, value in patch.items() if key not in (_DIRECTIVE, _RETAIN)}
    if directive == "delete":
        return None
    if directive == "replace":
        return {key: _stripped(value) for key, value in rest.items() if value is not None}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: {directive}")
    new = dict(document)
    if _RETAIN in patch:
        new = {key: value for key, value in new.items() if key in patch[_RETAIN]}
    for key, value in rest.items():
        if key.startswith(_DELETE_FROM):
            field = key[len(_DELETE_FROM) :]
            new[field] = [item for item in new.get(field) or () if item not in value]
        elif not key.startswith(_ORDER):
            _set(new, key, value, type_.field(key) if type_ else None)
    for key, value in rest.items():
        if key.startswith(_ORDER):
            _order(new, key[len(_ORDER) :], value, type_)
    return new


def _set(new: dict[str, Any], key: str, value: Any, type_: Type | None) -> None:
    """One field of the patch, put into `new`, which is a copy of our own."""
    old = new.get(key)
    if value is None:
        new.pop(key, None)
    elif isinstance(value, Mapping):
        merged = _map(old if isinstance(old, Mapping) else {}, value, type_)
        if merged is None:
            new.pop(key, None)
        else:
            new[key] = merged
    elif isinstance(value, list):
        new[key] = _list(old if isinstance(old, list) else [], value, type_)
    else:
        new[key] = value


def _list(old: Sequence[Any], patch: Sequence[Any], type_: Type | None) -> list[Any]:
    if type_ is None or "merge" not in type_.patch_strategies:
        return [_stripped(item) for item in patch]
    if not type_.merge_key:
        return [*old, *(item for item in patch if item not in old)]
    if any(
        isinstance(item, Mapping) and item.get(_DIRECTIVE) == "replace" and len(item) == 1 for item in patch
    ):
        return [_stripped(item) for item in patch if item.get(_DIRECTIVE) != "replace"]
    key, new = type_.merge_key, list(old)
    for item in patch:
        if not isinstance(item, Mapping) or key not in item:
            raise bad_request(f"map: {shown(item)} does not contain declared merge key: {key}")
        places = [index for index, known in enumerate(new) if known.get(key) == item[key]]
        merged = _map(new[places[0]] if places else {}, item, type_.element)
        if not places:
            new += [] if merged is None else [merged]
        elif merged is None:
            new = [known for known in new if known.get(key) != item[key]]
        else:
            new[places[0]] = merged
    return new


def _order(new: dict[str, Any], field: str, wanted: Any, type_: Type | None) -> None:
    """Entries that are named come in the order named; the others stay behind what they followed."""
    found = type_.field(field) if type_ else None
    key = found.merge_key if found else ""
    items = new.get(field)
    if not isinstance(items, list) or not isinstance(wanted, list):
        return

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, Mapping) else item

    ranks = {shown(identity(item)): rank for rank, item in enumerate(wanted)}
    ranked: list[tuple[int, int, Any]] = []
    behind = -1
    for place, item in enumerate(items):
        behind = ranks.get(shown(identity(item)), behind)
        ranked.append((behind, place, item))
    new[field] = [item for *_, item in sorted(ranked, key=lambda row: row[:2])]


def _stripped(value: Any) -> Any:
    """A value of the patch that stands alone: without its directives and nulls."""
    if isinstance(value, Mapping):
        return {
            key: _stripped(item)
            for key, item in value.items()
            if not key.startswith("$") and item is not None
        }
    return [_stripped(item) for item in value] if isinstance(value, list) else value
