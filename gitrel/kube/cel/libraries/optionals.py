"""Values that may be absent (cel-go `cel.OptionalTypes`)."""

from __future__ import annotations

from typing import Any

from gitrel.kube.cel.library import both, function, method
from gitrel.kube.cel.values import NONE, CelError, Optional


@function("optional.of", "T -> optional(T)")
def of(value: Any) -> Optional:
    return Optional(value, present=True)


@function("optional.none", "-> optional(dyn)")
def none() -> Optional:
    return NONE


@function("optional.ofNonZeroValue", "T -> optional(T)")
def of_non_zero(value: Any) -> Optional:
    return Optional(value, present=True) if value else NONE


@method("hasValue", "optional(T) -> bool")
def has_value(value: Optional) -> bool:
    return value.present


@method("value", "optional(T) -> T")
def value_of(value: Optional) -> Any:
    if not value.present:
        raise CelError("optional.none() dereference")
    return value.value


@method("or", "optional(T) optional(T) -> optional(T)")
def or_(value: Optional, other: Optional) -> Optional:
    return value if value.present else other


@method("orValue", "optional(T) T -> T")
def or_value(value: Optional, other: Any) -> Any:
    return value.value if value.present else other


@method("unwrapOpt", "list(optional(T)) -> list(T)")
@both("optional.unwrap", "list(optional(T)) -> list(T)")
def unwrap(values: list[Any]) -> list[Any]:
    return [one.value for one in values if isinstance(one, Optional) and one.present]
