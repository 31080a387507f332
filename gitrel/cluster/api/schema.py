"""What a stranger may write: types from Kubernetes' own OpenAPI definitions, checked before anything else.

Three things happen to an object from outside, in the API server's order and words: it is decoded (a wrong
type is a 400), unknown fields are refused, reported or dropped as `fieldValidation` says, and what decoding
loses is lost here too: nulls, and the spelling of quantities. Fields that are missing are told by the kind's
own validation; the schema's `required` is only the net below it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Literal

import jsonschema_rs
import orjson

from gitrel.cluster.api import times
from gitrel.cluster.api.apply.types import QUANTITY, Type
from gitrel.cluster.api.errors import ApiError, FieldError, bad_request, required
from gitrel.cluster.api.quantity import canonical
from gitrel.cluster.api.times import TIMES, BadTime
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.spec import KUBERNETES_VERSION
from gitrel.kube import openapi
from gitrel.kube.identity import Object

FieldValidation = Literal["Strict", "Warn", "Ignore"]

_REF = "#/$defs/"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


@cache
def type_of(api_version: str, kind: str) -> Type:
    """The type of a built-in kind. Raises LookupError for one that Kubernetes does not publish."""
    name = openapi.definition_of(KUBERNETES_VERSION, api_version, kind)
    if name is None:
        raise LookupError(f"{api_version} {kind} is not in the OpenAPI of Kubernetes {KUBERNETES_VERSION}")
    definitions = openapi.document(KUBERNETES_VERSION, strict=False)["$defs"]
    return Type(definitions, {"$ref": f"{_REF}{name}"})


def type_for(kind: Kind, api_version: str = "") -> Type:
    """The type of a kind, in its stored version unless another one is named."""
    version = api_version or kind.api_version
    return kind.custom[version].type if kind.custom else type_of(version, kind.kind)


@cache
def _validator(api_version: str, kind: str) -> Callable[[Any], Iterable[Any]]:
    """Compiled when a kind is first written from outside: a few milliseconds, for what it refers to only."""
    name = openapi.definition_of(KUBERNETES_VERSION, api_version, kind)
    assert name is not None
    return _validator_of(name)


@cache
def _validator_of(name: str) -> Callable[[Any], Iterable[Any]]:
    document = openapi.document(KUBERNETES_VERSION, strict=False)
    reachable = dict(_reachable(document["$defs"], name))
    schema = {"$schema": document["$schema"], "$ref": f"{_REF}{name}", "$defs": reachable}
    found: Callable[[Any], Iterable[Any]] = jsonschema_rs.validator_for(schema).iter_errors
    return found


def _reachable(definitions: Mapping[str, Any], start: str) -> Iterator[tuple[str, Any]]:
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        yield name, definitions[name]
        for found in _refs(definitions[name]):
            if found not in seen:
                seen.add(found)
                waiting.append(found)


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield ref[len(_REF) :]
        for value in schema.values():
            yield from _refs(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _refs(value)


def decoded(kind: Kind, obj: Object, mode: FieldValidation, warn: Callable[[str], None]) -> Object:
    """`obj` as the API server understands it. Raises ApiError 400; `warn` gets what `Warn` has to say."""
    unknown: list[str] = []
    decode = _decoded_custom if kind.custom else _decoded_builtin
    try:
        clean = decode(kind, obj, unknown)
    except (BadBytes, BadQuantity, BadTime) as wrong:
        raise _cannot_be_handled(kind, str(wrong), obj["apiVersion"]) from None
    if unknown and mode == "Strict":
        said = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise _cannot_be_handled(kind, f"strict decoding error: {said}")
    if mode == "Warn":
        for path in unknown:
            warn(f'unknown field "{path}"')
    return clean


def _decoded_custom(kind: Kind, obj: Object, unknown: list[str]) -> Object:
    try:
        return kind.custom[obj["apiVersion"]].decoded(obj, unknown)
    except ValueError as wrong:
        raise bad_request(str(wrong)) from None


def _decoded_builtin(kind: Kind, obj: Object, unknown: list[str]) -> Object:
    api_version: str = obj["apiVersion"]
    problems = list(_validator(api_version, kind.kind)(obj))
    for problem in problems:
        if (message := _type_error(problem, obj)) is not None:
            raise _cannot_be_handled(kind, message, api_version)
    type_ = type_of(api_version, kind.kind)
    if kind.resource == "pods" and isinstance(obj.get("spec"), dict):
        rest = {key: value for key, value in obj.items() if key != "spec"}
        clean: Object = _normal(rest, type_, "", unknown)
        return {**clean, "spec": _equal_spec(obj["spec"], type_, unknown)}
    whole: Object = _normal(obj, type_, "", unknown)
    return whole


_specs: OrderedDict[bytes, tuple[Object, list[str]]] = OrderedDict()
_SPECS_MAX = 512


def _equal_spec(spec: Object, type_: Type, unknown: list[str]) -> Object:
    """A pod's spec, decoded: one object for all that say the same, byte for byte.

    Whoever makes pods makes many alike. As they share their spec, so defaults, validation, admission and
    scheduling are worked out once for all of them.
    """
    key = orjson.dumps(spec)
    known = _specs.get(key)
    if known is None:
        strange: list[str] = []
        clean: Object = _normal(spec, type_.fields["spec"], "spec", strange)
        known = _specs[key] = clean, strange
        if len(_specs) > _SPECS_MAX:
            _specs.popitem(last=False)
    unknown += known[1]
    return known[0]


def decoded_metadata(metadata: Any, path: str, unknown: list[str]) -> Object:
    """Metadata as the API server understands it, wherever it stands. Raises ValueError in Go's words."""
    for problem in _validator_of(_OBJECT_META)(metadata):
        if (message := _type_error(problem, metadata)) is not None:
            raise ValueError(message)
    type_ = Type(
        openapi.document(KUBERNETES_VERSION, strict=False)["$defs"], {"$ref": f"{_REF}{_OBJECT_META}"}
    )
    found: Object = _normal(metadata, type_, path, unknown)
    return found


def missing_fields(kind: Kind, obj: Object, known: Iterable[FieldError]) -> Iterator[FieldError]:
    """Required by the schema and not there, unless the kind's validation told of them already."""
    if kind.custom:
        return
    told = {error.field for error in known}
    for problem in _validator(kind.api_version, kind.kind)(obj):
        if isinstance(problem.kind, jsonschema_rs.ValidationErrorKind.Required):
            if not kind.stored and problem.instance_path[:1] == ["status"]:
                continue  # of a question, where clients leave room for the answer
            path = _path([*problem.instance_path, problem.kind.property])
            if path not in told:
                yield required(path)


def _cannot_be_handled(kind: Kind, why: str, api_version: str = "") -> ApiError:
    version = (api_version or kind.api_version).rpartition("/")[2]
    return bad_request(f'{kind.kind} in version "{version}" cannot be handled as a {kind.kind}: {why}')


_GO_TYPES = {
    "integer": "int32",
    "number": "float64",
    "boolean": "bool",
    "string": "string",
    "object": "map",
    "array": "slice",
}
_JSON_NAMES: Mapping[type, str] = {
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}


def _type_error(problem: Any, obj: Object) -> str | None:
    """The words of Go's decoder; None for problems that are none of its business."""
    kinds = jsonschema_rs.ValidationErrorKind
    if isinstance(problem.kind, (kinds.Required, kinds.Enum, kinds.AdditionalProperties)):
        return None
    value: Any = obj
    for step in problem.instance_path:
        value = value[step]
    if value is None:
        return None  # into any Go field, null is as good as nothing
    where = ".".join(str(step) for step in problem.instance_path if not isinstance(step, int))
    owner, wanted = _go_type(problem)
    given = _JSON_NAMES.get(type(value), "null")
    return f"json: cannot unmarshal {given} into Go struct field {owner}.{where} of type {wanted}"


def _go_type(problem: Any) -> tuple[str, str]:
    path = [str(step) for step in problem.schema_path]
    names = [step for step in path if step.startswith("io.k8s.")]
    owner = names[-1].rpartition(".")[2] if names else "Object"
    wanted = next((name for name in getattr(problem.kind, "types", ()) if name != "null"), "")
    return owner, _GO_TYPES.get(wanted, wanted or "a scalar")


def _path(steps: Iterable[Any]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _normal(value: Any, type_: Type, path: str, unknown: list[str]) -> Any:
    """The value as Go's types write it out again: without nulls, unknown fields, and empty lists and maps
    that may be left out; quantities in canonical form.
    """
    shape = type_.shape
    if shape == "struct" and isinstance(value, dict):
        return _normal_struct(value, type_, path, unknown)
    if shape == "map" and isinstance(value, dict):
        return {key: _entry(item, type_.element, f"{path}.{key}", unknown) for key, item in value.items()}
    if shape == "list" and isinstance(value, list):
        return [_entry(item, type_.element, f"{path}[{index}]", unknown) for index, item in enumerate(value)]
    if type_.format == "byte" and isinstance(value, str) and (bad := _bad_byte(value)) is not None:
        raise BadBytes(bad)
    if type_.name == QUANTITY:
        try:
            return canonical(value)
        except (ValueError, TypeError):
            raise BadQuantity from None
    if type_.name in TIMES and isinstance(value, str):
        return times.canonical(value, type_.name)
    return value


_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def _bad_byte(text: str) -> int | None:
    """Where base64 ends to be any, as Go's decoder counts; None where it is all right."""
    clean = text.replace("\r", "").replace("\n", "")
    body = clean.rstrip("=")
    padding = len(clean) - len(body)
    if found := _NO_BASE64.search(body):
        return found.start()
    if len(clean) % 4 == 0 and padding <= 2:
        return None
    return len(body) if padding else len(body) // 4 * 4


class BadBytes(ValueError):
    """Told as Go's decoder tells it: where, and not what, for it may be a secret."""

    def __init__(self, place: int) -> None:
        super().__init__(f"illegal base64 data at input byte {place}")


class BadQuantity(ValueError):
    """Told as Go's decoder tells it, which does not say where."""

    def __init__(self) -> None:
        pattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
        super().__init__(f"quantities must match the regular expression '{pattern}'")


_ZEROS: Mapping[str, Any] = {"struct": {}, "map": {}, "list": []}
_SCALAR_ZEROS: Mapping[str, Any] = {"integer": 0, "number": 0, "boolean": False}


def _entry(value: Any, type_: Type, path: str, unknown: list[str]) -> Any:
    """An entry of a list or map; null is what Go makes of it, the empty value of its type."""
    if value is None:
        if type_.shape in _ZEROS:
            return _ZEROS[type_.shape]
        return "0" if type_.name == QUANTITY else _SCALAR_ZEROS.get(type_.scalar, "")
    return _normal(value, type_, path, unknown)


def _normal_struct(value: Mapping[str, Any], type_: Type, path: str, unknown: list[str]) -> Object:
    new: Object = {}
    fields = type_.fields
    for key in type_.always_written:
        if value.get(key) is None:
            value = {**value, key: {}}
    for key, item in value.items():
        field = fields.get(key)
        if field is not None and field.plain:
            if item is not None:
                new[key] = item
            continue
        place = f"{path}.{key}" if path else key
        if field is None:
            unknown.append(place)
        elif item is not None:
            clean = _normal(item, field, place, unknown)
            if clean or field.shape not in ("map", "list") or key in type_.required:
                new[key] = clean
    return new
