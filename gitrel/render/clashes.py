"""Objects that two components write into one cluster: each would take it from the other, for ever.

Within one component the renderer finds them; between components only whoever sees them all can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gitrel.errors import Problem
from gitrel.kube.identity import Ref
from gitrel.render.manifest import Written
from gitrel.repo.model import Environment, Origin


def place_of(environment: Environment) -> str:
    """Which cluster an environment is: two environments may be namespaces of one real cluster."""
    cluster = environment.cluster
    return f"context {cluster.context}" if cluster.backend == "kubernetes" else environment.name


class Claims:
    """Collects who writes what; `problems` tells what is claimed twice, at both places."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, Ref], dict[str, Origin]] = {}

    def add(self, component: str, environment: Environment, objects: Iterable[Written]) -> None:
        place = place_of(environment)
        for ref, origin in objects:
            self._owners.setdefault((place, ref), {}).setdefault(component, origin)

    def problems(self) -> Iterator[Problem]:
        """One for each place where an object is written that another component writes too; sorted."""
        found = (
            problem
            for (_, ref), owners in self._owners.items()
            if len(owners) > 1
            for problem in _told(ref, owners)
        )
        yield from sorted(set(found))


def _told(ref: Ref, owners: Mapping[str, Origin]) -> Iterator[Problem]:
    for component, at in owners.items():
        other = min(name for name in owners if name != component)
        what = f"{ref} is written by the component {other} too, at {owners[other]}"
        yield Problem(at.file, at.line, 0, what, "rename one of the two, or give one a namespace of its own")
