"""From what people wrote to what the core asks: the catalog's schedule as a RolloutSpec."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.errors import InvalidRepository, UsageError
from gitrel.repo.layout import version_key
from gitrel.repo.model import Catalog, Component, DriftPolicy
from gitrel.repo.suggest import unknown
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import Rollout

ORPHANED = "gone from the repository and still running: bring it back, or delete its objects"


def spec_of(catalog: Catalog, component: Component) -> RolloutSpec:
    """The schedule of one component: the pipeline's waves, without environments it is not deployed to."""
    schedule = component.schedule
    waves = (
        WaveSpec(wave.name, tuple(e for e in wave.environments if e in component.pointers), wave.max_parallel)
        for wave in catalog.pipeline.waves
    )
    return RolloutSpec(
        component=component.name,
        waves=tuple(wave for wave in waves if wave.environments),
        min_ready=schedule.min_ready,
        mean_time_to_smoke=schedule.mean_time_to_smoke,
        soak_factor=schedule.soak_factor,
        progress_deadline=schedule.progress_deadline,
        max_restarts=schedule.max_restarts,
        max_setbacks=schedule.max_setbacks,
        max_active_versions=schedule.max_active_versions,
        on_failure=schedule.on_failure,
        soak_first_release=schedule.soak_first_release,
        report_only=tuple(
            name for name in sorted(component.pointers) if _drift_policy(catalog, component, name) == "report"
        ),
    )


def _drift_policy(catalog: Catalog, component: Component, environment: str) -> DriftPolicy:
    """The component's word, then the environment's, then the pipeline's."""
    place = catalog.environments.get(environment)
    own = component.schedule.drift_policy or (place.drift_policy if place else None)
    return own or catalog.pipeline.drift_policy


def component_named(catalog: Catalog, name: str) -> Component:
    """Raises `InvalidRepository` for a component with errors, `UsageError` for one that does not exist."""
    if name in catalog.broken:
        raise InvalidRepository(catalog.broken[name])
    if name not in catalog.components:
        raise UsageError(f"there is no component {unknown(name, sorted(catalog.components))}")
    return catalog.components[name]


def expect_version(component: Component, version: str) -> None:
    """Raises UsageError where the component has no such version."""
    if version not in component.versions:
        known = sorted(component.versions, key=version_key)
        raise UsageError(f"{component.name} has no version {unknown(version, known)}")


def expect_environment(component: Component, environment: str) -> None:
    """Raises UsageError where the component is not deployed to it."""
    if environment not in component.pointers:
        raise UsageError(
            f"{component.name} is not deployed to {unknown(environment, sorted(component.pointers))}"
        )


def orphaned(catalog: Catalog, records: Mapping[str, Rollout]) -> tuple[str, ...]:
    """Components that are gone from the repository and still have a release in force somewhere; sorted."""
    known = catalog.components.keys() | catalog.broken.keys()
    return tuple(sorted(name for name, record in records.items() if name not in known and record.in_force))


def in_dependency_order(catalog: Catalog) -> tuple[Component, ...]:
    """Components after those they depend on; ties by name. Cycles are refused when the catalog is checked."""
    ordered: dict[str, Component] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        component = catalog.components.get(name)
        if component is None or name in ordered or name in above:
            return
        for dependency in sorted(component.depends_on):
            visit(dependency, above | {name})
        ordered[name] = component

    for name in sorted(catalog.components):
        visit(name, frozenset())
    return tuple(ordered.values())
