"""The rollout's values as plain JSON, and back: one reading of the dataclasses, no shape written twice.

Fields keep their names; instants are RFC 3339, durations `1h30m`; None is left out, everything else is
always written, so that a default that changes later cannot change what an old record says. Reading is
strict: an unknown field was written by a later gitrel and is refused rather than dropped; a missing one
takes its default, because an earlier gitrel did not know it.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gitrel.clock import format_duration, format_instant, parse_duration, parse_instant
from gitrel.rollout.actions import Action
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout

Json = dict[str, Any]
Encode = Callable[[Any], Any]
Decode = Callable[[Any, str], Any]
"""Takes a JSON value and the place it stands at, such as `rollout.environments.eastus.phase`."""


def rollout_to_json(rollout: Rollout) -> Json:
    return _encode(rollout)


def rollout_from_json(document: Any) -> Rollout:
    """Raises ValueError with the place and what is wrong there, as all `…_from_json` here do."""
    return typing.cast(Rollout, _codec(Rollout)[1](document, "rollout"))


def spec_to_json(spec: RolloutSpec) -> Json:
    return _encode(spec)


def spec_from_json(document: Any) -> RolloutSpec:
    return typing.cast(RolloutSpec, _codec(RolloutSpec)[1](document, "spec"))


def seen_to_json(seen: Seen) -> Json:
    return _encode(seen)


def seen_from_json(document: Any) -> Seen:
    return typing.cast(Seen, _codec(Seen)[1](document, "seen"))


def action_to_json(action: Action) -> Json:
    """The action's fields beside its `type`: MovePointer, Apply or RunHooks."""
    return {"type": type(action).__name__, **_encode(action)}


def digest(document: Mapping[str, Any]) -> str:
    """`sha256:…` over the document's canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _encode(value: Any) -> Json:
    return typing.cast(Json, _codec(type(value))[0](value))


# ── One codec per type, built on first use ──────────────────────────────────────────────────────────────

_CODECS: dict[Any, tuple[Encode, Decode]] = {}


def _codec(kind: Any) -> tuple[Encode, Decode]:
    if kind not in _CODECS:
        _CODECS[kind] = _build(kind)
    return _CODECS[kind]


def _build(kind: Any) -> tuple[Encode, Decode]:
    if kind in _SCALARS:
        return _SCALARS[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return _same, _one_of(arguments)
    if origin in (typing.Union, types.UnionType):
        return _build_optional(arguments)
    if origin is tuple:
        return _build_tuple(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _build_mapping(arguments[1])
    if issubclass(kind, StrEnum):
        return str, _enum(kind)
    return _build_dataclass(kind)


def _build_dataclass(kind: Any) -> tuple[Encode, Decode]:
    hints = typing.get_type_hints(kind)
    codecs = {field.name: _codec(hints[field.name]) for field in fields(kind)}
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def encode(value: Any) -> Json:
        held = ((name, encode, getattr(value, name)) for name, (encode, _) in codecs.items())
        return {name: encode(one) for name, encode, one in held if one is not None}

    def decode(document: Any, where: str) -> Any:
        if not isinstance(document, Mapping):
            raise _wrong(where, document, "an object")
        if unknown := sorted(document.keys() - codecs.keys()):
            raise ValueError(f"{where}.{unknown[0]}: unknown field, perhaps written by a later gitrel")
        for name in required:
            if name not in document:
                raise ValueError(f"{where}.{name}: missing")
        return kind(**{name: codecs[name][1](one, f"{where}.{name}") for name, one in document.items()})

    return encode, decode


def _build_optional(arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    (inner,) = (one for one in arguments if one is not types.NoneType)
    encode, decode = _codec(inner)
    return (
        lambda value: None if value is None else encode(value),
        lambda value, where: None if value is None else decode(value, where),
    )


def _build_tuple(inner: Any) -> tuple[Encode, Decode]:
    encode_one, decode_one = _codec(inner)

    def decode(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _wrong(where, value, "a list")
        return tuple(decode_one(one, f"{where}[{index}]") for index, one in enumerate(value))

    return lambda value: [encode_one(one) for one in value], decode


def _build_mapping(inner: Any) -> tuple[Encode, Decode]:
    encode_one, decode_one = _codec(inner)

    def decode(value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(where, value, "an object")
        return MappingProxyType({name: decode_one(one, f"{where}.{name}") for name, one in value.items()})

    return lambda value: {name: encode_one(one) for name, one in value.items()}, decode


def _same(value: Any) -> Any:
    return value


def _exactly(*kinds: type) -> Decode:
    """Bool is an int in Python and is none in JSON; nothing is converted silently."""

    def decode(value: Any, where: str) -> Any:
        if type(value) not in kinds:
            raise _wrong(where, value, " or ".join(kind.__name__ for kind in kinds))
        return value

    return decode


def _number(value: Any, where: str) -> float:
    return float(_exactly(float, int)(value, where))


def _parsed(parse: Callable[[str], Any]) -> Decode:
    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, str):
            raise _wrong(where, value, "a string")
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    return decode


def _one_of(allowed: tuple[Any, ...]) -> Decode:
    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{where}: {value!r} is none of {', '.join(allowed)}")
        return value

    return decode


def _enum(kind: type[StrEnum]) -> Decode:
    check = _one_of(tuple(member.value for member in kind))
    return lambda value, where: kind(check(value, where))


def _duration(value: timedelta) -> str:
    """`1h30m` where that is exact, else seconds to the microsecond; both are read back by parse_duration."""
    if value < timedelta():
        raise ValueError(f"a duration cannot be negative: {value}")
    return format_duration(value) if value.microseconds % 1000 == 0 else f"{value.total_seconds():.6f}s"


def _wrong(where: str, value: Any, wanted: str) -> ValueError:
    return ValueError(f"{where}: {type(value).__name__} found where {wanted} belongs")


_SCALARS: Mapping[Any, tuple[Encode, Decode]] = {
    str: (_same, _exactly(str)),
    bool: (_same, _exactly(bool)),
    int: (_same, _exactly(int)),
    float: (float, _number),
    datetime: (format_instant, _parsed(parse_instant)),
    timedelta: (_duration, _parsed(parse_duration)),
}
