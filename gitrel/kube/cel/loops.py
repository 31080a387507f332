"""One evaluation under way, and the macros that go through lists and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gitrel.kube.cel.libraries.collections import before
from gitrel.kube.cel.values import CelError, OverBudget


class Run:
    """One evaluation: its variables, and the steps that are left."""

    __slots__ = ("left", "variables")

    def __init__(self, variables: Mapping[str, Any], budget: int) -> None:
        self.variables = dict(variables)
        self.left = budget

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise OverBudget("operation cancelled: actual cost limit exceeded")


Step = Callable[[Run], Any]


UNSET = object()


def restore(run: Run, saved: Iterable[tuple[str, Any]]) -> None:
    for name, value in saved:
        if value is UNSET:
            run.variables.pop(name, None)
        else:
            run.variables[name] = value


def rows_of(value: Any, variables: int) -> Iterable[tuple[Any, ...]]:
    if isinstance(value, list):
        return list(enumerate(value)) if variables == 2 else [(item,) for item in value]
    if isinstance(value, dict):
        return list(value.items()) if variables == 2 else [(key,) for key in value]
    raise CelError("no such overload")


def bindings(run: Run, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Binds the variables to one row after the other."""
    for row in rows:
        run.spend(1)
        for name, value in zip(names, row, strict=True):
            run.variables[name] = value
        yield row


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError("no such overload")
    return value


Rows = Iterable[tuple[Any, ...]]


def _quantified(run: Run, rows: Rows, test: Step, *, every: bool) -> bool:
    failure: CelError | None = None
    for _ in rows:
        try:
            if _truth(test(run)) is not every:
                return not every
        except CelError as wrong:
            failure = failure or wrong
    if failure:
        raise failure
    return every


def _exists_one(run: Run, rows: Rows, parts: Sequence[Step]) -> bool:
    return sum(_truth(parts[0](run)) for _ in rows) == 1


def _filter(run: Run, rows: Rows, parts: Sequence[Step]) -> list[Any]:
    return [row[0] for row in rows if _truth(parts[0](run))]


def _transformed(run: Run, rows: Rows, parts: Sequence[Step]) -> list[Any]:
    *tests, change = parts
    return [change(run) for _ in rows if all(_truth(test(run)) for test in tests)]


def _transformed_map(run: Run, rows: Rows, parts: Sequence[Step]) -> dict[Any, Any]:
    *tests, change = parts
    return {row[0]: change(run) for row in rows if all(_truth(test(run)) for test in tests)}


def _transformed_entries(run: Run, rows: Rows, parts: Sequence[Step]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for entry in _transformed(run, rows, parts):
        if not isinstance(entry, dict):
            raise CelError("no such overload")
        for key, value in entry.items():
            if key in found:
                raise CelError(f"insert failed: key {key} already exists")
            found[key] = value
    return found


def _sorted_by(run: Run, rows: Rows, parts: Sequence[Step]) -> list[Any]:
    keyed = [(parts[0](run), row[0]) for row in rows]
    run.spend(len(keyed) * len(keyed).bit_length())
    found: list[tuple[Any, Any]] = []
    for pair in keyed:
        low, high = 0, len(found)
        while low < high:
            middle = (low + high) // 2
            if before(pair[0], found[middle][0]):
                high = middle
            else:
                low = middle + 1
        found.insert(low, pair)
    return [item for _, item in found]


LOOPS: Mapping[str, Callable[[Run, Rows, Sequence[Step]], Any]] = {
    "all": lambda run, rows, parts: _quantified(run, rows, parts[0], every=True),
    "exists": lambda run, rows, parts: _quantified(run, rows, parts[0], every=False),
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _transformed,
    "transformList": _transformed,
    "transformMap": _transformed_map,
    "transformMapEntry": _transformed_entries,
    "sortBy": _sorted_by,
}
