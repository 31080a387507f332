"""What converting a component would write: edits that make it better, and none that make it worse.

Each changed file is rendered before and after, in every environment where the component is. An edit after
which the object breaks rules of its new apiVersion is taken back, and what is to be done by hand is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from gitrel.errors import Problem
from gitrel.render.convert import Conversion, convert
from gitrel.render.manifest import Rendered
from gitrel.repo import layout
from gitrel.repo.model import Catalog, Component, TemplateFile, Version
from gitrel.repo.record import source_digest

Render = Callable[[Catalog, str, str, str], Rendered]


@dataclass(frozen=True, slots=True)
class Converted:
    """What becomes of one component: files to write, and what is left for a person."""

    component: str
    conversions: tuple[Conversion, ...]
    problems: tuple[Problem, ...]


def converted(catalog: Catalog, component: Component, render: Render) -> Converted:
    """What converting `current/` of the component for the pipeline's Kubernetes version would do."""
    version = component.versions.get(layout.CURRENT)
    if version is None:
        return Converted(component.name, (), ())
    target = catalog.pipeline.kubernetes_version
    found = [convert(file, target) for file in version.files]
    told = [problem for conversion in found for problem in conversion.problems]
    kept = [conversion for conversion in found if conversion.edits]
    places = list(component.pointers) or list(catalog.environments)[:1]
    before = _errors(catalog, component, version, places, render)
    # Taking one file back may only bring old errors back, so that this ends.
    while kept:
        after = _errors(catalog, component, _with(version, kept), places, render)
        worse = after - before
        spoilt = [one for one in kept if any(p.file == one.file.origin.file for p in worse)]
        if not spoilt:
            break
        told += _by_hand(spoilt, worse)
        kept = [conversion for conversion in kept if conversion not in spoilt]
    return Converted(component.name, tuple(kept), tuple(sorted(set(told))))


def _errors(
    catalog: Catalog, component: Component, version: Version, places: Iterable[str], render: Render
) -> set[Problem]:
    versions = MappingProxyType({**component.versions, version.name: version})
    changed = replace(component, versions=versions)
    components = MappingProxyType({**catalog.components, component.name: changed})
    catalog = replace(catalog, components=components)
    return {
        problem
        for place in places
        for problem in render(catalog, component.name, version.name, place).problems
        if problem.severity == "error"
    }


def _with(version: Version, conversions: Iterable[Conversion]) -> Version:
    changed = {one.file.path: one.data for one in conversions}
    files = tuple(
        TemplateFile(file.path, changed.get(file.path, file.data), file.origin) for file in version.files
    )
    return replace(version, files=files, source_digest=source_digest(files))


def _by_hand(spoilt: Iterable[Conversion], worse: Iterable[Problem]) -> Iterator[Problem]:
    for conversion in spoilt:
        name = conversion.file.origin.file
        reasons = sorted(problem for problem in worse if problem.file == name)
        why = "; ".join(f"line {p.line}: {p.what}" if p.line else p.what for p in reasons)
        for edit in conversion.edits:
            what = f"{edit.old} {edit.kind} cannot become {edit.new} by itself: {why}"
            yield Problem(name, edit.line, 0, what, "change the fields too, by hand")
