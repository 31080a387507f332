"""Kubernetes quantities in expressions (apiserver `pkg/cel/library/quantity.go`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gitrel.kube import quantities
from gitrel.kube.cel.library import function, method
from gitrel.kube.cel.values import INT_MAX, INT_MIN, CelError

_Q = "kubernetes.Quantity"


@dataclass(frozen=True, slots=True)
class Quantity:
    amount: Fraction
    cel_type = _Q


@function("quantity", f"string -> {_Q}")
def quantity(text: str) -> Quantity:
    try:
        return Quantity(quantities.parse(text))
    except (ValueError, OverflowError):
        raise CelError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None


@function("isQuantity", "string -> bool")
def is_quantity(text: str) -> bool:
    try:
        quantities.parse(text)
    except (ValueError, OverflowError):
        return False
    return True


def _fits(amount: Fraction) -> bool:
    return amount.denominator == 1 and INT_MIN <= amount <= INT_MAX


@method("isInteger", f"{_Q} -> bool")
def is_integer(one: Quantity) -> bool:
    return _fits(one.amount)


@method("asInteger", f"{_Q} -> int")
def as_integer(one: Quantity) -> int:
    if not _fits(one.amount):
        raise CelError("cannot convert value to integer")
    return int(one.amount)


@method("asApproximateFloat", f"{_Q} -> double")
def as_float(one: Quantity) -> float:
    return float(one.amount)


@method("sign", f"{_Q} -> int")
def sign(one: Quantity) -> int:
    return (one.amount > 0) - (one.amount < 0)


def _amount(other: Quantity | int) -> Fraction:
    return other.amount if isinstance(other, Quantity) else Fraction(int(other))


@method("add", f"{_Q} {_Q} -> {_Q}", f"{_Q} int -> {_Q}")
def add(one: Quantity, other: Quantity | int) -> Quantity:
    return Quantity(one.amount + _amount(other))


@method("sub", f"{_Q} {_Q} -> {_Q}", f"{_Q} int -> {_Q}")
def sub(one: Quantity, other: Quantity | int) -> Quantity:
    return Quantity(one.amount - _amount(other))


@method("isGreaterThan", f"{_Q} {_Q} -> bool")
def is_greater(one: Quantity, other: Quantity) -> bool:
    return one.amount > other.amount


@method("isLessThan", f"{_Q} {_Q} -> bool")
def is_less(one: Quantity, other: Quantity) -> bool:
    return one.amount < other.amount


@method("compareTo", f"{_Q} {_Q} -> int")
def compare(one: Quantity, other: Quantity) -> int:
    return (one.amount > other.amount) - (one.amount < other.amount)
