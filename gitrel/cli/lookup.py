"""Finds what a person named, or says what there is and what they may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from gitrel.errors import InvalidRepository, Problem, UsageError
from gitrel.repo import layout
from gitrel.repo.model import Catalog, Component, Environment
from gitrel.repo.suggest import did_you_mean, have, visible

if TYPE_CHECKING:
    from gitrel.app import Place

T = TypeVar("T")


def catalog(root: Place, revision: str | None = None, component: str | None = None) -> Catalog:
    """The catalog of a tree; raises InvalidRepository with every error that concerns the question.

    A question about one component is not refused because another one is broken.
    """
    from gitrel.app import read_catalog

    found, problems = read_catalog(root, revision)
    others = set(found.broken) - {component} if component else set()
    refuse_errors(problem for problem in problems if layout.component_of(problem.file) not in others)
    return found


def refuse_errors(problems: Iterable[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidRepository(errors)


def component(catalog: Catalog, name: str) -> Component:
    """Raises InvalidRepository for a component that is there and has errors."""
    if name in catalog.broken:
        raise InvalidRepository(catalog.broken[name])
    return pick("component", name, catalog.components)


def environment(catalog: Catalog, name: str) -> Environment:
    return pick("environment", name, catalog.environments)


def version(catalog: Catalog, component: str, environment: str, asked: str | None) -> str:
    """The version that was asked for, or the one that the environment is pointed at."""
    known = catalog.components[component]
    if asked is not None:
        return pick(f"version of {component}", asked, known.versions).name
    pointer = known.pointers.get(environment)
    if pointer is None:
        raise UsageError(f"{component} points nowhere in {environment}: name a version with --version")
    return pointer.version


def pick(what: str, name: str, known: Mapping[str, T]) -> T:
    """`known[name]`, or a UsageError that says what was meant perhaps, and what there is."""
    if name in known:
        return known[name]
    raise UsageError(f"there is no {what} {visible(name)}{did_you_mean(name, known)} {have(known)}")


def targets(
    catalog: Catalog, component_name: str | None, environment_name: str | None
) -> list[tuple[str, str]]:
    """Every (component, environment) that has a pointer and was asked for; None asks for all.

    Environments come in the order of the waves. An environment named for a component that has no pointer
    there is still given, for the caller may know a version.
    """
    order = [name for wave in catalog.pipeline.waves for name in wave.environments]
    order += [name for name in catalog.environments if name not in order]
    if environment_name is not None:
        order = [environment(catalog, environment_name).name]
    if component_name is not None:
        found = component(catalog, component_name)
        named = environment_name is not None
        return [(found.name, name) for name in order if named or name in found.pointers]
    return [
        (found.name, name)
        for found in catalog.components.values()
        for name in order
        if name in found.pointers
    ]
