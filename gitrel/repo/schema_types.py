"""The scalars that people write in YAML, each with its rule in a sentence: durations, names, digests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from gitrel.clock import parse_duration, parse_instant
from gitrel.repo import layout
from gitrel.repo.suggest import visible

API_VERSION = "gitrel.dev/v1alpha1"
OWN_LABELS = "gitrel.dev/"

YEAR_SECONDS = 365 * 24 * 3600
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z", re.ASCII)
_LABEL_KEY = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z", re.ASCII
)
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FLAG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z", re.ASCII)
GROUP = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)?\Z", re.ASCII)
EXPRESSION_MAX = 4096
_PERCENT = re.compile(r"(\d{1,3})%\Z", re.ASCII)


def text(check: Callable[[str], bool], rule: str) -> BeforeValidator:
    """Text that satisfies `check`; `rule` finishes the sentence "… is not allowed: …"."""

    def validate(value: object) -> object:
        if isinstance(value, str) and not check(value):
            raise ValueError(f"{visible(value)} is not allowed: {rule}")
        return value

    return BeforeValidator(validate)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a duration such as 90s, 45m, 1h30m or 2d")
    if not isinstance(value, str) and value != 0:
        raise ValueError(f"{value} has no unit: write {value}s, {value}m or {value}h")
    return parse_duration(str(value))


def _positive_duration(value: object) -> timedelta:
    duration = _duration(value)
    if not duration:
        raise ValueError("must be longer than nothing")
    return duration


def _integer_or_percent(least: int) -> Callable[[object], int | str]:
    def validate(value: object) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        if isinstance(value, str) and (match := _PERCENT.match(value)) and least <= int(match[1]) <= 100:
            return value
        raise ValueError(f"must be an integer of at least {least}, or a percentage from {least}% to 100%")

    return validate


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|[dhms]))+$|^0$"})
Duration = Annotated[timedelta, PlainValidator(_duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[timedelta, PlainValidator(_positive_duration), _DURATION_SCHEMA]
_IOP_SCHEMA = WithJsonSchema(
    {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,3}%$"}]}
)
PositiveIntegerOrPercent = Annotated[int | str, PlainValidator(_integer_or_percent(1)), _IOP_SCHEMA]


def _prune_limit(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    counts = [part for part in parts if part.isascii() and part.isdigit() and len(part) < 10]
    percents = [part for part in parts if (match := _PERCENT.match(part)) and int(match[1]) <= 100]
    if len(percents) == 1 and len(counts) == len(parts) - 1 <= 1:
        return ", ".join((*counts, *percents))
    raise ValueError('must be a count, a percentage up to 100%, or both: "10, 30%"')


PruneLimit = Annotated[
    int | str,
    PlainValidator(_prune_limit),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(\d{1,9}, *)?\d{1,3}%$"},
            ]
        }
    ),
]


def is_digest(text: str) -> bool:
    """`sha256:` and 64 hexadecimal digits."""
    return _DIGEST.match(text) is not None


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(str(value))
    except ValueError:
        raise ValueError("must be an instant such as 2026-01-31T12:00:00Z") from None


Instant = Annotated[
    datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Digest = Annotated[str, text(is_digest, "write sha256: and 64 digits")]
Name = Annotated[str, text(layout.is_name, layout.NAME_RULE)]
Namespace = Annotated[str, text(lambda s: _NAMESPACE.match(s) is not None, layout.NAME_RULE)]
OptionalNamespace = Annotated[
    str, text(lambda s: s == "" or _NAMESPACE.match(s) is not None, layout.NAME_RULE)
]
LabelKey = Annotated[
    str,
    text(lambda s: _LABEL_KEY.match(s) is not None, "write a Kubernetes label key"),
    text(lambda s: not s.startswith(OWN_LABELS), f"keys under {OWN_LABELS} are set by gitrel"),
]
LabelValue = Annotated[
    str, text(lambda s: _LABEL_VALUE.match(s) is not None, "write a Kubernetes label value")
]
SelectorKey = Annotated[str, text(lambda s: _LABEL_KEY.match(s) is not None, "write a Kubernetes label key")]
ParameterName = Annotated[
    str,
    text(lambda s: _PARAMETER.match(s) is not None, "a parameter is named by ASCII letters, digits and '_'"),
]
FlagName = Annotated[
    str, text(lambda s: _FLAG.match(s) is not None, "a flag is named by ASCII letters, digits, '_' and '-'")
]
TagPrefix = Annotated[
    str, text(layout.is_tag_prefix, "write what the tags of versions begin with, such as 'frontend/' or ''")
]
VariableName = Annotated[
    str, text(lambda s: _PARAMETER.match(s) is not None, "write the name of an environment variable")
]
ProtectedKind = Literal["CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"]
RecreateKind = Annotated[
    str,
    text(
        lambda s: re.fullmatch(r"[A-Z][A-Za-z0-9]{0,62}", s) is not None and s not in get_args(ProtectedKind),
        "write the name of a kind such as StatefulSet; what holds data says so on the object itself",
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Z][A-Za-z0-9]{0,62}$",
            "not": {"enum": list(get_args(ProtectedKind))},
        }
    ),
]
ActAsGroup = Annotated[
    str, text(lambda s: s not in ("", "system:masters"), "name a group that RBAC gives its rights to")
]
Parameters = dict[ParameterName, Any]
Flags = dict[FlagName, bool]


class Strict(BaseModel):
    """A map of known fields in lowerCamelCase."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        known = {field.alias for field in cls.model_fields.values()}
        return {k: v for k, v in value.items() if v is not None or k not in known}


SopsMetadata = dict[str, Any] | None
"""What SOPS writes at the end of a file that it encrypted; only SOPS reads it."""
