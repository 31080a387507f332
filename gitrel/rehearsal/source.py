"""A catalog that pointer moves change in memory: what Git is to a real pass, without a repository.

The real repository is not touched by a rehearsal. Each move gives a new made-up commit, so the story reads
its history exactly as it would read Git's.
"""

from __future__ import annotations

from dataclasses import replace

from gitrel.errors import Problem
from gitrel.repo.model import Catalog
from gitrel.rollout.actions import MovePointer


class CatalogSource:
    """Implements `orchestrator.world.Source` over one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._commits = [replace(catalog, commit=_commit(0))]

    def head(self) -> str:
        return self._commits[-1].commit

    def catalog(self, commit: str) -> tuple[Catalog, tuple[Problem, ...]]:
        return self._commits[int(commit, 16)], ()

    def move(self, component_name: str, move: MovePointer) -> None:
        """Points the environment at the version, as one more commit."""
        catalog = self._commits[-1]
        component = catalog.components[component_name]
        pointer = replace(component.pointers[move.environment], version=move.version)
        component = replace(component, pointers={**component.pointers, move.environment: pointer})
        components = {**catalog.components, component_name: component}
        self._commits.append(replace(catalog, components=components, commit=_commit(len(self._commits))))

    def become(self, catalog: Catalog) -> None:
        """Makes this catalog the truth, as one more commit: what a merge is to a real pass."""
        self._commits.append(replace(catalog, commit=_commit(len(self._commits))))


def _commit(number: int) -> str:
    """A made-up SHA that counts: rehearsals with one seed must print the same bytes."""
    return f"{number:040x}"
