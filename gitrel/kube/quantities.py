"""Resource quantities (`500m`, `128Mi`, `1e3`) as exact integers.

The API server's grammar is stricter than most parsers: no inner space, no sign-less suffix soup
(apimachinery `pkg/api/resource/quantity.go`). Scheduling needs integers, so values are rounded up.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_SUFFIX: dict[str, Fraction] = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{s: Fraction(1000**i) for i, s in enumerate("kMGTPE", start=1)},
    **{s + "i": Fraction(1024**i) for i, s in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)\Z", re.ASCII
)


@lru_cache(maxsize=4096)
def parse(text: str | int | float) -> Fraction:
    """The exact value. Raises ValueError for anything the API server refuses."""
    if isinstance(text, (int, float)):
        return Fraction(str(text))
    match = _QUANTITY.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a quantity: write it as 500m, 2, 128Mi or 1.5Gi")
    number, exponent, suffix = match.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SUFFIX[suffix or ""]
    return Fraction(number) * scale


def _round_up(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)


@lru_cache(maxsize=4096)
def milli(text: str | int | float) -> int:
    """Thousandths, rounded up: `0.1` → 100, `250m` → 250. The scheduler's unit for CPU."""
    return _round_up(parse(text) * 1000)


@lru_cache(maxsize=4096)
def whole(text: str | int | float) -> int:
    """Whole units (bytes, pods), rounded up."""
    return _round_up(parse(text))
