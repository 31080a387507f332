"""`apps/<component>/parameters.schema.yaml`: which parameters a component has, of which type and default.

The file is a JSON Schema (2020-12) for the map of parameters, written in YAML. The keywords that speak about
data are allowed, and `$ref` within the file; others are refused rather than ignored.

- `default` values, at any depth, are the lowest layer of precedence; `gitrel explain` shows their line.
- A parameter that the component itself sets (in component.yaml, or for one environment) must be in
  `properties`, unless the schema says `additionalProperties: true`. Parameters of the pipeline and of
  environments are shared, so that one which a component does not know is no mistake.
- Each error stands where the winning value was written, and names the default. Values are never shown.
- What is encrypted is checked by the type that SOPS leaves readable, and in full where it is opened to be
  rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema_rs

from gitrel.errors import Problem
from gitrel.repo import sealed
from gitrel.repo.model import Origin, Value
from gitrel.repo.suggest import did_you_mean, visible
from gitrel.repo.yamlfile import Marks, read_documents

Values = Mapping[str, Value]
Steps = tuple[str | int, ...]

_DATA = (
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems",
    "maxItems", "uniqueItems", "minProperties", "maxProperties", "oneOf", "anyOf", "allOf", "not", "$ref",
)  # fmt: skip
_WORDS_ONLY = ("$schema", "$defs", "title", "description", "examples", "deprecated", "default", "$comment")
KEYWORDS = frozenset((*_DATA, *_WORDS_ONLY))
_MAPS_OF_SCHEMAS = ("properties", "$defs")
_LISTS_OF_SCHEMAS = ("oneOf", "anyOf", "allOf")
_SCHEMAS = ("items", "additionalProperties", "not")
_DEPTH_MAX = 16
_TYPES = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "a map", "array": "a list", "null": "nothing",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """One component's schema, compiled."""

    file: str
    schema: Mapping[str, Any]
    marks: Marks
    validator: Any
    defaults: Values

    def problems(self, effective: Mapping[str, Values], own: Iterable[Values]) -> Iterator[Problem]:
        """What is wrong with the parameters that hold in each environment. `own` are the layers that only
        this component has."""
        missing: dict[str, list[str]] = {}
        for environment, values in effective.items():
            for error in self.validator.iter_errors(self._instance(values)):
                steps = tuple(error.instance_path)
                if error.kind.name == "required" and not steps:
                    missing.setdefault(error.kind.property, []).append(environment)
                elif error.kind.name in _SHAPE or not _holds_sealed(values, steps):
                    yield self._told(error, steps, values)
        for name, environments in sorted(missing.items()):
            what = f"{name} is required, and nothing sets it in {', '.join(environments)}"
            todo = "set it in component.yaml, for the environment, or give it a default"
            yield Problem(self.file, *self._required_at(name), what, todo)
        if self._closed:
            yield from self._unknown(own)

    def opened_problems(self, values: Values, opened: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with what was encrypted, now that it is open; no word of a problem has a value.

        `opened` is what `values` are in the clear; what was not encrypted has been told before.
        """
        known = self.schema.get("properties", {})
        plain = {name: value for name, value in opened.items() if not self._closed or name in known}
        for error in self.validator.iter_errors(plain):
            steps = tuple(error.instance_path)
            if _holds_sealed(values, steps) and (error.kind.name not in _SHAPE or error.kind.name == "type"):
                yield self._told(error, steps, values)

    @property
    def _closed(self) -> bool:
        return self.schema.get("additionalProperties", False) is False

    def _instance(self, values: Values) -> dict[str, Any]:
        known = self.schema.get("properties", {})
        return {
            name: _stand_in(value.value)
            for name, value in values.items()
            if not self._closed or name in known
        }

    def _required_at(self, name: str) -> tuple[int, int]:
        required = self.schema.get("required", [])
        return self.marks.at(("required", required.index(name)) if name in required else ("required",))

    def _unknown(self, own: Iterable[Values]) -> Iterator[Problem]:
        known = self.schema.get("properties", {})
        for values in own:
            for name, value in values.items():
                if name not in known:
                    what = f"{visible(name)} is no parameter of this component{did_you_mean(name, known)}"
                    yield _at(value.origin, what, f"known: {', '.join(sorted(known)) or 'none'}")

    def _told(self, error: Any, steps: Steps, values: Values) -> Problem:
        name = dotted(steps)
        what, todo = words(error.kind, error.instance)
        if error.kind.name == "required":
            name, what = f"{name}.{error.kind.property}" if name else error.kind.property, "is missing"
        if (default := _default_of(self.schema, self.schema, steps)) is not _NONE:
            todo = f"{todo}; the default is {default!r}" if todo else f"the default is {default!r}"
        at = _origin(values, steps)
        return _at(at or Origin(self.file, *self.marks.at()), f"{name or 'parameters'} {what}", todo)


def words(kind: Any, instance: Any) -> tuple[str, str]:
    """(what is wrong, what to do) in plain words, without the value."""
    match kind.name:
        case "type":
            types = " or ".join(_TYPES.get(name, name) for name in kind.types)
            return f"must be {types}, not {_shape(instance)}", ""
        case "enum":
            return f"must be one of {', '.join(map(str, kind.options))}", ""
        case "constant":
            return f"must be {kind.expected_value}", ""
        case "additionalProperties":
            return f"has an unknown key: {', '.join(map(visible, kind.unexpected))}", "remove it"
        case "pattern":
            return f"does not match {kind.pattern}", ""
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"must be {_BOUNDS[kind.name]} {kind.limit:g}", ""
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            bound = "at least" if kind.name.startswith("min") else "at most"
            return f"must have {bound} {kind.limit} {_PARTS[kind.name[3:]]}", ""
        case "required":
            return f"lacks {kind.property}", ""
        case _:
            return f"breaks the rule {kind.name} of its schema", ""


_BOUNDS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}  # fmt: skip
_PARTS = {"Length": "characters", "Items": "items", "Properties": "keys"}


def _shape(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (type(None), "null"), (bool, "boolean"), (int | float, "number"), (str, "string"), (dict, "object"),
    )  # fmt: skip
    return _TYPES[next((name for kind, name in kinds if isinstance(value, kind)), "array")]


def _at(origin: Origin, what: str, todo: str) -> Problem:
    return Problem(origin.file, origin.line, origin.column, what, todo)


def _origin(values: Values, steps: Steps) -> Origin | None:
    """Where the value at `steps`, or its nearest written ancestor, was set."""
    found: Value | None = None
    for step in steps:
        below = values.get(str(step))
        if below is None:
            break
        found, values = below, below.parts
    return found.origin if found else None


_SHAPE = frozenset(
    ("type", "required", "additionalProperties", "minProperties", "maxProperties", "minItems", "maxItems")
)
"""Rules that can be judged without opening what is encrypted."""


def _holds_sealed(values: Values, steps: Steps) -> bool:
    """Whether the value at `steps`, or anything in it, is encrypted."""
    value: Any = {name: one.value for name, one in values.items()}
    for step in steps:
        value = value[step]
    return sealed.holds_sealed(value)


_STAND_INS: Mapping[str, Any] = {"str": "", "bytes": "", "comment": "", "int": 0, "float": 1.0, "bool": True}


def _stand_in(value: Any) -> Any:
    """The value with something of the right type in place of each encrypted one."""
    if isinstance(value, str):
        return _STAND_INS[sealed.type_of(value)] if sealed.is_sealed(value) else value
    if isinstance(value, dict):
        return {key: _stand_in(item) for key, item in value.items()}
    return [_stand_in(item) for item in value] if isinstance(value, list) else value


def dotted(steps: Steps) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1024)
def read_typed(data: bytes, file: str) -> tuple[Typed | None, tuple[Problem, ...]]:
    """The schema of one file, or None and what is wrong with it."""
    documents, found = read_documents(data, file)
    problems = list(found)
    if any(problem.severity == "error" for problem in problems):
        return None, tuple(problems)
    schema = documents[0].value if len(documents) == 1 else None
    if not isinstance(schema, dict):
        what = "a schema is one map" if documents else "the file is empty"
        return None, (*problems, Problem(file, 1, 1, what, "begin with 'properties:'"))
    marks = documents[0].marks
    problems += (Problem(file, *marks.at(at), what, todo) for at, what, todo in _unusable(schema, (), 0))
    validator = None if problems else _compiled(schema, marks, file, problems)
    if validator is None or any(problem.severity == "error" for problem in problems):
        return None, tuple(problems)
    defaults = _defaults(schema, schema, marks, (), file, 0)
    if wrong := tuple(_wrong_defaults(validator, defaults, file)):
        return None, (*problems, *wrong)
    return Typed(file, schema, marks, validator, defaults), tuple(problems)


def _unusable(schema: Any, at: Steps, depth: int) -> Iterator[tuple[Steps, str, str]]:
    """(where, what, todo) for each keyword that would be ignored, and for what cannot be followed."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        yield at, "this is no schema" if depth <= _DEPTH_MAX else "nested too deep", "write a map of keywords"
        return
    for key, value in schema.items():
        if key not in KEYWORDS:
            near = did_you_mean(key, KEYWORDS)
            yield (
                (*at, key),
                f"unknown keyword {visible(key)}{near}",
                "remove it, or write it under properties",
            )
        elif key == "$ref" and not (isinstance(value, str) and value.startswith("#/$defs/")):
            yield (*at, key), "a reference to somewhere else", "refer to '#/$defs/…' of this file"
    yield from _below(schema, at, depth)


def _below(schema: Mapping[str, Any], at: Steps, depth: int) -> Iterator[tuple[Steps, str, str]]:
    for key in _MAPS_OF_SCHEMAS:
        inner = schema.get(key, {})
        for name, value in inner.items() if isinstance(inner, dict) else ():
            yield from _unusable(value, (*at, key, name), depth + 1)
    for key in _LISTS_OF_SCHEMAS:
        items = schema.get(key, [])
        for index, value in enumerate(items if isinstance(items, list) else ()):
            yield from _unusable(value, (*at, key, index), depth + 1)
    for key in _SCHEMAS:
        if key in schema:
            yield from _unusable(schema[key], (*at, key), depth + 1)


def _compiled(schema: Mapping[str, Any], marks: Marks, file: str, problems: list[Problem]) -> Any:
    """The validator; regular expressions run in linear time, and nothing is fetched."""
    closed = {key: value for key, value in schema.items() if key != "additionalProperties" or value}
    try:
        return jsonschema_rs.Draft202012Validator(
            {"type": "object", **closed},
            offline=True,
            mask="the value",
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except jsonschema_rs.ValidationError as error:
        at = tuple(error.instance_path)
        problems.append(Problem(file, *marks.at(at), f"{dotted(at) or 'this'} is not right in a schema", ""))
    except ValueError as error:
        problems.append(Problem(file, 1, 1, f"this is no schema: {error}", ""))
    return None


_NONE = object()


def _resolved(root: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """The schema with its reference followed; an empty one where it leads nowhere."""
    for _ in range(_DEPTH_MAX):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        target = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
        schema = (
            {**target, **{k: v for k, v in schema.items() if k != "$ref"}} if isinstance(target, dict) else {}
        )
    return schema if isinstance(schema, dict) else {}


def _default_of(root: Mapping[str, Any], schema: Any, steps: Steps) -> Any:
    """The default of the schema at `steps`, or `_NONE`."""
    schema = _resolved(root, schema)
    if not steps:
        return schema.get("default", _NONE)
    step, *rest = steps
    below = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
    return _default_of(root, below, tuple(rest)) if below is not None else _NONE


def _defaults(
    root: Mapping[str, Any], schema: Any, marks: Marks, at: Steps, file: str, depth: int
) -> dict[str, Value]:
    """The defaults of a schema's properties as Values, nested ones as parts of theirs."""
    found: dict[str, Value] = {}
    for name, below in _resolved(root, schema).get("properties", {}).items():
        here = (*at, "properties", name)
        origin = Origin(file, *marks.at((*here, "default")))
        resolved = _resolved(root, below)
        parts = _defaults(root, below, marks, here, file, depth + 1) if depth < _DEPTH_MAX else {}
        if "default" in resolved:
            found[name] = _value(resolved["default"], origin, parts)
        elif parts:
            found[name] = Value({key: part.value for key, part in parts.items()}, origin, (), parts)
    return found


def _value(value: Any, origin: Origin, below: Mapping[str, Value]) -> Value:
    if not isinstance(value, dict):
        return Value(value, origin)
    parts = {**below, **{key: _value(item, origin, {}) for key, item in value.items()}}
    return Value({key: part.value for key, part in parts.items()}, origin, (), parts)


def _wrong_defaults(validator: Any, defaults: Values, file: str) -> Iterator[Problem]:
    """Defaults that their own schema refuses."""
    for error in validator.iter_errors({name: value.value for name, value in defaults.items()}):
        steps = tuple(error.instance_path)
        if steps and error.kind.name != "required":
            what, todo = words(error.kind, error.instance)
            at = _origin(defaults, steps) or Origin(file, 1, 1)
            yield _at(at, f"the default of {dotted(steps)} {what}", todo)
