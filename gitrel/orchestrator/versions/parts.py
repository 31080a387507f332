"""What a backport is made of: where a fix comes from, and what each version gets of it.

The same for versions in directories and for versions that are tags; what differs is where the result goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gitrel.errors import Problem
from gitrel.orchestrator.versions.workshop import Bench, sorted_versions
from gitrel.repo import cutting, fixsource, layout
from gitrel.repo.edit import Delete, FileChange, PutFile, commit_message, one_line
from gitrel.repo.fix import FileFix, Files, Fixed, carry
from gitrel.repo.model import Component
from gitrel.repo.patch import parse_patch
from gitrel.repo.tagged import ComponentTags, is_flat, overlay
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
class Place:
    """One version that may get the fix: its files, their folder in the repository, and where it matters.

    `shown` is added to the names of files in messages, for people to know which version is meant.
    """

    version: str
    folder: str
    files: Files
    environments: tuple[str, ...] = ()
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one version gets. `environments` are those that it runs in or is on its way to.

    `becomes` is the version that holds the fix, where that is a new one. `before` and `after` hold the files
    that differ by their path in the repository; `problems` say where the fix does not apply.
    """

    version: str
    outcome: Outcome
    environments: tuple[str, ...] = ()
    becomes: str = ""
    before: Mapping[str, bytes] = field(default_factory=dict)
    after: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    changes: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Backport:
    """`commit` is where the branch is then; empty for a dry run, and where every version has the fix already.

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
class Found:
    """A fix that was read: what it is, where it comes from, and what to tell about it."""

    fix: tuple[FileFix, ...]
    source: str
    subject: str
    notes: tuple[str, ...] = ()


# ── The fix ─────────────────────────────────────────────────────────────────────────────────────────────


def read_fix(bench: Bench, component: Component, source: Source, places: Sequence[Place]) -> Found:
    """Raises UsageError for a commit or a patch that changes no version, or applies to none of `places`."""
    if source.revision:
        return _from_commit(bench, component, source.revision)

    def flat(name: str) -> bool:
        return component.tag_prefix is not None and is_flat(bench.tree, name)

    groups = fixsource.sorted_out(parse_patch(source.patch, source.name), component.name, flat)
    version = fixsource.chosen(groups, component.name, source.name)
    ordered = sorted(places, key=lambda place: place.version != version)
    tried = {place.version: place.files for place in ordered}
    fix = fixsource.taken_by_first(groups[version], tried, source.name)
    digest = hashlib.sha256(source.patch).hexdigest()
    return Found(fix, f"patch sha256:{digest}", source.name)


def _from_commit(bench: Bench, component: Component, revision: str) -> Found:
    """What the commit did to the component, as against its first parent: a merge counts as a whole."""
    repository = bench.shop.repository
    commit = repository.resolve(revision)
    (read,) = repository.commits([commit])
    after = _seen(component, repository.read_commit(commit))
    before = _seen(component, repository.read_commit(read.parents[0])) if read.parents else RawTree({})
    found = fixsource.from_trees(before, after, component.name)
    version = fixsource.chosen(found, component.name, f"commit {commit[:12]}")
    others = fixsource.left_out(before, after, component.name)
    notes = (f"not carried, for it is no part of a version: {_some(others)}",) if others else ()
    return Found(found[version], f"commit {commit}", read.message.split("\n", 1)[0], notes)


def _seen(component: Component, tree: RawTree) -> RawTree:
    """The tree with the component's flat files where versions are looked for."""
    if component.tag_prefix is None:
        return tree
    return overlay(tree, {component.name: ComponentTags(component.tag_prefix)})


def _some(paths: Sequence[str], most: int = 5) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


# ── One version ─────────────────────────────────────────────────────────────────────────────────────────


def part_of(place: Place, found: Found) -> tuple[Part, Files]:
    """What a version gets, and its files afterwards."""
    fixed = carry(found.fix, place.files)
    problems = tuple(
        replace(one, file=f"{place.folder}/{one.file}{place.shown}", todo=_BY_HAND) for one in fixed.clashes
    )
    if problems:
        return Part(place.version, "refused", place.environments, problems=problems), place.files
    paths = {path: f"{place.folder}/{path}" for path in fixed.touched}
    part = Part(
        place.version,
        "fixed" if fixed.touched else "has it",
        place.environments,
        before={there: place.files[path].data for path, there in paths.items() if path in place.files},
        after={there: fixed.files[path].data for path, there in paths.items() if path in fixed.files},
        changes=tuple(_changes(place.folder, fixed)),
    )
    return part, fixed.files


def _changes(folder: str, fixed: Fixed) -> Iterator[FileChange]:
    for path in fixed.touched:
        file = fixed.files.get(path)
        there = f"{folder}/{path}"
        yield PutFile(there, file.data, file.executable) if file else Delete(there)


def has_it(place: Place, found: Found) -> bool:
    """Whether the version holds the fix already."""
    part, _ = part_of(place, found)
    return part.outcome == "has it"


def in_doubt(
    component: Component, reached: Iterable[str], running: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Versions that the fix is not carried into, and of which it matters whether they have it."""
    newest = cutting.newest_released(component)
    names = {*running, *([newest.name] if newest else [])}
    return sorted_versions((names & component.versions.keys()) - set(reached))


def without_it(
    component: Component, reached: Iterable[str], running: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Versions that will lack the fix, where that can bring the fault back; `reached` will not."""
    have = set(reached)
    if layout.CURRENT in component.versions and layout.CURRENT not in have:
        yield f"{layout.CURRENT} does not get it, and neither will the next version"
    for name in sorted_versions(running):
        if name not in component.versions:
            yield f"{name} runs in {', '.join(running[name])}, and is gone from Git: it cannot be fixed"
        elif name not in have and name != layout.CURRENT:
            yield f"{name} runs in {', '.join(running[name])} and does not get it"
    newest = cutting.newest_released(component)
    if newest and newest.name not in have and newest.name not in running:
        yield f"{newest.name} is the newest version, runs nowhere yet and does not get it: name it with --to"


def message_of(result: Backport, versions: Sequence[str], reason: str, digest: str = "") -> str:
    """The message of a commit or tag that carries the fix into `versions`."""
    names = ", ".join(versions)
    trailers = {
        "Gitrel-Component": result.component,
        "Gitrel-Versions": names,
        "Gitrel-Backport": result.source,
        "Gitrel-Digest": digest,
        "Gitrel-Reason": reason,
    }
    said = one_line(result.subject, 150)
    return commit_message(f"Carry a fix into {result.component} {names}", reason or said, trailers)
