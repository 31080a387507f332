"""Typed values: merging an applied configuration into what is there, comparing two states, removing fields.

The rules of structured-merge-diff (`typed/merge.go`, `typed/compare.go`, `typed/remove.go`). Nothing is
edited: what does not change is shared, and what is shared is not looked into.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.apply.fieldset import (
    EMPTY,
    FieldPath,
    FieldSet,
    NotAssociative,
    distinct_elements,
    elements_of,
    fields_of,
)
from gitrel.cluster.api.apply.types import Type


def merged(live: Any, applied: Any, type_: Type) -> Any:
    """`live` with everything that `applied` says; only atomic values are replaced as a whole.

    Raises NotAssociative for lists without proper keys.
    """
    if live is None or type_.atomic or type_.shape in ("scalar", "any"):
        return applied
    if isinstance(applied, dict) and isinstance(live, dict):
        new = dict(live)
        for name, value in applied.items():
            field = type_.field(name)
            new[name] = value if field is None else merged(live.get(name), value, field)
        return new
    if isinstance(applied, list) and isinstance(live, list):
        return _merged_list(live, applied, type_)
    return applied


def _merged_list(live: Sequence[Any], applied: Sequence[Any], type_: Type) -> list[Any]:
    """Applied entries come in their own order; entries only of `live` keep their place before what follows
    them, and come first where nothing else says where they belong (`typed/merge.go`, visitListItems).
    """
    wanted = distinct_elements(applied, type_)
    left = elements_of(live, type_)
    known = dict(left)
    result: list[Any] = []
    done: set[str] = set()
    position = 0
    for element, item in wanted.items():
        while position < len(left) and ((at := left[position])[0] not in wanted or at[0] in done):
            if at[0] not in wanted:
                result.append(at[1])
            position += 1
        if element in known:
            item = item if type_.is_set else merged(known[element], item, type_.element)
        result.append(item)
        done.add(element)
    result.extend(item for element, item in left[position:] if element not in wanted)
    return result


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one state to another, as fields."""

    added: FieldSet = EMPTY
    modified: FieldSet = EMPTY
    removed: FieldSet = EMPTY

    @property
    def touched(self) -> FieldSet:
        return self.added | self.modified


def compared(old: Any, new: Any, type_: Type) -> Comparison:
    """Order in associative lists does not count."""
    added: set[FieldPath] = set()
    modified: set[FieldPath] = set()
    removed: set[FieldPath] = set()
    _compare(old, new, type_, (), (added, modified, removed))
    return Comparison(frozenset(added), frozenset(modified), frozenset(removed))


_Sinks = tuple[set[FieldPath], set[FieldPath], set[FieldPath]]


def _compare(old: Any, new: Any, type_: Type, at: FieldPath, sinks: _Sinks) -> None:
    if old is new or old == new:
        return
    added, modified, removed = sinks
    if old is None or new is None:
        sink, value = (added, new) if old is None else (removed, old)
        sink |= fields_of(value, type_, at)
        if value in ({}, []) or type_.shape == "map":
            sink.add(at)
    elif (
        isinstance(old, dict)
        and isinstance(new, dict)
        and not type_.atomic
        and type_.shape in ("struct", "map")
    ):
        for name in (*old, *(name for name in new if name not in old)):
            field = type_.field(name)
            if field is not None:
                _compare(old.get(name), new.get(name), field, (*at, f"f:{name}"), sinks)
    elif isinstance(old, list) and isinstance(new, list) and not type_.atomic:
        _compare_lists(old, new, type_, at, sinks)
    else:
        modified.add(at)


def _compare_lists(old: list[Any], new: list[Any], type_: Type, at: FieldPath, sinks: _Sinks) -> None:
    try:
        before, after = dict(elements_of(old, type_)), dict(elements_of(new, type_))
    except NotAssociative:
        sinks[1].add(at)
        return
    for element in (*before, *(e for e in after if e not in before)):
        place = (*at, element)
        if element not in before:
            sinks[0].add(place)
        elif element not in after:
            sinks[2].add(place)
        if not type_.is_set:
            _compare(before.get(element), after.get(element), type_.element, place, sinks)


def without(value: Any, gone: Collection[FieldPath], type_: Type) -> Any:
    """`value` without those fields. A list or map that this empties goes too."""
    if not gone:
        return value
    here = {path[0] for path in gone if len(path) == 1}
    deeper: dict[str, list[FieldPath]] = {}
    for path in gone:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(value, dict):
        return _dict_without(value, here, deeper, type_)
    if isinstance(value, list) and not type_.atomic:
        # What identifies an entry stays as long as the entry does.
        keys = {(f"f:{key}",) for key in type_.list_keys}
        return [
            item
            if type_.is_set
            else without(item, [p for p in deeper.get(element, ()) if p not in keys], type_.element)
            for element, item in elements_of(value, type_)
            if element not in here
        ]
    return value


def _dict_without(
    value: dict[str, Any], here: set[str], deeper: dict[str, list[FieldPath]], type_: Type
) -> Any:
    new = {}
    for name, item in value.items():
        element = f"f:{name}"
        if element in here:
            continue
        field = type_.field(name)
        if element in deeper and field is not None:
            left = without(item, deeper[element], field)
            if not left and item and field.shape in ("map", "list"):
                continue
            item = left
        new[name] = item
    return new
