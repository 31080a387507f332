"""A whole rollout before anything real is touched: install what runs today, promote, and play it to its end.

The reconciler, the schedule, the gates and the clusters' controllers are the ones that act for real; the
clock jumps, the repository is a value, and the journal is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitrel.errors import InvalidRepository
from gitrel.events import Event
from gitrel.orchestrator.commands import promote
from gitrel.orchestrator.specs import component_named, expect_version, spec_of
from gitrel.orchestrator.world import PassReport, Renderer, Scope, World
from gitrel.rehearsal.faults import Fault
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.play import LEAD, PATIENCE, begin, play
from gitrel.rehearsal.report import Rehearsal, rows_of
from gitrel.rehearsal.source import CatalogSource
from gitrel.rehearsal.stage import expect_ready, staged
from gitrel.repo.layout import component_of
from gitrel.repo.model import Catalog
from gitrel.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class Plot:
    """What is to be rehearsed.

    `start` is the instant of the promotion on the rehearsal's clock; what runs today is installed before it.
    Where that takes longer than `play.LEAD`, the promotion is as much later.
    """

    catalog: Catalog
    component: str
    version: str
    start: datetime
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    soak_factor: float | None = None


def rehearse(
    plot: Plot, render: Renderer, on_event: Callable[[Event], None] = lambda event: None
) -> Rehearsal:
    """Plays the rollout of `plot` and tells what became of it in each environment.

    Raises UsageError for a component, version or fault that does not exist, InvalidRepository where what
    runs today has errors, GateClosed where the schedule refuses the promotion itself, and `BaselineFailed`.
    """
    catalog = _with_soak(_checked(plot), plot)
    images = new_images(catalog, plot.component, plot.version, render)
    fleet = Fleet(catalog, plot.start - LEAD, seed=plot.seed, faults=plot.faults, images=images)
    source = CatalogSource(catalog)
    with staged(fleet, source, render) as world:
        _install_baseline(world, fleet, plot.component)
        started = begin(fleet, plot.start)
        story = Story(world, plot.component)
        world.events.subscribe(story.hear)
        world.events.subscribe(on_event)
        promote(world, plot.component, plot.version, reason="rehearsal")
        report = play(
            world, fleet, Scope(frozenset((plot.component,))), patience=PATIENCE, on_report=story.count
        )
        return story.tell(plot, started, report)


class Story:
    """Listens while a rollout is played, and tells it afterwards."""

    def __init__(self, world: World, component: str) -> None:
        self._world = world
        self._component = component
        self._events: list[Event] = []
        self._reached: dict[str, datetime] = {}
        self._passes = 0

    def hear(self, event: Event) -> None:
        self._events.append(event)
        applying = event.kind == "environment.phase" and event.data.get("to") == "applying"
        if applying and event.component == self._component:
            self._reached.setdefault(event.environment, event.at)

    def count(self, report: PassReport) -> None:
        self._passes += 1

    def tell(self, plot: Plot, started: datetime, report: PassReport) -> Rehearsal:
        rollout: Rollout = report.rollouts[self._component]
        catalog, _ = self._world.source.catalog(self._world.source.head())
        spec = spec_of(catalog, catalog.components[self._component])
        return Rehearsal(
            component=plot.component,
            version=plot.version,
            seed=plot.seed,
            started=started,
            ended=report.at,
            status=rollout.status,
            because=report.because[self._component],
            rows=rows_of(rollout, spec.environments, self._reached),
            passes=self._passes,
            events=tuple(self._events),
        )


def _checked(plot: Plot) -> Catalog:
    """The plot's catalog, once component and version are known to be in it."""
    expect_version(component_named(plot.catalog, plot.component), plot.version)
    return plot.catalog


def _with_soak(catalog: Catalog, plot: Plot) -> Catalog:
    """The catalog with the plot's soak factor for its component, where it names one."""
    if plot.soak_factor is None:
        return catalog
    component = catalog.components[plot.component]
    component = replace(component, schedule=replace(component.schedule, soak_factor=plot.soak_factor))
    return replace(catalog, components={**catalog.components, component.name: component})


def _install_baseline(world: World, fleet: Fleet, component: str) -> None:
    """Brings every cluster to what its pointers say today, by the reconciler itself."""
    report = play(world, fleet)
    if component not in report.rollouts:
        raise InvalidRepository(p for p in report.problems if component_of(p.file) in ("", component))
    expect_ready(report)


def new_images(catalog: Catalog, component: str, version: str, render: Renderer) -> Sequence[str]:
    """The images that `version` brings and that no environment of the component runs today."""
    pointers = catalog.components[component].pointers
    old: set[str] = set()
    new: set[str] = set()
    for environment, pointer in sorted(pointers.items()):
        for manifest in render(catalog, component, pointer.version, environment).manifests:
            old.update(_images(manifest.object))
        for manifest in render(catalog, component, version, environment).manifests:
            new.update(_images(manifest.object))
    return sorted(new - old) or sorted(new)


def _images(value: Any) -> Iterator[str]:
    """Every `image` of every container anywhere in a manifest."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            if key in ("containers", "initContainers") and isinstance(child, Sequence):
                yield from (
                    c["image"] for c in child if isinstance(c, Mapping) and isinstance(c.get("image"), str)
                )
            yield from _images(child)
    elif isinstance(value, (list, tuple)):
        for child in value:
            yield from _images(child)
