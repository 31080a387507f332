"""The order of a rollout: waves as they are written, or the order that the method asks for.

Left out, stages go one after another from the least traffic to the most (names decide between equals), then
the region with the least traffic alone, then the one with the most alone, then all the others together.

A selector takes every environment with these labels that no wave names; each environment also has the labels
`gitrel.dev/environment` and `gitrel.dev/role`. An environment in two waves or in none is an error: it would
be released twice, or never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitrel.errors import Problem, Severity
from gitrel.kube import intorpercent, selectors
from gitrel.repo import layout, schema
from gitrel.repo.model import Environment, Wave
from gitrel.repo.schema_read import Path, Places
from gitrel.repo.suggest import did_you_mean, have, visible


def plan_waves(
    document: schema.PipelineDocument,
    places: Places,
    environments: Mapping[str, Environment],
    known: Iterable[str],
) -> tuple[tuple[Wave, ...], tuple[Problem, ...]]:
    """The waves over `environments`. `known` also has the names of those whose files cannot be used, about
    which enough is said elsewhere; `places` are the lines of the document."""
    written = document.spec.waves
    if written is None:
        return _default(environments.values()), ()
    planner = _Planner(environments, frozenset(known), places)
    members = [planner.named(index, wave) for index, wave in enumerate(written)]
    for index, wave in enumerate(written):  # after all names are known: a selector takes what is left
        members[index] += planner.selected(index, wave)
    planner.check_complete()
    planner.check_names(written)
    waves = tuple(
        Wave(wave.name, tuple(names), _parallel(wave.max_parallel, len(names)))
        for wave, names in zip(written, members, strict=True)
        if names
    )
    return waves, tuple(planner.problems)


def _parallel(limit: int | str, total: int) -> int:
    """A percentage is rounded down, so that no more go at once than was asked for; at least one goes."""
    return max(1, min(total, intorpercent.resolve(limit, total, round_up=False)))


def by_traffic(environments: Iterable[Environment]) -> list[Environment]:
    """From the least traffic to the most; names decide between equals."""
    return sorted(environments, key=lambda environment: (environment.traffic, environment.name))


def _default(environments: Iterable[Environment]) -> tuple[Wave, ...]:
    ordered = by_traffic(environments)
    regions = [it.name for it in ordered if it.role == "region"]
    waves = [Wave(it.name, (it.name,), 1) for it in ordered if it.role == "stage"]
    waves += [Wave(name, (name,), 1) for name in dict.fromkeys((*regions[:1], *regions[-1:]))]
    if rest := tuple(regions[1:-1]):
        taken = {wave.name for wave in waves}
        waves.append(Wave("everywhere-else" if "everywhere" in taken else "everywhere", rest, len(rest)))
    return tuple(waves)


class _Planner:
    """Hands each environment to one wave, and notes who asked for it twice or for what is not there."""

    def __init__(
        self, environments: Mapping[str, Environment], known: frozenset[str], places: Places
    ) -> None:
        self.problems: list[Problem] = []
        self._environments, self._known, self._places = environments, known, places
        self._named: dict[str, str] = {}
        self._selected: dict[str, str] = {}

    def named(self, index: int, wave: schema.WaveFields) -> list[str]:
        members = []
        for position, name in enumerate(wave.environments or ()):
            path = ("spec", "waves", index, "environments", position)
            if name not in self._known:
                what = f"{visible(name)} is no environment{did_you_mean(name, self._known)}"
                self._error(path, what, f"name one that exists {have(sorted(self._known))}")
            elif name in self._named:
                what = f"environment {name!r} is in a wave already: {self._named[name]!r}"
                self._error(path, what, "keep it in one")
            else:
                self._named[name] = wave.name
                members.append(name)
        return [name for name in members if name in self._environments]

    def selected(self, index: int, wave: schema.WaveFields) -> list[str]:
        if wave.selector is None:
            return []
        path = ("spec", "waves", index, "selector")
        selector = selectors.from_labels(wave.selector.match_labels)
        left = [it for it in self._environments.values() if it.name not in self._named]
        matching = [it for it in left if selectors.matches(selector, it.labels)]
        members = []
        for environment in by_traffic(matching):
            name = environment.name
            if name in self._selected:
                what = f"environment {name!r} is in a wave already: {self._selected[name]!r}"
                self._error(path, what, "let one selector match it, or name it in one wave")
            else:
                self._selected[name] = wave.name
                members.append(name)
        if not matching:
            what = "the selector matches no environment that no wave names"
            self._report(path, what, "check the labels", "warning")
        return members

    def check_complete(self) -> None:
        for name in sorted(self._environments.keys() - self._named.keys() - self._selected.keys()):
            what = f"environment {name!r} is in no wave, so nothing would ever be released to it"
            self._error(("spec", "waves"), what, "add it to one, or remove the environment")

    def check_names(self, waves: Iterable[schema.WaveFields]) -> None:
        seen: set[str] = set()
        for index, wave in enumerate(waves):
            if wave.name in seen:
                path = ("spec", "waves", index, "name")
                self._error(path, f"two waves are called {wave.name!r}", "rename one of them")
            seen.add(wave.name)

    def _error(self, path: Path, what: str, todo: str) -> None:
        self._report(path, what, todo, "error")

    def _report(self, path: Path, what: str, todo: str, severity: Severity) -> None:
        line, column = self._places.get(path, (0, 0))
        self.problems.append(Problem(layout.PIPELINE_FILE, line, column, what, todo, severity))
