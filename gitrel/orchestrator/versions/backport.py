"""`release backport`: one fix into `current/` and every version that somebody runs, at once or not at all.

Versions in directories: one commit. A version that was edited by hand takes a fix only where that fix
explains the edit, and then its record is renewed. Anything else would make an edit that nobody reviewed look
like a release. Versions that are tags: see `branches`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from gitrel.errors import Problem, UsageError
from gitrel.orchestrator.versions import branches
from gitrel.orchestrator.versions.active import where_it_runs
from gitrel.orchestrator.versions.parts import Backport, Part, Place, have_it, message_of, part_of, without_it
from gitrel.orchestrator.versions.source import Found, Source, read_fix
from gitrel.orchestrator.versions.workshop import Bench, Workshop, at_bench, sorted_versions
from gitrel.repo import cutting, layout
from gitrel.repo.fix import FileFix, Files, backwards, carry, files_in
from gitrel.repo.model import Component, Fix, Version
from gitrel.repo.record import differences, renewed, state_of
from gitrel.repo.suggest import have


def backport(
    shop: Workshop,
    component: str,
    source: Source,
    *,
    to: Sequence[str] = (),
    reason: str = "",
    dry_run: bool = False,
) -> Backport:
    """Carries the fix into the versions `to`: by default `current` and every one that is active.

    Where it does not apply to one of them nothing is changed, and the parts say why. Raises UsageError for
    names, commits and patches that are none; InvalidRepository where a fixed version would not render.
    """

    def work(bench: Bench) -> Backport:
        found = bench.component(component)
        running = where_it_runs(found, bench.records.get(component))
        targets = _targets(found, running, to)
        if found.tag_prefix is not None:
            return branches.backport(bench, found, source, targets, running, reason, dry_run)
        return _in_directories(bench, found, source, targets, running, reason, dry_run)

    return at_bench(shop, work)


def _targets(component: Component, running: Mapping[str, tuple[str, ...]], asked: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in component.versions:
            known = sorted_versions(component.versions)
            raise UsageError(f"{component.name} has no version {name!r} {have(known)}")
    wanted = set(asked) or {layout.CURRENT, *running}
    return sorted_versions(wanted & component.versions.keys())


def _in_directories(
    bench: Bench,
    component: Component,
    source: Source,
    targets: Sequence[str],
    running: Mapping[str, tuple[str, ...]],
    reason: str,
    dry_run: bool,
) -> Backport:
    places = [_place(bench, component.name, name, running.get(name, ())) for name in targets]
    # A patch may have been made in a version that is not to be changed: it is looked at all the same.
    others = [_place(bench, component.name, name) for name in component.versions if name not in targets]
    found = read_fix(bench, component, source, [*places, *others] if source.patch else places)
    parts = tuple(_part(bench, component.versions[place.version], place, found) for place in places)
    have = have_it(component, targets, running, found.fix, partial(_place, bench, component.name))
    notes = (*found.notes, *without_it(component, [*targets, *have], running))
    result = Backport(component.name, found.source, found.subject, parts, notes=notes)
    changes = [change for part in parts for change in part.changes]
    if result.problems or not changes:
        return result
    changed = [part.version for part in parts if part.changes]
    commit = bench.build(changes, message_of(result, changed, reason))
    bench.judge(commit, component.name, changed)
    if dry_run:
        return result
    bench.shop.ledger.publish(bench.tip, commit, changes)
    return replace(result, commit=commit)


def _place(bench: Bench, component: str, version: str, environments: tuple[str, ...] = ()) -> Place:
    folder = layout.version_folder(component, version)
    return Place(version, folder, files_in(bench.tree, folder), environments)


def _part(bench: Bench, version: Version, place: Place, found: Found) -> Part:
    part, files = part_of(place, found.fix)
    edited = state_of(version) == "edited"
    if not part.problems and edited and not _explains(found.fix, version, place.files):
        return Part(version.name, "refused", place.environments, problems=tuple(_unexplained(version)))
    if version.record is None or part.problems or not (part.changes or edited):
        return part
    fix = Fix(found.source, bench.now, bench.shop.actor)
    record = renewed(version.record, cutting.template_files(files), fix)
    changes = (*part.changes, cutting.put_record(version.component, record))
    return replace(part, outcome="fixed" if part.changes else "renewed", changes=changes)


def _explains(fix: Iterable[FileFix], version: Version, files: Files) -> bool:
    """Whether the version is what was released, with this fix and nothing else."""
    without = carry(backwards(fix), files)
    return (
        not without.clashes
        and version.record is not None
        and cutting.digest_of(without.files) == version.record.digest
    )


def _unexplained(version: Version) -> Iterable[Problem]:
    found = differences(version)
    for path in (*found.changed, *found.added, *found.removed):
        what = f"not as it was released in {version.name}, and this fix is not the reason"
        yield Problem(f"{version.origin.file}/{path}", 0, 0, what, "undo that edit, or carry it first")


__all__ = ["Backport", "Part", "Source", "backport"]
