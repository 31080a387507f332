"""What an unquoted YAML scalar means, decided once, the way kubectl decides it.

YAML 1.1, YAML 1.2 and the libraries disagree on what `no`, `010` or `1:30` is. The objects end up in
Kubernetes, so kubectl's reading (go-yaml v2, then JSON) wins; wherever another reader would see something
else, the value comes with a note, which becomes a warning.

| written                          | read as                       | note |
|----------------------------------|-------------------------------|------|
| `true` `True` `TRUE`, `false` …  | boolean                       |      |
| `yes` `no` `on` `off` `y` `n` …  | boolean                       | yes  |
| nothing, `~`, `null` …           | null                          |      |
| `12`, `-12`                      | integer of 64 bits            |      |
| `+12`, `1_000`, `0x1F`, `0b11`   | integer                       | yes  |
| `010`, `0o10`                    | octal integer, here 8         | yes, but not for `defaultMode`, `mode` |
| `08`                             | integer 8                     | yes  |
| an integer beyond 64 bits        | refused: digits would be lost |      |
| `1.5`, `.5`                      | number                        |      |
| `1.10`, `1.0`, `1e3`             | number 1.1, 1, 1000           | yes  |
| `.inf`, `.nan`, `1e999`          | refused: JSON has no such     |      |
| `1:30`, `2026-01-31`, all else   | text                          |      |

A whole number is an integer however it is written, as JSON has it: the API server takes `3` for `replicas`
and refuses `3.0`.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_TRUE = ("y", "Y", "yes", "Yes", "YES", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "off", "Off", "OFF")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", *_TRUE), True),
    **dict.fromkeys(("false", "False", "FALSE", *_FALSE), False),
}
_AMBIGUOUS_WORDS = frozenset((*_TRUE, *_FALSE))
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")

_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z", re.ASCII)
_BASED = re.compile(
    r"(?P<sign>[-+]?)0(?:[xX](?P<hex>[0-9a-fA-F]+)|[bB](?P<bin>[01]+)|[oO]?(?P<oct>[0-7]+))\Z", re.ASCII
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_BASES = {"hex": 16, "bin": 2, "oct": 8}

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
_EXACT_MAX = 2**53
_DIGITS_MAX = 400
"""Longer than this no number is meant, and converting it would take quadratic time."""

_NUMBER_START = frozenset("0123456789+-.")
_WORD_START = frozenset("~tTfFyYnNoO")


def read_scalar(text: str) -> tuple[Scalar, str]:
    """An unquoted scalar → its value, and a note where others would read it differently (or "").

    Raises ValueError, with a sentence for people, for numbers that no JSON document can carry.
    """
    if not text:
        return None, ""
    first = text[0]
    if first in _NUMBER_START:
        return _number(text)
    if first in _WORD_START and text in _WORDS:
        value = _WORDS[text]
        note = f"{text!r} is read as {str(value).lower()}" if text in _AMBIGUOUS_WORDS else ""
        return value, note
    return text, ""


def _number(text: str) -> tuple[Scalar, str]:
    if _NOT_FINITE.match(text):
        raise ValueError(f"{text!r} is no number that JSON can carry")
    digits = text.replace("_", "") if text[0] != "." else text
    if len(digits) > _DIGITS_MAX:
        return text, ""
    if _DECIMAL.match(digits):
        integer = _in_64_bits(int(digits), digits)
        return integer, "" if str(integer) == text else _reading(text, integer)
    if match := _BASED.match(digits):
        base = next(name for name in _BASES if match[name])
        integer = _in_64_bits(int(match["sign"] + match[base], _BASES[base]), digits)
        return integer, _reading(text, integer)
    if _FLOAT.match(digits):
        return _float(text, digits)
    return text, ""


def _float(text: str, digits: str) -> tuple[Scalar, str]:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text!r} is no number that JSON can carry")
    value: int | float = int(number) if number.is_integer() and abs(number) <= _EXACT_MAX else number
    if _DECIMAL.match(digits.lstrip("0+-")) and abs(number) > _EXACT_MAX:
        raise ValueError(f"an integer of {len(digits)} digits does not fit in 64 bits")
    plain = "e" not in text.lower() and "_" not in text and text[-1] not in "0." and text[0] != "+"
    return value, "" if plain and not isinstance(value, int) else _reading(text, value)


def _in_64_bits(integer: int, digits: str) -> int:
    if not INTEGER_MIN <= integer <= INTEGER_MAX:
        raise ValueError(f"an integer of {len(digits)} digits does not fit in 64 bits")
    return integer


def _reading(text: str, value: int | float) -> str:
    return f"{text!r} is read as the number {value}"
