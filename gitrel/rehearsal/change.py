"""A change of the repository before it is merged: install what the base says, switch to the head, play on.

What happens then is the reconciler's own doing: it finds other digests, paces them wave by wave, holds
pointers that are ahead of the schedule, and goes back where something fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitrel.events import Event
from gitrel.orchestrator.world import PassReport, Renderer, Scope
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.play import LEAD, PATIENCE, begin, play
from gitrel.rehearsal.report import Row, rows_of
from gitrel.rehearsal.source import CatalogSource
from gitrel.rehearsal.stage import expect_ready, staged
from gitrel.repo.model import Catalog
from gitrel.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class ChangeRehearsal:
    """What becomes of a component. `versions_at_peak` counts the versions that ran at one moment at most."""

    component: str
    status: str
    because: str
    started: datetime
    ended: datetime
    rows: tuple[Row, ...]
    versions_at_peak: int


def rehearse_change(
    before: Catalog,
    after: Catalog,
    component: str,
    render: Renderer,
    start: datetime,
    *,
    seed: int = 0,
    on_pass: Callable[[], None] = lambda: None,
) -> ChangeRehearsal:
    """Plays what `after`, which must have the component, makes of what `before` runs when it is merged at
    `start`.

    `on_pass` is called after each pass and may raise to give up. Raises `BaselineFailed` where what `before`
    says does not become ready.
    """
    source = CatalogSource(_only(before, component))
    fleet = Fleet(after, start - LEAD, seed=seed)
    with staged(fleet, source, render) as world:
        installed = play(world, fleet, on_report=lambda report: on_pass())
        expect_ready(installed)
        started = begin(fleet, start)
        watch = _Watch(component, installed.rollouts.get(component))
        world.events.subscribe(watch.hear)
        source.become(_only(after, component))
        report = play(
            world,
            fleet,
            Scope(frozenset((component,))),
            patience=PATIENCE,
            on_report=lambda report: on_pass(),
        )
        return watch.tell(report, after, started)


def _only(catalog: Catalog, component: str) -> Catalog:
    """The catalog with the component, what it depends on, and nothing else."""
    wanted: list[str] = [component]
    for name in wanted:
        known = catalog.components.get(name)
        wanted += [needed for needed in (known.depends_on if known else ()) if needed not in wanted]
    kept: Mapping[str, object] = dict.fromkeys(wanted)
    return replace(catalog, components={name: it for name, it in catalog.components.items() if name in kept})


class _Watch:
    """Listens to the story of one component, and counts the versions that run at the same time."""

    def __init__(self, component: str, installed: Rollout | None) -> None:
        self._component = component
        in_force = installed.in_force if installed else {}
        self._running: dict[str, set[str]] = {name: {it.version} for name, it in in_force.items()}
        self._reached: dict[str, datetime] = {}
        self._peak = self._live()

    def _live(self) -> int:
        return len(set().union(*self._running.values())) if self._running else 0

    def hear(self, event: Event) -> None:
        if event.kind != "environment.phase" or event.component != self._component:
            return
        version, phase = event.data["version"], event.data["to"]
        if phase == "applying":
            self._reached.setdefault(event.environment, event.at)
            self._running.setdefault(event.environment, set()).add(version)
            self._peak = max(self._peak, self._live())
        elif phase in ("watching", "passed"):
            self._running[event.environment] = {version}

    def tell(self, report: PassReport, after: Catalog, started: datetime) -> ChangeRehearsal:
        rollout = report.rollouts[self._component]
        pointers = after.components[self._component].pointers
        order = [name for wave in after.pipeline.waves for name in wave.environments if name in pointers]
        return ChangeRehearsal(
            component=self._component,
            status=rollout.status,
            because=report.because[self._component],
            started=started,
            ended=report.at,
            rows=rows_of(rollout, order, self._reached),
            versions_at_peak=self._peak,
        )
