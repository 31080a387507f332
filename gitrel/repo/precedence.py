"""Which value wins: pipeline < environment < component < component × environment, the last one first.
Below all of them lie the defaults of the component's `parameters.schema.yaml`, if it has one.

- Maps merge key by key, at every depth. Lists, text, numbers and booleans replace what was there.
- `null` sets null: the parameter exists and is empty. Nothing is ever removed by a later layer, so an
  undefined name in a template is always a mistake and never a side effect.
- A missing parameters file, an empty `parameters:` and a layer without the key all say nothing.
- A map cannot replace a list or a scalar, nor the other way round: that is an error in both files' names.
  Text and numbers may replace one another, with a warning.
- Values are taken as they are: a parameter cannot refer to another.
- Flags follow the same order and are booleans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.errors import Problem
from gitrel.repo.model import Catalog, Origin, Value
from gitrel.repo.schema_read import Path, Places
from gitrel.repo.sealed import is_sealed, type_of

Values = Mapping[str, Value]


def effective_parameters(catalog: Catalog, component: str, environment: str) -> Values:
    """Every parameter of one component in one environment, with where it was set and what it won over.

    Raises KeyError for names that the catalog does not have. Where nothing points the component at the
    environment, its own layer is simply empty. Pairs that do not fit together were problems of `resolve`.
    """
    return merge(*_layers(catalog, component, environment, "parameters"))[0]


def effective_flags(catalog: Catalog, component: str, environment: str) -> Values:
    """Every feature flag of one component in one environment; otherwise as `effective_parameters`."""
    return merge(*_layers(catalog, component, environment, "flags"))[0]


def _layers(catalog: Catalog, component: str, environment: str, what: str) -> list[Values]:
    owner = catalog.components[component]
    pointer = owner.pointers.get(environment)
    sources = [catalog.pipeline, catalog.environments[environment], owner, *([pointer] if pointer else [])]
    lowest = [owner.defaults] if what == "parameters" and owner.defaults else []
    return [*lowest, *(getattr(source, what) for source in sources)]


def plain(values: Values) -> dict[str, Any]:
    """The values alone, for a template."""
    return {name: value.value for name, value in values.items()}


def flatten(values: Values, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Every leaf as `limits.cpu`, for showing where each one comes from; empty maps are leaves."""
    for name, value in values.items():
        if value.parts:
            yield from flatten(value.parts, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def layer(values: Mapping[str, Any], places: Places, path: Path, file: str) -> dict[str, Value]:
    """One file's map at `path` as Values. `places` gives line and column of each key of that file."""
    return {key: _value(value, places, (*path, key), file) for key, value in values.items()}


def _value(value: Any, places: Places, path: Path, file: str) -> Value:
    line, column = places.get(path, (0, 0))
    parts = layer(value, places, path, file) if isinstance(value, dict) else {}
    return Value(value, Origin(file, line, column), (), parts)


def merge(*layers: Values) -> tuple[dict[str, Value], tuple[Problem, ...]]:
    """The layers from weakest to strongest, merged, and the pairs that cannot be.

    Where two values do not fit together the weaker one is kept.
    """
    merged: dict[str, Value] = {}
    problems: list[Problem] = []
    for values in layers:
        if not merged:
            merged = dict(values)
            continue
        for name, value in values.items():
            lower = merged.get(name)
            merged[name] = value if lower is None else _override(name, lower, value, problems)
    return merged, tuple(problems)


def _override(name: str, lower: Value, upper: Value, problems: list[Problem]) -> Value:
    before, after = _shape(lower.value), _shape(upper.value)
    if before == after == "a map":
        return _merge_maps(name, lower, upper, problems)
    if "nothing" not in (before, after) and before != after:
        scalars = before in _SCALARS and after in _SCALARS
        problems.append(_mismatch(name, lower, upper, "warning" if scalars else "error"))
        if not scalars:
            return lower
    return Value(upper.value, upper.origin, (lower, *lower.overrides), upper.parts)


def _merge_maps(name: str, lower: Value, upper: Value, problems: list[Problem]) -> Value:
    parts = dict(lower.parts)
    for key, value in upper.parts.items():
        below = parts.get(key)
        parts[key] = value if below is None else _override(f"{name}.{key}", below, value, problems)
    whole = {key: part.value for key, part in parts.items()}
    return Value(whole, upper.origin, (lower, *lower.overrides), parts)


_SCALARS = ("text", "a number", "true or false")


_SEALED_SHAPES = {"int": "a number", "float": "a number", "bool": "true or false"}
_SEALED_SHAPES |= dict.fromkeys(("str", "bytes", "comment"), "text")


def _shape(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a map"
        case list():
            return "a list"
        case bool():
            return "true or false"
        case str() if is_sealed(value):
            return _SEALED_SHAPES[type_of(value)]
        case str():
            return "text"
        case _:
            return "a number"


def _mismatch(name: str, lower: Value, upper: Value, severity: Any) -> Problem:
    origin = upper.origin
    what = f"{name} is {_shape(upper.value)} here, but {_shape(lower.value)} in {lower.origin}"
    return Problem(origin.file, origin.line, origin.column, what, "write the same kind in both", severity)
