"""Catalog × catalog → what a change of the repository means beside the manifests that it changes.

Pointers that move, versions that are cut, places that come and go, schedules that change: nothing of that
shows in a diff of manifests, and all of it decides what happens after the merge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import TypeVar

from gitrel.clock import format_duration
from gitrel.repo.model import Catalog, Component, Pipeline, Schedule

Item = TypeVar("Item")
NAMES_SHOWN = 8


def differences(before: Catalog, after: Catalog, concerns: Callable[[str], bool]) -> tuple[str, ...]:
    """One sentence each, about the components that `concerns` names and about what they all share."""
    found = [
        *_environments(before, after),
        *_waves(before.pipeline, after.pipeline),
        *_broken(before, after, concerns),
    ]
    order = [name for wave in after.pipeline.waves for name in wave.environments]
    for name in sorted({*before.components, *after.components}):
        if concerns(name) and name not in before.broken and name not in after.broken:
            found += _component(name, before.components.get(name), after.components.get(name), order)
    return tuple(found)


def _environments(before: Catalog, after: Catalog) -> Iterator[str]:
    added, removed = _came_and_went(before.environments, after.environments)
    if added:
        yield f"new: environment {_names(added)}"
    if removed:
        yield f"gone: environment {_names(removed)}; what runs there is left alone"
    for name in before.environments.keys() & after.environments.keys():
        if before.environments[name].cluster != after.environments[name].cluster:
            yield f"{name} is another cluster now: everything is installed there anew"


def _waves(before: Pipeline, after: Pipeline) -> Iterator[str]:
    if before.waves != after.waves:
        order = " → ".join(f"{wave.name} ({_names(wave.environments)})" for wave in after.waves)
        yield f"the order of the waves changes to: {order}"
    if before.kubernetes_version != after.kubernetes_version:
        yield (
            f"manifests are checked against Kubernetes {after.kubernetes_version}, "
            f"not {before.kubernetes_version}"
        )


def _broken(before: Catalog, after: Catalog, concerns: Callable[[str], bool]) -> Iterator[str]:
    for name in sorted({*before.broken, *after.broken}):
        if concerns(name):
            side = "the base" if name in before.broken else "this revision"
            yield f"{name} has errors in {side}, so its manifests cannot be compared"


def _component(
    name: str, old: Component | None, new: Component | None, order: Sequence[str]
) -> Iterator[str]:
    if old is None:
        yield f"new: component {name}"
    if new is None:
        yield (
            f"gone: component {name}; gitrel leaves what runs of it alone, "
            "and `gitrel status` names it until somebody removes it"
        )
    if old is None or new is None:
        return
    yield from _pointers(old, new, order)
    cut = [version for version in new.versions if version not in old.versions]
    used = {pointer.version for pointer in new.pointers.values()}
    if idle := [version for version in cut if version not in used]:
        yield f"{name}: {_names(idle)} is new and runs nowhere yet: try `gitrel rehearse {name} {idle[-1]}`"
    yield from _schedule(name, old.schedule, new.schedule)
    if old.depends_on != new.depends_on:
        yield f"{name} depends on {_names(new.depends_on) or 'nothing'} now"


def _pointers(old: Component, new: Component, order: Sequence[str]) -> Iterator[str]:
    moved: dict[tuple[str, str], list[str]] = {}
    for environment in dict.fromkeys((*order, *new.pointers, *old.pointers)):
        was, now = (side.pointers.get(environment) for side in (old, new))
        key = (was.version if was else "nothing", now.version if now else "nothing")
        if key[0] != key[1]:
            moved.setdefault(key, []).append(environment)
    for (was_version, now_version), places in moved.items():
        yield f"{new.name} goes from {was_version} to {now_version} in {_names(places)}"


def _schedule(name: str, old: Schedule, new: Schedule) -> Iterator[str]:
    changed = [
        f"{_as_written(field.name)} {_shown(before)} → {_shown(after)}"
        for field in fields(Schedule)
        if (before := getattr(old, field.name)) != (after := getattr(new, field.name))
    ]
    if changed:
        yield f"the schedule of {name} changes: {', '.join(changed)}"


def _as_written(field: str) -> str:
    """`mean_time_to_smoke` → `meanTimeToSmoke`, as people write it in the file."""
    first, *rest = field.split("_")
    return "minReadySeconds" if field == "min_ready" else first + "".join(word.title() for word in rest)


def _shown(value: object) -> str:
    return format_duration(value) if isinstance(value, timedelta) else str(value)


def _came_and_went(before: Mapping[str, Item], after: Mapping[str, Item]) -> tuple[list[str], list[str]]:
    return [name for name in after if name not in before], [name for name in before if name not in after]


def _names(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
