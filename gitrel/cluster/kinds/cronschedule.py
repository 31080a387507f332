"""Whether a cron schedule can be understood, and why not, in the words of the parser that Kubernetes uses.

Five fields or a descriptor (`@hourly`, `@every 5m`); robfig/cron v3 `parser.go` is the rule.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class _Bounds(NamedTuple):
    low: int
    high: int
    names: dict[str, int]


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    _Bounds(0, 59, {}),
    _Bounds(0, 23, {}),
    _Bounds(1, 31, {}),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTORS = frozenset(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))
_DURATION = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+\Z", re.ASCII)


def problem(schedule: str) -> str:
    """What is wrong with it; empty when nothing is."""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        _, _, schedule = schedule.partition(" ")
    if schedule.startswith("@"):
        return _descriptor_problem(schedule)
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        return f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: [{' '.join(parts)}]"
    for text, bounds in zip(parts, _FIELDS, strict=True):
        for expression in text.split(","):
            if found := _range_problem(expression, bounds):
                return found
    return ""


def _descriptor_problem(text: str) -> str:
    if text in _DESCRIPTORS:
        return ""
    if text.startswith("@every "):
        duration = text.removeprefix("@every ")
        if _DURATION.match(duration):
            return ""
        return f'failed to parse duration {text}: time: invalid duration "{duration}"'
    return f"unrecognized descriptor: {text}"


def _range_problem(expression: str, bounds: _Bounds) -> str:
    """One of `*`, `5`, `1-5`, `*/10`, `mon-fri/2`."""
    span, slash, step_text = expression.partition("/")
    low_text, dash, high_text = span.partition("-")
    if "/" in step_text:
        return f"too many slashes: {expression}"
    if "-" in high_text:
        return f"too many hyphens: {expression}"
    low, high = bounds.low, bounds.high
    if low_text not in ("*", "?"):
        start = _number(low_text, bounds)
        end = _number(high_text, bounds) if dash else start
        if start is None or end is None:
            return _unparsed(low_text if start is None else high_text)
        low, high = start, end if dash or not slash else bounds.high
    elif dash:
        return _unparsed(span)
    if slash:
        if not step_text.isdecimal():
            return _unparsed(step_text)
        if int(step_text) == 0:
            return f"step of range should be a positive number: {expression}"
    if low < bounds.low:
        return f"beginning of range ({low}) below minimum ({bounds.low}): {expression}"
    if high > bounds.high:
        return f"end of range ({high}) above maximum ({bounds.high}): {expression}"
    if low > high:
        return f"beginning of range ({low}) beyond end of range ({high}): {expression}"
    return ""


def _number(text: str, bounds: _Bounds) -> int | None:
    if text.lower() in bounds.names:
        return bounds.names[text.lower()]
    return int(text) if text.isascii() and text.isdecimal() else None


def _unparsed(text: str) -> str:
    return f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
