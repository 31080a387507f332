"""Reading a plain dict key by key, collecting what is wrong instead of stopping at the first mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, TypeVar

from gitrel.clock import parse_duration
from gitrel.errors import Problem
from gitrel.kube import quantities

_Default = TypeVar("_Default")


class Fields:
    """One mapping under inspection. Every accessor returns a usable value even where it notes a problem."""

    def __init__(self, value: object, place: str, source: str, problems: list[Problem]) -> None:
        self._place, self._source, self._problems = place, source, problems
        self._values: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
        self._known: set[str] = set()
        if not isinstance(value, Mapping):
            self._wrong(place, f"{value!r} is not a mapping", "write it as key: value pairs")

    def _wrong(self, place: str, what: str, todo: str) -> None:
        self._problems.append(Problem(self._source, 0, 0, f"{place}: {what}", todo))

    def _key(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def _take(self, key: str) -> Any:
        self._known.add(key)
        return self._values.get(key)

    def text(self, key: str) -> str:
        """A required, non-empty text."""
        value = self._take(key)
        if isinstance(value, str) and value:
            return value
        self._wrong(self._key(key), "a text is missing", f'write {key}: "example/worker:*"')
        return "*"

    def seconds(self, key: str, default: _Default) -> float | _Default:
        """A duration as seconds, or as text with units."""
        value = self._take(key)
        return default if value is None else self._duration(self._key(key), value)

    def _duration(self, place: str, value: object) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf:
            return float(value)
        try:
            return (
                parse_duration(value).total_seconds()
                if isinstance(value, str)
                else self._not_a_duration(value)
            )
        except ValueError as error:
            self._wrong(place, str(error), "give seconds or a text such as 90s, 45m, 1h30m")
            return 0.0

    @staticmethod
    def _not_a_duration(value: object) -> float:
        raise ValueError(f"{value!r} is not a duration")

    def seconds_or_ever(self, key: str) -> float:
        """A duration, `true` for ever, `false` or nothing for never."""
        value = self._take(key)
        if isinstance(value, bool) or value is None:
            return inf if value else 0.0
        return self._duration(self._key(key), value)

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if isinstance(value, bool) or value is None:
            return bool(value)
        self._wrong(self._key(key), f"{value!r} is neither true nor false", "write true or false")
        return False

    def integer(self, key: str, default: _Default, least: int, most: int) -> int | _Default:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._wrong(self._key(key), f"{value!r} is out of range", f"write an integer from {least} to {most}")
        return default

    def section(self, key: str) -> Fields | None:
        """A nested mapping; None where it is absent."""
        value = self._take(key)
        return None if value is None else Fields(value, self._key(key), self._source, self._problems)

    def series(self, key: str, read: Callable[[object], float]) -> tuple[tuple[float, float], ...]:
        """One value, or `{after, value}` steps in the order of time."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            return ((0.0, self._number(self._key(key), value, read)),)
        steps = []
        for index, row in enumerate(value):
            step = Fields(row, f"{self._key(key)}[{index}]", self._source, self._problems)
            steps.append(
                (step.seconds("after", 0.0), self._number(step._key("value"), step._take("value"), read))
            )
            step.refuse_unknown()
        return tuple(sorted(steps))

    def _number(self, place: str, value: object, read: Callable[[object], float]) -> float:
        try:
            return read(value)
        except ValueError as error:
            self._wrong(place, str(error), "correct the value")
            return 0.0

    @staticmethod
    def quantity(value: object) -> float:
        """A resource quantity in whole units: `250m` → 0.25, `64Mi` → 67108864."""
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return float(quantities.parse(value))
        raise ValueError(f"{value!r} is not a quantity such as 250m or 64Mi")

    def refuse_unknown(self) -> None:
        """Notes every key that no accessor asked for."""
        for key in sorted(map(str, set(self._values) - self._known)):
            known = ", ".join(sorted(self._known))
            self._wrong(self._key(key), "unknown key", f"use one of {known}")
