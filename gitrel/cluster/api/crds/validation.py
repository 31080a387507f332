"""Whether a value is what its schema says, told in the words of the API server.

The checks and the texts are those of kube-openapi `pkg/validation/validate` and of apiextensions
`pkg/apiserver/validation` (which turns them into field errors). What an update leaves as it was is not looked
at again (CRDValidationRatcheting): a schema may grow stricter than what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gitrel.cluster.api.crds import formats
from gitrel.cluster.api.crds.structure import MISSING, Node, Schema
from gitrel.cluster.api.errors import FieldError, duplicate, invalid_value, required, shown, unsupported
from gitrel.kube.regex import BadPattern, compiled
from gitrel.kube.sameness import same

_NAMES: Mapping[type, str] = {
    bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
}  # fmt: skip
_INT32 = 2**31
_INT64 = 2**63

BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
     "FieldValueTypeInvalid")
)  # fmt: skip
"""Errors after which rules are not evaluated: they could meet values that their types rule out."""


def type_name(value: Any) -> str:
    """JSON's name for what a value is; whole numbers are integers however they are written."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _NAMES.get(type(value), "null")


def errors(value: Any, node: Node, path: str = "", old: Any = MISSING) -> Iterator[FieldError]:
    """Everything that is wrong with the value at `path`; with `old`, only of what changed."""
    if old is not MISSING and same(value, old):
        return
    schema = node.schema
    if value is None:
        if not node.nullable and node.types:
            yield _wrong_type(path, node.types, "null")
        return
    yield from _own(value, node.types, schema, path)
    yield from _junctors(value, schema, path)
    if isinstance(value, dict):
        yield from _object(value, node, path, old)
    elif isinstance(value, list):
        yield from _list_type(value, schema, path)
        if node.items is not None:
            before = correlated(value, old, schema)
            for index, item in enumerate(value):
                yield from errors(item, node.items, f"{path}[{index}]", before[index])


def _object(value: dict[str, Any], node: Node, path: str, old: Any) -> Iterator[FieldError]:
    before = old if isinstance(old, dict) else {}
    if node.embedded:
        yield from _embedded(value, path)
    for name in node.schema.get("required") or ():
        if name not in value:
            yield required(_below(path, name))
    for key, item in value.items():
        if (child := node.properties.get(key)) is not None:
            yield from errors(item, child, _below(path, key), before.get(key, MISSING))
        elif node.additional is not None:
            yield from errors(item, node.additional, _below(path, key), before.get(key, MISSING))


def _embedded(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for key in ("apiVersion", "kind"):
        if not value.get(key):
            yield required(_below(path, key), "must not be empty")


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wrong_type(path: str, wanted: Sequence[str], given: str) -> FieldError:
    text = f"{path} in body must be of type {','.join(wanted)}: {shown(given)}"
    return FieldError("FieldValueTypeInvalid", path or "<nil>", f"Invalid value: {shown(given)}: {text}")


def _says(path: str, value: Any, text: str) -> FieldError:
    return invalid_value(path or "<nil>", value, f"{path} in body {text}")


# --- one value --------------------------------------------------------------------------------------------


def _own(value: Any, types: Sequence[str], schema: Schema, path: str) -> Iterator[FieldError]:
    """Type, enum, numbers, strings, sizes; nothing of what stands below the value."""
    given = type_name(value)
    if types and given not in types and not (given == "integer" and "number" in types):
        yield _wrong_type(path, types, given)
        return
    choices = schema.get("enum")
    if choices is not None and not any(_equal(value, choice) for choice in choices):
        yield unsupported(path, value, [c if isinstance(c, str) else shown(c) for c in choices])
    if isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _size(len(value), "Items", "items", schema, path, value)
    elif isinstance(value, dict):
        yield from _size(len(value), "Properties", "properties", schema, path, value)


def _equal(one: Any, other: Any) -> bool:
    """JSON's equality, in which true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _string(value: str, schema: Schema, path: str) -> Iterator[FieldError]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    if longest is not None and len(value) > longest:
        says = f"Too long: may not be more than {longest} characters"
        yield FieldError("FieldValueTooLong", path, says)
    if shortest is not None and len(value) < shortest:
        yield _says(path, value, f"should be at least {shortest} chars long")
    if pattern := schema.get("pattern"):
        try:
            good = compiled(pattern)(value)
        except BadPattern:
            good = False
        if not good:
            yield _says(path, value, f"should match '{pattern}'")
    check = formats.CHECKS.get(schema.get("format") or "")
    if check is not None and not check(value):
        text = f"{path} in body must be of type {schema['format']}: {shown(value)}"
        yield FieldError("FieldValueTypeInvalid", path, f"Invalid value: {shown(value)}: {text}")


def _number(value: int | float, schema: Schema, path: str) -> Iterator[FieldError]:
    highest, lowest = schema.get("maximum"), schema.get("minimum")
    if highest is not None and (value >= highest if schema.get("exclusiveMaximum") else value > highest):
        bound = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield _says(path, value, f"should be {bound} {_plain(highest)}")
    if lowest is not None and (value <= lowest if schema.get("exclusiveMinimum") else value < lowest):
        bound = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield _says(path, value, f"should be {bound} {_plain(lowest)}")
    step = schema.get("multipleOf")
    if step and Decimal(str(value)) % Decimal(str(step)) != 0:
        yield _says(path, value, f"should be a multiple of {_plain(step)}")
    limit = {"int32": _INT32, "int64": _INT64}.get(schema.get("format") or "")
    if limit is not None and not -limit <= value < limit:
        text = f"Checked value must be of type integer with format {schema['format']} in {path}"
        yield invalid_value(path, value, text)


def _plain(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _size(count: int, key: str, word: str, schema: Schema, path: str, value: Any) -> Iterator[FieldError]:
    most, least = schema.get(f"max{key}"), schema.get(f"min{key}")
    if most is not None and count > most:
        says = f"Too many: {count}: must have at most {most} item{'' if most == 1 else 's'}"
        yield FieldError("FieldValueTooMany", path, says)
    if least is not None and count < least:
        yield _says(path, value, f"should have at least {least} {word}")


# --- junctors ---------------------------------------------------------------------------------------------


def _junctors(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """`allOf`, `anyOf`, `oneOf` and `not`, which say nothing about the form, only about the contents."""
    for part in schema.get("allOf") or ():
        failed = list(_within(value, part, path))
        if failed:
            yield _composite(f'"{path}" must validate all the schemas (allOf)')
            yield from failed
    if ways := schema.get("anyOf"):
        results = [list(_within(value, way, path)) for way in ways]
        if all(results):
            yield _composite(f'"{path}" must validate at least one schema (anyOf)')
            yield from min(results, key=len)
    if ways := schema.get("oneOf"):
        results = [list(_within(value, way, path)) for way in ways]
        good = sum(not result for result in results)
        if good != 1:
            found = "Found none valid" if not good else f"Found {good} valid alternatives"
            yield _composite(f'"{path}" must validate one and only one schema (oneOf). {found}')
            yield from () if good else min(results, key=len)
    if (against := schema.get("not")) is not None and not any(_within(value, against, path)):
        yield _composite(f'"{path}" must not validate the schema (not)')


def _composite(text: str) -> FieldError:
    return invalid_value("<nil>", "", text)


def _within(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """What is wrong by a schema inside a junctor, which is plain JSON Schema."""
    types = (schema["type"],) if schema.get("type") else ()
    yield from _own(value, types, schema, path)
    yield from _junctors(value, schema, path)
    if isinstance(value, dict):
        for name in schema.get("required") or ():
            if name not in value:
                yield required(_below(path, name))
        properties = schema.get("properties") or {}
        beside = schema.get("additionalProperties")
        for key, item in value.items():
            if key in properties:
                yield from _within(item, properties[key], _below(path, key))
            elif isinstance(beside, Mapping):
                yield from _within(item, beside, _below(path, key))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _within(item, schema["items"], f"{path}[{index}]")


# --- lists that are sets or maps ----------------------------------------------------------------------------


def _list_type(value: Sequence[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    """Nothing may come twice in a set, and no two entries of a map may have the same keys."""
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    seen: set[str] = set()
    for index, item in enumerate(value):
        told = item
        if kind == "map":
            if not isinstance(item, dict):
                continue
            told = {key: item[key] for key in sorted(keys) if key in item}
        mark = shown(told)
        if mark in seen:
            yield duplicate(f"{path}[{index}]", told)
        seen.add(mark)


def correlated(value: Sequence[Any], old: Any, schema: Schema) -> Sequence[Any]:
    """For each entry the one that it was before; only a map's entries can be told apart."""
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    if not isinstance(old, list) or schema.get("x-kubernetes-list-type") != "map" or not keys:
        return [MISSING] * len(value)
    before = {_identity(item, keys): item for item in old if isinstance(item, dict)}
    return [
        before.get(_identity(item, keys), MISSING) if isinstance(item, dict) else MISSING for item in value
    ]


def _identity(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    return shown([item.get(key) for key in keys])
