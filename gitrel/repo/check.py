"""Catalog → what is wrong between files that are each right: dependencies, timers, places, live versions.

`check_repository` is the whole judgement: everything that reading found and everything found here, sorted by
place, with the components that must not be acted upon set aside.
"""

from __future__ import annotations

import graphlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from gitrel.clock import format_duration
from gitrel.errors import Problem, Severity
from gitrel.repo import layout, schema
from gitrel.repo.model import Catalog, Component, Origin
from gitrel.repo.record import check_records
from gitrel.repo.resolve import resolve
from gitrel.repo.schema_read import Path, Places, read
from gitrel.repo.suggest import did_you_mean, have
from gitrel.repo.tree import File, RawTree

HOLD_MAX = timedelta(days=365)
"""No environment is held longer than this before the next one: it is a typing mistake."""
SCHEDULE_LONG = timedelta(days=90)
"""A release that takes longer than this to go around the world deserves a warning."""


def check_repository(
    tree: RawTree, commit: str = "", *, strict: bool = False
) -> tuple[Catalog, tuple[Problem, ...]]:
    """The catalog of `tree` and every problem, sorted. `strict` turns warnings into errors.

    Components with an error are in `catalog.broken` only. If `blocking` finds anything among the problems,
    nothing at all may be acted upon.
    """
    catalog, found = resolve(tree, commit)
    problems = sorted({*found, *check(tree, catalog)})
    if strict:
        problems = [replace(problem, severity="error") for problem in problems]
    return _set_aside(catalog, problems), tuple(problems)


def blocking(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The errors that concern every component: those in no component's folder."""
    return tuple(p for p in problems if p.severity == "error" and not layout.component_of(p.file))


def _set_aside(catalog: Catalog, problems: Iterable[Problem]) -> Catalog:
    broken: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "error" and (name := layout.component_of(problem.file)):
            broken.setdefault(name, []).append(problem)
    if not broken:
        return catalog
    left = {name: component for name, component in catalog.components.items() if name not in broken}
    return replace(
        catalog,
        components=MappingProxyType(left),
        broken=MappingProxyType({name: tuple(errors) for name, errors in broken.items()}),
    )


def check(tree: RawTree, catalog: Catalog) -> tuple[Problem, ...]:
    """What is wrong between the parts of `catalog`; `tree` is where it was read from, for the lines."""
    places = _Lines(tree)
    return (
        *_dependencies(catalog, places),
        *_cycles(catalog, places),
        *_timers(catalog, places),
        *_whole_schedules(catalog),
        *_live_versions(catalog),
        *_edited_in_regions(catalog),
        *_same_place(catalog),
        *_unheard(catalog),
        *_signers(tree, places),
        *_development(catalog, places),
        *(problem for component in catalog.components.values() for problem in check_records(component)),
    )


class _Lines:
    """Finds the line of a field in a component's file or the pipeline's; reading again costs a look-up."""

    def __init__(self, tree: RawTree) -> None:
        self._tree = tree

    def of_component(self, component: Component, path: Path) -> Origin | None:
        """Where `component` writes the field `path`, or None if it does not."""
        return self._find(schema.ComponentDocument, layout.component_file(component.name), path)

    def of_pipeline(self, path: Path) -> Origin | None:
        return self._find(schema.PipelineDocument, layout.PIPELINE_FILE, path)

    def _find(self, model: type[schema.Strict], file: str, path: Path) -> Origin | None:
        entry = self._tree.get(file)
        if not isinstance(entry, File):
            return None
        places: Places = read(model, entry.data, file).places
        return Origin(file, *places[path]) if path in places else None

    def timer(self, component: Component, *fields: str) -> Origin:
        """Where the first of `fields` is set for `component`: by itself, by the pipeline, or nowhere."""
        for field in fields:
            own = self.of_component(component, ("spec", field))
            if found := own or self.of_pipeline(("spec", "defaults", field)):
                return found
        return component.origin


def _problem(at: Origin, what: str, todo: str, severity: Severity = "error") -> Problem:
    return Problem(at.file, at.line, at.column, what, todo, severity)


def _signers(tree: RawTree, places: _Lines) -> Iterator[Problem]:
    """Signatures that nobody could make are a mistake, unless every machine has keys of its own."""
    entry = tree.get(layout.PIPELINE_FILE)
    model = read(schema.PipelineDocument, entry.data, "").model if isinstance(entry, File) else None
    if model is None or not model.spec.signatures.required:
        return
    if not any(isinstance(tree.get(path), File) for path in (layout.ALLOWED_SIGNERS, layout.GPG_KEYS)):
        at = places.of_pipeline(("spec", "signatures", "required")) or Origin(layout.PIPELINE_FILE)
        what = "signatures are required, and no signer is named"
        todo = f"add {layout.ALLOWED_SIGNERS} or {layout.GPG_KEYS}, or give every machine --allowed-signers"
        yield _problem(at, what, todo, "warning")


def _dependencies(catalog: Catalog, places: _Lines) -> Iterator[Problem]:
    known = catalog.components.keys() | catalog.broken.keys()
    for component in catalog.components.values():
        for index, name in enumerate(component.depends_on):
            at = places.of_component(component, ("spec", "dependsOn", index)) or component.origin
            if name not in known:
                what = f"dependsOn names {name!r}, which is no component{did_you_mean(name, known)}"
                yield _problem(at, what, f"name one that exists {have(sorted(known))}")
            elif needed := catalog.components.get(name):
                missing = [env for env in component.pointers if env not in needed.pointers]
                if missing:
                    what = f"depends on {name!r}, which has no pointer in {', '.join(missing)}"
                    yield _problem(at, what, f"point {name} at a version there", "warning")


def _cycles(catalog: Catalog, places: _Lines) -> Iterator[Problem]:
    """Each cycle once; the edges of those that were told are dropped, and the search goes on."""
    graph = {name: set(component.depends_on) for name, component in sorted(catalog.components.items())}
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            cycle: list[str] = error.args[1][::-1]  # graphlib names who is needed first
            way = " -> ".join(cycle)
            for name in dict.fromkeys(cycle):
                component = catalog.components[name]
                at = places.of_component(component, ("spec", "dependsOn")) or component.origin
                yield _problem(at, f"dependencies go round in a circle: {way}", "remove one of them")
                graph[name] = set()
        else:
            return


def _timers(catalog: Catalog, places: _Lines) -> Iterator[Problem]:
    for component in catalog.components.values():
        schedule = component.schedule
        soak = schedule.mean_time_to_smoke * schedule.soak_factor
        if schedule.min_ready + soak > HOLD_MAX:
            at = places.timer(component, "soakFactor", "meanTimeToSmoke", "minReadySeconds")
            what = f"each environment would be held for {format_duration(schedule.min_ready + soak)}"
            yield _problem(at, what, "make soakFactor × meanTimeToSmoke shorter than a year")
        elif soak and schedule.soak_factor < 1:
            at = places.timer(component, "soakFactor")
            what = f"soakFactor {schedule.soak_factor:g} waits less than the mean time to smoke"
            yield _problem(at, what, "2 to 3 is the place to start", "warning")


def _whole_schedules(catalog: Catalog) -> Iterator[Problem]:
    for component in catalog.components.values():
        schedule = component.schedule
        hold = schedule.min_ready + schedule.mean_time_to_smoke * schedule.soak_factor
        if hold > HOLD_MAX:
            continue  # told as an error; its multiples may not even be durations
        rounds = 0
        for wave in catalog.pipeline.waves:
            members = sum(environment in component.pointers for environment in wave.environments)
            rounds += -(-members // wave.max_parallel)
        if hold * rounds > SCHEDULE_LONG:
            what = f"a release takes at least {format_duration(hold * rounds)} to reach every environment"
            yield _problem(component.origin, what, "widen maxParallel, or shorten the soak", "warning")


def _live_versions(catalog: Catalog) -> Iterator[Problem]:
    for component in catalog.components.values():
        live = Counter(pointer.version for pointer in component.pointers.values())
        most = component.schedule.max_active_versions
        if len(live) > most:
            names = ", ".join(sorted(live, key=layout.version_key))
            what = f"{len(live)} versions are live, and maxActiveVersions is {most}: {names}"
            yield _problem(component.origin, what, "bring the oldest up to date", "warning")


def _edited_in_regions(catalog: Catalog) -> Iterator[Problem]:
    for component in catalog.components.values():
        for name, pointer in component.pointers.items():
            environment = catalog.environments.get(name)
            if environment and environment.role == "region" and pointer.version == layout.CURRENT:
                what = "a region that runs 'current' changes with every edit"
                yield _problem(Origin(pointer.path), what, "cut a version and point at it", "warning")


def _development(catalog: Catalog, places: _Lines) -> Iterator[Problem]:
    """The environment whose pointer moves by itself has to exist; told once where the pipeline names it."""
    told: set[Origin] = set()
    for component in catalog.components.values():
        wanted = component.development
        if wanted is None or wanted.environment in catalog.environments:
            continue
        path = ("spec", "development")
        at = places.of_component(component, path) or places.of_pipeline(path) or component.origin
        if at not in told:
            told.add(at)
            known = sorted(catalog.environments)
            what = f"no environment is called {wanted.environment!r}"
            near = did_you_mean(wanted.environment, known)
            yield _problem(at, f"{what}{near} {have(known)}", "name the one whose pointer moves up to HEAD")


def _unheard(catalog: Catalog) -> Iterator[Problem]:
    """A component's own parameters where nothing reads them: kustomize has no templates."""
    for component in catalog.components.values():
        versions = component.versions.values()
        if component.renderer == "auto":
            names = {file.path for version in versions for file in version.files if "/" not in file.path}
            if "Chart.yaml" in names or not names & _KUSTOMIZATIONS:
                continue
        elif component.renderer != "kustomize":
            continue
        for values in (component.parameters, *(one.parameters for one in component.pointers.values())):
            for name, value in values.items():
                what = f"{name} reaches nothing: a kustomization has no parameters"
                yield _problem(value.origin, what, "write an overlay for the environment instead", "warning")


_KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}


def _same_place(catalog: Catalog) -> Iterator[Problem]:
    """Two environments in one cluster are fine as long as no component meets itself in a namespace."""
    shared: dict[str, list[str]] = {}
    for name, environment in sorted(catalog.environments.items()):
        if environment.cluster.backend == "kubernetes":
            shared.setdefault(environment.cluster.context, []).append(name)
    for context, names in sorted(shared.items()):
        for component in catalog.components.values() if len(names) > 1 else ():
            seen: dict[str, str] = {}
            for name in names:
                if (pointer := component.pointers.get(name)) is None:
                    continue
                namespace = component.namespace or catalog.environments[name].namespace
                other = seen.setdefault(namespace, name)
                if other != name:
                    what = f"{other!r} and {name!r} are both namespace {namespace!r} of context {context!r}"
                    yield _problem(Origin(pointer.path), what, "give each environment a namespace of its own")
