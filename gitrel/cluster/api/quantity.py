"""The one way in which the API server writes a resource quantity: `0.5` is stored as `500m`, `1024Mi` as
`1Gi`.

Canonical form of apimachinery `pkg/api/resource/quantity.go`: no fraction, the largest suffix that allows
it, and the family of suffixes that was used on the way in.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from gitrel.kube import quantities

_DECIMAL = (
    (18, "E"),
    (15, "P"),
    (12, "T"),
    (9, "G"),
    (6, "M"),
    (3, "k"),
    (0, ""),
    (-3, "m"),
    (-6, "u"),
    (-9, "n"),
)
_BINARY = ((6, "Ei"), (5, "Pi"), (4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki"), (0, ""))


@lru_cache(maxsize=4096)
def canonical(text: str | int | float) -> str:
    """Raises ValueError for what is no quantity."""
    value = quantities.parse(text)
    written = str(text)
    # What is no whole number, or small, is written in decimal rather than rounded.
    if written.endswith("i") and abs(value) >= 1024 and value.denominator == 1:
        return _binary(value)
    exponent = any(char in written for char in "eE") and not written.endswith("E")
    return _decimal(value, exponent=exponent)


def _decimal(value: Fraction, *, exponent: bool) -> str:
    if value == 0:
        return "0"
    # Nothing is kept below a billionth; what is lost is rounded away from zero.
    nano = value * 10**9
    whole = -(-nano.numerator // nano.denominator) if nano > 0 else nano.numerator // nano.denominator
    for power, suffix in _DECIMAL:
        unit = 10 ** (power + 9)
        if whole % unit == 0:
            return f"{whole // unit}{f'e{power}' if exponent and power else suffix if not exponent else ''}"
    raise AssertionError("every whole number is a multiple of one")


def _binary(value: Fraction) -> str:
    whole = int(value)
    for power, suffix in _BINARY:
        if whole % 1024**power == 0:
            return f"{whole // 1024**power}{suffix}"
    raise AssertionError("every whole number is a multiple of one")


def written(value: Fraction, *, like: str) -> str:
    """A sum in the family of suffixes of one of its parts: `1Gi` and `512Mi` add up to `1536Mi`."""
    if like.endswith("i") and abs(value) >= 1024 and value.denominator == 1:
        return _binary(value)
    return _decimal(value, exponent=False)
