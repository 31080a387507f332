"""Which environments differ from their siblings: parameters and flags on which most of a role agree.

Siblings are the environments of one role in which a component is. Where more than half of at least three
agree on a value, each other one differs; where nobody agrees (a zone, a host name) differing is the point,
and nothing is told. Encrypted values are left out: the same secret has another ciphertext everywhere.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.repo.model import Catalog, Component, Value
from gitrel.repo.precedence import Values, effective_flags, effective_parameters, flatten
from gitrel.repo.sealed import holds_sealed

Kind = Literal["parameter", "flag"]
SIBLINGS_MIN = 3
"""Of two that differ nobody can say which one is the odd one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter or flag of one component in one environment; `value` None where nothing sets it."""

    component: str
    environment: str
    kind: Kind
    name: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not as most of its siblings have it. `usual` is one of theirs."""

    setting: Setting
    usual: Setting
    role: str
    agree: int
    siblings: int


def differences(catalog: Catalog, components: Iterable[str]) -> Iterator[Difference]:
    """Every difference, by component, name and environment."""
    for name in components:
        component = catalog.components[name]
        for role, environments in _roles(catalog, component).items():
            if len(environments) >= SIBLINGS_MIN:
                yield from _among(catalog, component, role, environments)


def flags(catalog: Catalog, components: Iterable[str]) -> Iterator[Setting]:
    """Every flag of every component in every environment where the component is, by name."""
    for component in components:
        environments = [
            name for name in catalog.environments if name in catalog.components[component].pointers
        ]
        rows = [row for env in environments for row in _settings(catalog, component, env, "flag")]
        yield from sorted(rows, key=lambda row: row.name)


def _roles(catalog: Catalog, component: Component) -> Mapping[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for name, environment in catalog.environments.items():
        if name in component.pointers:
            roles.setdefault(environment.role, []).append(name)
    return roles


def _settings(catalog: Catalog, component: str, environment: str, kind: Kind) -> Iterator[Setting]:
    for name, value in flatten(_EFFECTIVE[kind](catalog, component, environment)):
        yield Setting(component, environment, kind, name, value)


_EFFECTIVE: Mapping[Kind, Callable[[Catalog, str, str], Values]] = {
    "parameter": effective_parameters,
    "flag": effective_flags,
}


def _among(
    catalog: Catalog, component: Component, role: str, environments: list[str]
) -> Iterator[Difference]:
    found: dict[tuple[Kind, str], dict[str, Setting]] = {}
    for environment in environments:
        for kind in _EFFECTIVE:
            for setting in _settings(catalog, component.name, environment, kind):
                found.setdefault((kind, setting.name), {})[environment] = setting
    for (kind, name), known in sorted(found.items()):
        settings = [known.get(env) or Setting(component.name, env, kind, name, None) for env in environments]
        if any(setting.value and holds_sealed(setting.value.value) for setting in settings):
            continue
        counted = Counter(map(_key, settings))
        usual, agree = counted.most_common(1)[0]
        if 2 * agree > len(settings) > agree:
            example = next(setting for setting in settings if _key(setting) == usual)
            for setting in settings:
                if _key(setting) != usual:
                    yield Difference(setting, example, role, agree, len(settings))


def _key(setting: Setting) -> str:
    """Equal for equal values; `1` and `true` are not, nor are nothing and null."""
    return _text(setting.value.value) if setting.value else ""


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
