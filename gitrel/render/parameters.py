"""The one function that merges parameters and flags by precedence, and remembers who won over whom.

Last wins: pipeline, environment, component, component × environment. Maps merge key by key; anything else
replaces what was there, null and lists included. A map cannot replace something else or be replaced: that
is an error, because half of a setting would silently disappear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitrel.errors import InvalidRepository, Problem
from gitrel.repo.model import Catalog, Origin, Value

Layer = Mapping[str, Value]


def effective_parameters(catalog: Catalog, component: str, environment: str) -> Mapping[str, Value]:
    """Every parameter of a component in an environment, by name, each with its origin and its losers.

    Raises InvalidRepository where a map and something else claim the same name.
    """
    return merged(
        (
            catalog.pipeline.parameters,
            catalog.environments[environment].parameters,
            catalog.components[component].parameters,
            _pointer_layer(catalog, component, environment, "parameters"),
        )
    )


def effective_flags(catalog: Catalog, component: str, environment: str) -> Mapping[str, Value]:
    """Every feature flag, by the same precedence as parameters."""
    return merged(
        (
            catalog.pipeline.flags,
            catalog.environments[environment].flags,
            catalog.components[component].flags,
            _pointer_layer(catalog, component, environment, "flags"),
        )
    )


def plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Names and values alone, in the order of the names, as templates see them."""
    return {name: values[name].value for name in sorted(values)}


def _pointer_layer(catalog: Catalog, component: str, environment: str, field: str) -> Layer:
    pointer = catalog.components[component].pointers.get(environment)
    layer: Layer = getattr(pointer, field) if pointer else {}
    return layer


def merged(layers: Iterable[Layer]) -> Mapping[str, Value]:
    """The layers as one, lowest first. Raises InvalidRepository with every clash."""
    result: dict[str, Value] = {}
    problems: list[Problem] = []
    for layer in layers:
        for name, value in layer.items():
            below = result.get(name)
            result[name] = value if below is None else _over(name, value, below, problems)
    if problems:
        raise InvalidRepository(problems)
    return result


def _over(name: str, value: Value, below: Value, problems: list[Problem]) -> Value:
    content = _merge(name, below.value, value.value, value.origin, below.origin, problems)
    return Value(content, value.origin, (below, *below.overrides))


def _merge(
    path: str, low: Any, high: Any, origin: Origin, low_origin: Origin, problems: list[Problem]
) -> Any:
    if isinstance(low, Mapping) and isinstance(high, Mapping):
        both = dict(low)
        for key, value in high.items():
            child = f"{path}.{key}"
            both[key] = _merge(child, low[key], value, origin, low_origin, problems) if key in low else value
        return both
    if isinstance(low, Mapping) != isinstance(high, Mapping) and low is not None and high is not None:
        kinds = [_kind(high), _kind(low)]
        what = f"the parameter {path!r} is {kinds[0]} here but {kinds[1]} at {low_origin}"
        todo = "write the same kind in both places, or rename one"
        problems.append(Problem(origin.file, origin.line, origin.column, what, todo))
    return high


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if isinstance(value, list) else "a single value"
