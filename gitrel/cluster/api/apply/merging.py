"""Typed values: merging an applied configuration into what is there, comparing two states, removing fields.

The rules of structured-merge-diff (`typed/merge.go`, `typed/compare.go`, `typed/remove.go`). Nothing is
edited: what does not change is shared, and what is shared is not looked into.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.apply.fieldset import (
    EMPTY,
    FieldPath,
    FieldSet,
    NotAssociative,
    distinct_elements,
    elements_of,
    whole,
)
from gitrel.cluster.api.apply.types import FREE, Type
from gitrel.kube.sameness import same


def merged(live: Any, applied: Any, type_: Type) -> Any:
    """`live` with everything that `applied` says; only atomic values are replaced as a whole.

    Raises NotAssociative for lists without proper keys.
    """
    if live is None or not type_.splits(applied):
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
    """Applied entries come in their own order; entries only of `live` stay in front of what followed them.

    Both lists are walked at once. What stands only in `live` goes first. An entry of both waits until it is
    its turn in the applied order; where `live` has it earlier, it is passed over there (`typed/merge.go`).
    """
    wanted = distinct_elements(applied, type_)
    left, right = elements_of(live, type_), list(wanted)
    known = dict(left)
    shared = [element for element in right if element in known]
    result: list[Any] = []
    done: set[str] = set()

    def take(element: str) -> None:
        item = wanted[element]
        if element in known and not type_.is_set:
            item = merged(known[element], item, type_.element)
        result.append(item)
        done.add(element)
        if shared and shared[0] == element:
            shared.pop(0)

    at, to = 0, 0
    while at < len(left) or to < len(right):
        if at < len(left):
            element, item = left[at]
            both = to < len(right)
            if both and element == right[to]:
                take(element)
                at, to = at + 1, to + 1
                continue
            if both and element in wanted and shared and shared[0] != element:
                at += 1
                continue
            if element not in wanted:
                result.append(item)
                at += 1
                continue
            at += element in done
        if to < len(right):
            take(right[to])
            to += 1
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


_NONE: Mapping[str, Any] = {}
_Sinks = tuple[set[FieldPath], set[FieldPath], set[FieldPath]]


def _compare(old: Any, new: Any, type_: Type, at: FieldPath, sinks: _Sinks) -> None:
    if old is new or (old == new and (type_.strict or same(old, new))):
        return
    added, modified, removed = sinks
    if old is None or new is None:
        sink, value = (added, new) if old is None else (removed, old)
        sink |= whole(value, type_, at)
    elif isinstance(old, dict) and isinstance(new, dict) and type_.splits(new):
        always = type_.always if type_.shape == "struct" else _NONE
        for name in (*old, *(name for name in new if name not in old)):
            field = type_.field(name)
            if field is not None:
                place = (*at, f"f:{name}")
                before, after = old.get(name), new.get(name)
                if name in always:
                    before = always[name] if before is None else before
                    after = always[name] if after is None else after
                elif before is None and name in old and name in new:
                    if after is None:
                        continue
                    if not after or not field.splits(after):
                        modified.add(place)
                        continue
                    before = type(after)()  # null was as good as empty
                elif after is None and name in new:
                    before, after = _nulled(before, field, place, sinks)
                _compare(before, after, field, place, sinks)
    elif isinstance(old, (list, tuple)) and type_.splits(new) and type_.splits(old):
        _compare_lists(old, new, type_, at, sinks)
    else:
        modified.add(at)
        # A free-form value may turn from a map into something else, and the other way round.
        if type_.splits(new):
            added |= whole(new, type_, at) - {at}
        elif type_.splits(old):
            removed |= whole(old, type_, at) - {at}


def _nulled(before: Any, type_: Type, at: FieldPath, sinks: _Sinks) -> tuple[Any, Any]:
    """What to compare where somebody said null: that is a value like others, and empties lists and maps."""
    if before is None:
        sinks[0].add(at)
    elif not type_.splits(before):
        sinks[1].add(at)
    else:
        return before, type(before)()
    return None, None


def _compare_lists(old: Sequence[Any], new: Sequence[Any], type_: Type, at: FieldPath, sinks: _Sinks) -> None:
    try:
        before, after = dict(elements_of(old, type_)), dict(elements_of(new, type_))
    except NotAssociative:
        sinks[1].add(at)
        return
    for element in (*before, *(e for e in after if e not in before)):
        place = (*at, element)
        if type_.is_set:
            if element not in before:
                sinks[0].add(place)
            elif element not in after:
                sinks[2].add(place)
        else:
            _compare(before.get(element), after.get(element), type_.element, place, sinks)


def without(value: Any, gone: Collection[FieldPath], type_: Type) -> Any:
    """`value` without those fields; None where nothing is left of it (`typed/remove.go`)."""
    if not gone:
        return value
    if not type_.splits(value):
        return None if isinstance(value, (dict, list)) else value
    here, deeper = {path[0] for path in gone if len(path) == 1}, _below(gone)
    if isinstance(value, dict):
        new = {
            name: without(item, deeper[f"f:{name}"], type_.field(name) or FREE)
            if f"f:{name}" in deeper
            else item
            for name, item in value.items()
            if f"f:{name}" not in here
        }
        # What the server's type cannot be without is there again, empty.
        kept = {name: zero for name, zero in type_.always.items() if name in value and new.get(name) is None}
        return {**new, **kept} or None
    items = [
        without(item, deeper.get(element, ()), type_.element)
        for element, item in elements_of(value, type_)
        if element not in here
    ]
    return items or None


def _below(paths: Collection[FieldPath]) -> dict[str, list[FieldPath]]:
    """By their first element, what is left of those that are longer."""
    found: dict[str, list[FieldPath]] = {}
    for path in paths:
        if len(path) > 1:
            found.setdefault(path[0], []).append(path[1:])
    return found
