"""Strategic merge patch: a merge patch that knows by which key the entries of a list are found.

Keys and strategies come from the schema (`x-kubernetes-patch-merge-key`, `-patch-strategy`), directives from
the patch: `$patch: replace|merge|delete`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`,
`$retainKeys` (apimachinery `pkg/util/strategicpatch/patch.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.errors import ApiError, bad_request, shown

_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"


def strategic_merge_patch(document: Mapping[str, Any], patch: Any, type_: Type) -> dict[str, Any]:
    """Raises ApiError for directives that make no sense: 400 or, as Kubernetes has it, 500."""
    if not isinstance(patch, Mapping):
        raise bad_request("a strategic merge patch must be an object")
    return _map(document, patch, type_)


def _map(document: Mapping[str, Any], patch: Mapping[str, Any], type_: Type | None) -> dict[str, Any]:
    rest = {key: value for key, value in patch.items() if key not in (_DIRECTIVE, _RETAIN)}
    if _DIRECTIVE in patch:
        if patch[_DIRECTIVE] == "delete":
            return {}
        if patch[_DIRECTIVE] == "replace":
            return rest  # to the letter, be it null
        raise _unknown_directive(patch)
    new = dict(document)
    if _RETAIN in patch:
        new = _retained(new, rest, patch[_RETAIN])
    for key, value in rest.items():
        if key.startswith(_DELETE_FROM):
            field = key[len(_DELETE_FROM) :]
            new[field] = [item for item in new.get(field) or () if item not in value]
        elif not key.startswith(_ORDER):
            found = type_.field(key) if type_ else None
            _check_order(value, rest.get(f"{_ORDER}{key}"), found)
            _set(new, key, value, found)
    for key, value in rest.items():
        field = key.removeprefix(_ORDER)
        items = new.get(field)
        if key.startswith(_ORDER) and isinstance(items, list) and isinstance(value, list):
            found = type_.field(field) if type_ else None
            live = document.get(field) or ()
            new[field] = _ordered(items, value, live, found.merge_key if found else "")
    return new


def _retained(document: dict[str, Any], patch: Mapping[str, Any], keys: Any) -> dict[str, Any]:
    """Only what the patch names as staying; it has to name all that it sets itself."""
    sets = [key for key, value in patch.items() if value is not None and not key.startswith("$")]
    if not isinstance(keys, list) or any(key not in keys for key in sets):
        raise bad_request("invalid patch format of retainKeys")
    return {key: value for key, value in document.items() if key in keys}


def _unknown_directive(patch: Mapping[str, Any]) -> ApiError:
    return _refused(f"unknown patch type: {go_text(patch[_DIRECTIVE])} in map: {go_text(patch)}")


def _refused(why: str) -> ApiError:
    return ApiError(500, "", why)


def go_text(value: Any) -> str:
    """A value as Go prints it by itself: `map[a:1 b:[x y]]`."""
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "<nil>"}[value]
    return str(value)


def _check_order(items: Any, wanted: Any, type_: Type | None) -> None:
    """What a patch has in a list must come in the order that it wants there. Raises ApiError."""
    if wanted is None or not isinstance(items, list) or not items:
        return
    if not isinstance(wanted, list):
        raise bad_request("invalid patch format of setElementOrder list")
    key = type_.merge_key if type_ else ""
    left = [_identity(item, key) for item in items if not (key and _is_directive(item))]
    for name in (_identity(item, key) for item in wanted):
        if left and left[0] == name:
            left.pop(0)
    if left and wanted:
        told = f"{go_text(items)}\n doesn't match {_ORDER.rstrip('/')} list:\n{go_text(wanted)}\n"
        raise _refused(f"The order in patch list:\n{told}")


def _identity(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, Mapping) else item


def _is_directive(item: Any) -> bool:
    return isinstance(item, Mapping) and _DIRECTIVE in item


def _set(new: dict[str, Any], key: str, value: Any, type_: Type | None) -> None:
    """One field of the patch, put into `new`, which is a copy of our own."""
    old = new.get(key)
    if value is None:
        new.pop(key, None)
    elif isinstance(value, Mapping):
        new[key] = _map(old if isinstance(old, Mapping) else {}, value, type_)
    elif isinstance(value, list):
        new[key] = _list(old if isinstance(old, list) else [], value, type_)
    else:
        new[key] = value


def _list(old: Sequence[Any], patch: Sequence[Any], type_: Type | None) -> list[Any]:
    if type_ is None or "merge" not in type_.patch_strategies:
        return [_stripped(item) for item in patch]
    if not type_.merge_key:
        entries = list(old)
        entries += (item for item in patch if item not in entries)
        return _ordered(entries, patch, old, "")
    key = type_.merge_key
    kept, plain = _directed(old, patch, key)
    standing = list(kept)
    for item in plain:
        if not isinstance(item, Mapping) or key not in item:
            raise _keyless(item, key)
        places = [index for index, known in enumerate(kept) if known.get(key) == item[key]]
        merged = _map(kept[places[0]] if places else {}, item, type_.element)
        if places:
            kept[places[0]] = merged
        else:
            kept.append(merged)
    return _ordered(kept, plain, standing, key)


def _directed(old: Sequence[Any], patch: Sequence[Any], key: str) -> tuple[list[Any], list[Any]]:
    """What is left of the old entries after the directives, and the entries that are to be merged in."""
    kept, plain, replaces = list(old), [], False
    for item in patch:
        if not isinstance(item, Mapping) or _DIRECTIVE not in item:
            plain.append(item)
        elif item[_DIRECTIVE] == "delete":
            if key not in item:
                raise _keyless(item, key)
            kept = [known for known in kept if known.get(key) != item[key]]
        elif item[_DIRECTIVE] == "replace":
            replaces = True
        elif item[_DIRECTIVE] == "merge":
            raise _refused("merging lists cannot yet be specified in the patch")
        else:
            raise _unknown_directive(item)
    return ([_stripped(item) for item in plain], []) if replaces else (kept, plain)


def _keyless(item: Any, key: str) -> ApiError:
    return _refused(f"map: {go_text(item)} does not contain declared merge key: {key}")


def _ordered(items: Sequence[Any], wanted: Sequence[Any], live: Sequence[Any], key: str) -> list[Any]:
    """Entries that are named come in the order named; each other one before the first of them that it stood
    before (`normalizeElementOrder`).
    """

    def ranks(order: Sequence[Any]) -> dict[str, int]:
        return {shown(_identity(item, key)): rank for rank, item in reversed(list(enumerate(order)))}

    def rank(item: Any, known: Mapping[str, int]) -> int:
        return known.get(shown(_identity(item, key)), -1)

    asked, stood = ranks(wanted), ranks(live)
    named = sorted((item for item in items if rank(item, asked) >= 0), key=lambda item: rank(item, asked))
    others = sorted(
        (item for item in items if rank(item, asked) < 0),
        key=lambda item: (rank(item, stood) < 0, rank(item, stood)),
    )
    result: list[Any] = []
    while named and others:
        before, after = rank(others[0], stood), rank(named[0], stood)
        result.append(others.pop(0) if 0 <= before < after else named.pop(0))
    return [*result, *others, *named]


def _stripped(value: Any) -> Any:
    """A value of the patch that stands alone: without its directives and nulls."""
    if isinstance(value, Mapping):
        return {
            key: _stripped(item)
            for key, item in value.items()
            if not key.startswith("$") and item is not None
        }
    return [_stripped(item) for item in value] if isinstance(value, list) else value
