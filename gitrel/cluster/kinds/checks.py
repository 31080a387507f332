"""Checks that many kinds share: numbers, ports, quantities, percentages, label selectors, unchanging
fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds.names import NameRule, label_errors, name_problems, qualified_name_problems
from gitrel.kube import quantities

NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
_PERCENT = re.compile(r"[0-9]+%\Z", re.ASCII)
_PERCENT_SAYS = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def non_negative(obj: Mapping[str, Any], *keys: str, at: str) -> Iterator[FieldError]:
    for key in keys:
        value = obj.get(key)
        if value is not None and value < 0:
            yield invalid_value(f"{at}.{key}", value, NEGATIVE)


def positive(obj: Mapping[str, Any], *keys: str, at: str) -> Iterator[FieldError]:
    for key in keys:
        value = obj.get(key)
        if value is not None and value <= 0:
            yield invalid_value(f"{at}.{key}", value, "must be greater than zero")


def one_of(value: Any, allowed: Sequence[str], field: str, *, as_told: bool = False) -> Iterator[FieldError]:
    """An unset value is allowed; what must be set is asked for elsewhere.

    Kubernetes names what is allowed in alphabetical order, or `as_told` here.
    """
    if value is not None and value not in allowed:
        yield unsupported(field, value, allowed if as_told else sorted(allowed))


def port_number(value: Any, field: str) -> Iterator[FieldError]:
    if not isinstance(value, int) or not 1 <= value <= 65535:
        yield invalid_value(field, value, "must be between 1 and 65535, inclusive")


def int_or_percent(
    value: int | str | None, field: str, *, percent_max: int | None = None
) -> Iterator[FieldError]:
    if value is None:
        return
    if isinstance(value, int):
        if value < 0:
            yield invalid_value(field, value, NEGATIVE)
    elif not _PERCENT.match(value):
        yield invalid_value(field, value, _PERCENT_SAYS)
    elif percent_max is not None and int(value[:-1]) > percent_max:
        yield invalid_value(field, value, f"must not be greater than {percent_max}%")


def quantity(value: Any, field: str) -> Iterator[FieldError]:
    try:
        amount = quantities.parse(value)
    except ValueError:
        says = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        yield invalid_value(field, value, says)
        return
    if amount < 0:
        yield invalid_value(field, value, NEGATIVE)


def label_selector(selector: Mapping[str, Any] | None, field: str) -> Iterator[FieldError]:
    """`pkg/apis/meta/v1/validation` ValidateLabelSelector."""
    selector = selector or {}
    yield from label_errors(selector.get("matchLabels"), f"{field}.matchLabels")
    for index, row in enumerate(selector.get("matchExpressions") or ()):
        yield from _requirement(row, f"{field}.matchExpressions[{index}]")


def _requirement(row: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    operator, values = row.get("operator"), row.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden_field(
                f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
    else:
        yield invalid_value(f"{field}.operator", operator or "", "not a valid selector operator")
    for problem in qualified_name_problems(row.get("key") or ""):
        yield invalid_value(f"{field}.key", row.get("key") or "", problem)


def selects_nothing(selector: Mapping[str, Any]) -> bool:
    """Whether it is an empty selector, which would match everything."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def immutable(new: Any, old: Any, field: str) -> Iterator[FieldError]:
    if new != old:
        yield invalid_value(field, new, IMMUTABLE)


def named(value: Any, rule: NameRule, field: str) -> Iterator[FieldError]:
    """A name that must be there and follow its rule."""
    if not value:
        yield required(field)
        return
    for problem in name_problems(value, rule):
        yield invalid_value(field, value, problem)


def cidr(value: str, field: str) -> Iterator[FieldError]:
    try:
        ip_network(value, strict=False)
    except ValueError:
        says = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        yield invalid_value(field, value, says)
        return
    if "/" not in value:
        yield invalid_value(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")


def domain_path(value: str, field: str) -> Iterator[FieldError]:
    """`example.com/controller` (IsDomainPrefixedPath)."""
    domain, slash, path = value.partition("/")
    if not slash or not domain or not path:
        yield invalid_value(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
        return
    for problem in name_problems(domain, "subdomain"):
        yield invalid_value(field, value, f"domain part {problem}")
    if re.fullmatch(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", path, re.ASCII) is None:
        says = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
        yield invalid_value(field, value, says)


def conditions(rows: Sequence[Mapping[str, Any]], field: str) -> Iterator[FieldError]:
    """meta/v1 Conditions (`pkg/apis/meta/v1/validation` ValidateConditions)."""
    for index, row in enumerate(rows):
        at = f"{field}[{index}]"
        for problem in qualified_name_problems(row.get("type") or ""):
            yield invalid_value(f"{at}.type", row.get("type") or "", problem)
        if row.get("status") not in ("True", "False", "Unknown"):
            yield unsupported(f"{at}.status", row.get("status") or "", ["False", "True", "Unknown"])
        yield from non_negative(row, "observedGeneration", at=at)
        if not row.get("lastTransitionTime"):
            yield required(f"{at}.lastTransitionTime", "must be set")
        if not row.get("reason"):
            yield required(f"{at}.reason")
