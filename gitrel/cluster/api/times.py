"""Instants in what clients send: read as Go reads them, and written as Go writes them again. Pure.

`metav1.Time` has whole seconds; `metav1.MicroTime` insists on six digits behind them (`pkg/apis/meta/v1`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
TIME, MICRO_TIME = f"{_META}Time", f"{_META}MicroTime"
TIMES = frozenset((TIME, MICRO_TIME))

_LAYOUTS = {TIME: "2006-01-02T15:04:05Z07:00", MICRO_TIME: "2006-01-02T15:04:05.000000Z07:00"}
_ZONE = ("Z07:00", r"(?:Z|[+-]\d\d:\d\d)\Z")
_SECONDS = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T"),
    ("15", r"\d\d"), (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d"),
)  # fmt: skip
_ELEMENTS = {
    # Go takes a fraction after the seconds even where its layout has none.
    TIME: (*_SECONDS, ("", r"(?:[.,]\d+)?"), _ZONE),
    MICRO_TIME: (*_SECONDS, (".000000", r"[.,]\d{6}"), _ZONE),
}


class BadTime(ValueError):
    """Told as Go's decoder tells it, which does not say where."""


def canonical(text: str, name: str) -> str:
    """`text` in UTC and in the form of the type `name`. Raises BadTime."""
    layout, rest = _LAYOUTS[name], text
    for element, pattern in _ELEMENTS[name]:
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            raise BadTime(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"')
        rest = rest[found.end() :]
    try:
        instant = datetime.fromisoformat(text.replace(",", ".")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTime(f'parsing time "{text}": out of range') from None
    # strftime writes the years before 1000 with fewer digits.
    seconds = instant.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{seconds}.{instant.microsecond:06d}Z" if name == MICRO_TIME else f"{seconds}Z"
