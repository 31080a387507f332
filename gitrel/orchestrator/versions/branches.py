"""A fix where versions are tags: a commit on every release branch that somebody runs, each with a new tag.

A branch `<prefix>v1` is made at the newest tag of its line when that line gets its first fix. The fix goes
onto every branch with an active version: picking it onto only the newest is the classic mistake. The branch
that everybody works on gets it too, if it has not got it. All refs move in one step, or none does.

A point release is a new version. Nothing runs it until it is promoted, and then with the same gates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gitrel.errors import UsageError
from gitrel.orchestrator.versions.parts import Backport, Part, Place, have_it, message_of, part_of, without_it
from gitrel.orchestrator.versions.source import Source, read_fix
from gitrel.orchestrator.versions.workshop import Bench, sorted_versions
from gitrel.repo import cutting, layout
from gitrel.repo.edit import FileChange
from gitrel.repo.fix import Files, files_in
from gitrel.repo.git import RefUpdate
from gitrel.repo.model import Component
from gitrel.repo.tagged import Tag, flat_files
from gitrel.repo.tree import File


@dataclass(frozen=True, slots=True)
class Line:
    """One release branch: where it is (`head`, empty if it is to be made), and what it is built on.

    `newest` is the highest version of the line, `versions` those of it that are to get the fix.
    """

    branch: str
    head: str
    base: str
    newest: str
    versions: tuple[str, ...]


def backport(
    bench: Bench,
    component: Component,
    source: Source,
    targets: Sequence[str],
    running: Mapping[str, tuple[str, ...]],
    reason: str,
    dry_run: bool,
) -> Backport:
    """See `versions.backport`. Raises UsageError where a release branch is checked out: it would move."""
    lines = _lines(bench, component, targets)
    current = [_current(bench, component)] if layout.CURRENT in targets else []
    places = [*current, *(_place(bench, component, line, running) for line in lines)]
    tried = places if current else [*places, _current(bench, component)]
    found = read_fix(bench, component, source, tried if source.patch else places)
    done = [part_of(place, found.fix) for place in places]
    released = _released(component, [part for part, _ in done[len(current) :]], lines)
    have = have_it(component, targets, running, found.fix, partial(_as_tagged, bench, component))
    lacking = _without(component, [*targets, *have], lines, running)
    notes = (*found.notes, *_ahead(bench, component, lines), *lacking)
    parts = (*(part for part, _ in done[: len(current)]), *released)
    result = Backport(component.name, found.source, found.subject, parts, notes=notes)
    if result.problems or not any(part.changes for part in parts):
        return result
    tip, changes = _on_the_branch(bench, result, reason) if current else (bench.tip, ())
    files = [files for _, files in done[len(current) :]]
    moves = [
        move
        for line, part, after in zip(lines, released, files, strict=True)
        if part.changes
        for move in _moves(bench, component, line, part, after, result, reason)
    ]
    bench.judge(tip, component.name, [part.becomes for part in released if part.changes], moves)
    if dry_run:
        return result
    _refuse_checked_out(bench, lines)
    bench.shop.ledger.publish(bench.tip, tip, changes, moves)
    return replace(result, commit=tip)


# ── What gets it ────────────────────────────────────────────────────────────────────────────────────────


def _lines(bench: Bench, component: Component, targets: Iterable[str]) -> list[Line]:
    """The release branches of the targets, newest first."""
    assert component.tag_prefix is not None
    tags = bench.tags[component.name]
    wanted: dict[str, list[str]] = {}
    for name in filter(layout.is_released, targets):
        wanted.setdefault(layout.release_branch(component.tag_prefix, name), []).append(name)
    heads = bench.shop.ledger.refs(list(wanted)) if wanted else {}
    found = []
    for branch, names in wanted.items():
        mine = [n for n in tags.versions if layout.release_branch(component.tag_prefix, n) == branch]
        newest = max(mine, key=layout.version_key)
        head = heads.get(branch, "")
        base = head or tags.versions[newest].commit
        _believe(bench, component, tags.versions[newest], head)
        found.append(Line(branch, head, base, newest, tuple(sorted_versions(names))))
    return found


def _believe(bench: Bench, component: Component, newest: Tag, head: str) -> None:
    """What is built upon becomes part of what gitrel signs: the tag, and what the branch has since then."""
    since = bench.shop.repository.chain(head, without=newest.commit) if head else []
    bench.shop.ledger.vouch(component.name, [newest], since)


def _current(bench: Bench, component: Component) -> Place:
    virtual = layout.version_folder(component.name, layout.CURRENT)
    return Place(layout.CURRENT, layout.component_folder(component.name), files_in(bench.tree, virtual))


def _as_tagged(bench: Bench, component: Component, version: str) -> Place:
    """What a version holds, or what runs of the branch itself."""
    commit = bench.tags[component.name].versions[version].commit
    return Place(version, layout.component_folder(component.name), _files_at(bench, component, commit))


def _files_at(bench: Bench, component: Component, commit: str) -> Files:
    folder = layout.component_folder(component.name)
    tree = bench.shop.repository.read_folders(commit, [folder, layout.ENVIRONMENTS])
    return {path: one for path, one in flat_files(tree, component.name).items() if isinstance(one, File)}


def _place(bench: Bench, component: Component, line: Line, running: Mapping[str, tuple[str, ...]]) -> Place:
    folder = layout.component_folder(component.name)
    files = _files_at(bench, component, line.base)
    environments = sorted({name for version in line.versions for name in running.get(version, ())})
    shown = f"@{line.branch.removeprefix('refs/heads/')}"
    return Place(line.newest, folder, files, tuple(environments), shown)


def _released(component: Component, parts: Iterable[Part], lines: Iterable[Line]) -> list[Part]:
    """Each part with the version that it becomes. A line whose newest has the fix needs none."""
    return [
        replace(part, becomes=cutting.next_point_release(component, line.newest)) if part.changes else part
        for part, line in zip(parts, lines, strict=True)
    ]


def _ahead(bench: Bench, component: Component, lines: Iterable[Line]) -> Iterator[str]:
    """Branches with commits that no tag has: they are released along with the fix."""
    tags = bench.tags[component.name]
    for line in lines:
        if line.head and line.head != tags.versions[line.newest].commit:
            name = line.branch.removeprefix("refs/heads/")
            yield f"{name} has commits since {line.newest}: they are released with the fix"


def _without(
    component: Component,
    targets: Sequence[str],
    lines: Iterable[Line],
    running: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    """A version whose line gets a point release is not forgotten: that is what it is to be moved to."""
    assert component.tag_prefix is not None
    reached = {line.branch for line in lines}
    fixed = [
        name
        for name in component.versions
        if layout.is_released(name) and layout.release_branch(component.tag_prefix, name) in reached
    ]
    commits = {name: where for name, where in running.items() if layout.is_commit(name)}
    rest = {name: where for name, where in running.items() if name not in commits}
    yield from without_it(component, [*targets, *fixed], rest)
    for name, where in sorted(commits.items()):
        yield f"{name} runs in {', '.join(where)}, which is no version: qualify or promote a newer one there"


# ── Where it goes ───────────────────────────────────────────────────────────────────────────────────────


def _on_the_branch(bench: Bench, result: Backport, reason: str) -> tuple[str, tuple[FileChange, ...]]:
    """The branch's new tip, and what changes in it; the old one where it has the fix."""
    changes = result.parts[0].changes
    if not changes:
        return bench.tip, ()
    return bench.build(changes, message_of(result, [layout.CURRENT], reason)), changes


def _moves(
    bench: Bench,
    component: Component,
    line: Line,
    part: Part,
    files: Files,
    result: Backport,
    reason: str,
) -> Iterator[RefUpdate]:
    """The commit on the release branch, and the tag of the point release at it."""
    assert component.tag_prefix is not None
    message = message_of(result, [part.becomes], reason)
    commit = bench.build(part.changes, message, on=line.base)
    yield RefUpdate(line.branch, commit, line.head)
    digest = cutting.digest_of(files)
    ref = layout.version_tag(component.tag_prefix, part.becomes)
    yield bench.tag(ref, commit, message_of(result, [part.becomes], reason, digest))


def _refuse_checked_out(bench: Bench, lines: Iterable[Line]) -> None:
    for line in lines:
        for tree in bench.shop.repository.checked_out(line.branch):
            name = line.branch.removeprefix("refs/heads/")
            raise UsageError(
                f"{tree.root} has {name} checked out, and it is to move: go to another branch there"
            )
