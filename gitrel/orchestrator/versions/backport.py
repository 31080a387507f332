"""`release backport`: one fix, one commit, into `current/` and every version that somebody runs; or nothing.

A version that was edited by hand takes a fix only where that fix explains the edit, and then its record is
renewed. Anything else would make an edit that nobody reviewed look like a release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gitrel.errors import Problem, UsageError
from gitrel.orchestrator.versions.active import where_it_runs
from gitrel.orchestrator.versions.workshop import Bench, Workshop, at_bench, sorted_versions
from gitrel.repo import cutting, fixsource, layout
from gitrel.repo.edit import Delete, FileChange, PutFile, commit_message, one_line
from gitrel.repo.fix import FileFix, Files, Fixed, backwards, carry, files_in
from gitrel.repo.model import Component, Fix, Version
from gitrel.repo.patch import parse_patch
from gitrel.repo.record import differences, renewed, state_of
from gitrel.repo.suggest import have
from gitrel.repo.tree import RawTree

_BY_HAND = "make a fix for this version by itself, or leave the version out with --to"
Outcome = Literal["fixed", "renewed", "has it", "refused"]
"""`renewed`: it has the fix, which was made in it by hand, and its record says so from now on."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fix comes from: a commit of the repository, or else a patch and the name it goes by."""

    revision: str = ""
    patch: bytes = b""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one version gets. `environments` are those that it runs in or is on its way to.

    `before` and `after` hold the files that differ; `problems` say where the fix does not apply.
    """

    version: str
    outcome: Outcome
    environments: tuple[str, ...] = ()
    before: Mapping[str, bytes] = field(default_factory=dict)
    after: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    changes: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Backport:
    """`commit` made all parts at once; empty for a dry run, and where every version has the fix already.

    `source` is `commit <SHA>` or `patch sha256:…`; `notes` tell what was left out, and who does without.
    """

    component: str
    source: str
    subject: str
    parts: tuple[Part, ...]
    commit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for part in self.parts for problem in part.problems)


@dataclass(frozen=True, slots=True)
class _Found:
    """A fix that was read: what it is, where it comes from, and what to tell about it."""

    fix: tuple[FileFix, ...]
    source: str
    subject: str
    notes: tuple[str, ...] = ()


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
        fix = _read(bench, found, source, targets)
        parts = tuple(_part(bench, found.versions[name], fix, running.get(name, ())) for name in targets)
        notes = (*fix.notes, *_without(found, targets, running))
        result = Backport(component, fix.source, fix.subject, parts, notes=notes)
        changes = [change for part in parts for change in part.changes]
        if result.problems or not changes:
            return result
        commit = bench.build(changes, _message(result, reason))
        bench.judge(commit, component, [part.version for part in parts if part.changes])
        if dry_run:
            return result
        shop.ledger.publish(bench.tip, commit, changes)
        return replace(result, commit=commit)

    return at_bench(shop, work)


def _targets(component: Component, running: Mapping[str, tuple[str, ...]], asked: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in component.versions:
            known = sorted_versions(component.versions)
            raise UsageError(f"{component.name} has no version {name!r} {have(known)}")
    wanted = set(asked) or {layout.CURRENT, *running}
    return sorted_versions(wanted & component.versions.keys())


# ── The fix ─────────────────────────────────────────────────────────────────────────────────────────────


def _read(bench: Bench, component: Component, source: Source, targets: Sequence[str]) -> _Found:
    if source.revision:
        return _from_commit(bench, component.name, source.revision)
    groups = fixsource.sorted_out(parse_patch(source.patch, source.name), component.name)
    version = fixsource.chosen(groups, component.name, source.name)
    first = [version] if version in component.versions else []
    places = {name: _files(bench, component.name, name) for name in dict.fromkeys([*first, *targets])}
    fix = fixsource.taken_by_first(groups[version], places, source.name)
    digest = hashlib.sha256(source.patch).hexdigest()
    return _Found(fix, f"patch sha256:{digest}", source.name)


def _from_commit(bench: Bench, component: str, revision: str) -> _Found:
    """What the commit did to the component, as against its first parent: a merge counts as a whole."""
    repository = bench.shop.repository
    commit = repository.resolve(revision)
    (read,) = repository.commits([commit])
    after = repository.read_commit(commit)
    before = repository.read_commit(read.parents[0]) if read.parents else RawTree({})
    found = fixsource.from_trees(before, after, component)
    version = fixsource.chosen(found, component, f"commit {commit[:12]}")
    others = fixsource.left_out(before, after, component)
    notes = (f"not carried, for it is no part of a version: {_some(others)}",) if others else ()
    return _Found(found[version], f"commit {commit}", read.message.split("\n", 1)[0], notes)


def _some(paths: Sequence[str], most: int = 5) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


def _files(bench: Bench, component: str, version: str) -> Files:
    return files_in(bench.tree, layout.version_folder(component, version))


# ── One version ─────────────────────────────────────────────────────────────────────────────────────────


def _part(bench: Bench, version: Version, found: _Found, environments: tuple[str, ...]) -> Part:
    folder = version.origin.file
    files = files_in(bench.tree, folder)
    fixed = carry(found.fix, files)
    problems = tuple(replace(one, file=f"{folder}/{one.file}", todo=_BY_HAND) for one in fixed.clashes)
    edited = state_of(version) == "edited"
    if not problems and edited and not _explains(found.fix, version, files):
        problems = tuple(_unexplained(version))
    if problems:
        return Part(version.name, "refused", environments, problems=problems)
    changes = tuple(_changes(folder, fixed))
    if version.record is not None and (changes or edited):
        fix = Fix(found.source, bench.now, bench.shop.actor)
        record = renewed(version.record, cutting.template_files(fixed.files), fix)
        changes = (*changes, cutting.put_record(version.component, record))
    return Part(
        version.name,
        "fixed" if fixed.touched else "renewed" if changes else "has it",
        environments,
        before={path: files[path].data for path in fixed.touched if path in files},
        after={path: fixed.files[path].data for path in fixed.touched if path in fixed.files},
        changes=changes,
    )


def _changes(folder: str, fixed: Fixed) -> Iterable[FileChange]:
    for path in fixed.touched:
        file = fixed.files.get(path)
        place = f"{folder}/{path}"
        yield PutFile(place, file.data, file.executable) if file else Delete(place)


def _explains(fix: Iterable[FileFix], version: Version, files: Files) -> bool:
    """Whether the version is what was released, with this fix and nothing else."""
    without = carry(backwards(fix), files)
    return (
        not without.clashes
        and version.record is not None
        and (cutting.digest_of(without.files) == version.record.digest)
    )


def _unexplained(version: Version) -> Iterable[Problem]:
    found = differences(version)
    for path in (*found.changed, *found.added, *found.removed):
        what = f"not as it was released in {version.name}, and this fix is not the reason"
        yield Problem(f"{version.origin.file}/{path}", 0, 0, what, "undo that edit, or carry it first")


def _without(
    component: Component, targets: Sequence[str], running: Mapping[str, tuple[str, ...]]
) -> Iterable[str]:
    """Versions that will lack the fix, where that can bring the fault back."""
    if layout.CURRENT in component.versions and layout.CURRENT not in targets:
        yield f"{layout.CURRENT} does not get it, and neither will the next version"
    for name in sorted_versions(running):
        if name not in component.versions:
            yield f"{name} runs in {', '.join(running[name])}, and its folder is gone: it cannot be fixed"
        elif name not in targets and name != layout.CURRENT:
            yield f"{name} runs in {', '.join(running[name])} and does not get it"
    newest = cutting.newest_released(component)
    if newest and newest.name not in targets and newest.name not in running:
        yield f"{newest.name} is the newest version, runs nowhere yet and does not get it: name it with --to"


def _message(result: Backport, reason: str) -> str:
    versions = ", ".join(part.version for part in result.parts if part.changes)
    trailers = {
        "Gitrel-Component": result.component,
        "Gitrel-Versions": versions,
        "Gitrel-Backport": result.source,
        "Gitrel-Reason": reason,
    }
    said = one_line(result.subject, 150)
    return commit_message(f"Carry a fix into {result.component} {versions}", reason or said, trailers)
