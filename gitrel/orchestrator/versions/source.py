"""Where a fix comes from: a commit or a patch, read as what it does to the files of one version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitrel.orchestrator.versions.parts import Place
from gitrel.orchestrator.versions.workshop import Bench
from gitrel.repo import fixsource
from gitrel.repo.fix import FileFix
from gitrel.repo.model import Component
from gitrel.repo.patch import parse_patch
from gitrel.repo.tagged import ComponentTags, is_flat, overlay
from gitrel.repo.tree import RawTree


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fix comes from: a commit of the repository, or else a patch and the name it goes by."""

    revision: str = ""
    patch: bytes = b""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A fix that was read: what it is, where it comes from, and what to tell about it."""

    fix: tuple[FileFix, ...]
    source: str
    subject: str
    notes: tuple[str, ...] = ()


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
