"""The table of functions: each overload with its types, so that one table serves checking and evaluating.

Modules of functions add to it when they are imported (`libraries`). A signature reads `string int -> string`;
for a method the first type is that of the receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gitrel.kube.cel import types
from gitrel.kube.cel.types import Type
from gitrel.kube.cel.values import CelError, kind_of

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


@dataclass(frozen=True, slots=True)
class Overload:
    params: tuple[Type, ...]
    result: Type
    run: Function

    def takes(self, kinds: Sequence[str]) -> bool:
        """By the kinds of actual values, where no more is known."""
        return len(kinds) == len(self.params) and all(
            param.is_variable or param.name == "dyn" or param.name == kind or kind == "dyn"
            for param, kind in zip(self.params, kinds, strict=True)
        )


class Table:
    """Name → overloads; methods and functions apart, as `size(x)` and `x.size()` are two things."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, bool], list[Overload]] = {}
        self._dispatched: dict[tuple[str, bool, tuple[str, ...]], Overload | None] = {}

    def add(self, name: str, signature: str, run: Function, *, method: bool) -> None:
        left, _, result = signature.partition("->")
        params = tuple(types.named(part) for part in left.split())
        overload = Overload(params, types.named(result), run)
        self._found.setdefault((name, method), []).append(overload)

    def overloads(self, name: str, *, method: bool) -> Sequence[Overload]:
        return self._found.get((name, method), ())

    def knows(self, name: str, *, method: bool) -> bool:
        return (name, method) in self._found

    def call(self, name: str, args: Sequence[Any], *, method: bool) -> Any:
        """Raises CelError where no overload takes these values."""
        key = (name, method, tuple(map(kind_of, args)))
        if key not in self._dispatched:
            matching = (o for o in self.overloads(name, method=method) if o.takes(key[2]))
            self._dispatched[key] = next(matching, None)
        overload = self._dispatched[key]
        if overload is None:
            raise CelError("no such overload")
        return overload.run(*args)


TABLE = Table()


def function(name: str, *signatures: str) -> Callable[[F], F]:
    return _adding(name, signatures, method=False)


def method(name: str, *signatures: str) -> Callable[[F], F]:
    return _adding(name, signatures, method=True)


def both(name: str, *signatures: str) -> Callable[[F], F]:
    """Callable either way, as `size` is."""

    def add(run: F) -> F:
        function(name, *signatures)(run)
        method(name, *signatures)(run)
        return run

    return add


def _adding(name: str, signatures: Iterable[str], *, method: bool) -> Callable[[F], F]:
    def add(run: F) -> F:
        for signature in signatures:
            TABLE.add(name, signature, run, method=method)
        return run

    return add
