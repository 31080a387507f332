"""Named formats (apiserver `pkg/cel/library/format.go`): `format.dns1123Label().validate(name)`."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gitrel.kube.cel.libraries import standard, urls
from gitrel.kube.cel.library import TABLE, function, method
from gitrel.kube.cel.values import NONE, CelError, Optional
from gitrel.kube.names import label_value_problems, name_problems, qualified_name_problems

_F = "kubernetes.NamedFormat"
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\Z", re.ASCII | re.I)
Check = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class NamedFormat:
    name: str
    cel_type = _F


def _prefixed(check: Check) -> Check:
    """Of a name that something is appended to: a dash at its end is fine."""
    return lambda text: check(text.removesuffix("-") + ("a" if text.endswith("-") else ""))


def _says(good: Callable[[str], object], complaint: str) -> Check:
    def check(text: str) -> Sequence[str]:
        try:
            return [] if good(text) else [complaint]
        except (ValueError, CelError, binascii.Error):
            return [complaint]

    return check


def _label(text: str) -> Sequence[str]:
    return name_problems(text, "label")


def _subdomain(text: str) -> Sequence[str]:
    return name_problems(text, "subdomain")


def _dns1035(text: str) -> Sequence[str]:
    return name_problems(text, "service")


def _day(text: str) -> bool:
    return len(text) == 10 and bool(date.fromisoformat(text))


def _base64(text: str) -> bool:
    return base64.b64decode(text, validate=True) is not None


CHECKS: Mapping[str, Check] = {
    "dns1123Label": _label,
    "dns1123Subdomain": _subdomain,
    "dns1035Label": _dns1035,
    "qualifiedName": qualified_name_problems,
    "dns1123LabelPrefix": _prefixed(_label),
    "dns1123SubdomainPrefix": _prefixed(_subdomain),
    "dns1035LabelPrefix": _prefixed(_dns1035),
    "labelValue": label_value_problems,
    "uri": _says(urls.is_url, "invalid URL"),
    "uuid": _says(_UUID.match, "does not match the UUID format"),
    "byte": _says(_base64, "invalid base64"),
    "date": _says(_day, "invalid date"),
    "datetime": _says(standard.to_timestamp, "invalid datetime"),
}

for _name in CHECKS:
    TABLE.add(f"format.{_name}", f"-> {_F}", lambda name=_name: NamedFormat(name), method=False)


@function("format.named", f"string -> optional({_F})")
def named(name: str) -> Optional:
    return Optional(NamedFormat(name), present=True) if name in CHECKS else NONE


@method("validate", f"{_F} string -> optional(list(string))")
def validate(format_: NamedFormat, text: str) -> Optional:
    problems = list(CHECKS[format_.name](text))
    return Optional(problems, present=True) if problems else NONE
