"""Two traces compared: each difference is one line, with where it is and what each cluster says there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realcluster.differential.play import Trace

_ABSENT = "nothing"


def differences(real: Trace, bundled: Trace) -> Iterator[str]:
    """Moment by moment, in the script's order."""
    if real.failure or bundled.failure:
        came = [trace.failure or "to the end" for trace in (real, bundled)]
        yield f"how far it came: real {came[0]}, bundled {came[1]}"
    for moment in dict.fromkeys((*real.moments, *bundled.moments)):
        before, after = real.moments.get(moment, {}), bundled.moments.get(moment, {})
        for place, one, other in _unequal("", before, after):
            yield f"[{moment}] {place}: real {one}, bundled {other}"


def _unequal(place: str, real: Any, bundled: Any) -> Iterator[tuple[str, Any, Any]]:
    if real == bundled:
        return
    if isinstance(real, Mapping) and isinstance(bundled, Mapping):
        for key in sorted({*real, *bundled}, key=str):
            yield from _unequal(f"{place}.{key}", real.get(key, _ABSENT), bundled.get(key, _ABSENT))
    elif isinstance(real, list) and isinstance(bundled, list) and place == ".events":
        yield from ((place, line, _ABSENT) for line in real if line not in bundled)
        yield from ((place, _ABSENT, line) for line in bundled if line not in real)
    elif isinstance(real, list) and isinstance(bundled, list) and len(real) == len(bundled):
        for number, (one, other) in enumerate(zip(real, bundled, strict=True)):
            yield from _unequal(f"{place}[{number}]", one, other)
    else:
        yield place, real, bundled
