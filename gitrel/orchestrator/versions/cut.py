"""`release cut`: what `current/` holds becomes a version, in one commit; or what HEAD holds, by one tag.

`release record` is for versions made by hand: the same record, written for folders that have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitrel.errors import UsageError
from gitrel.orchestrator.versions.workshop import Bench, Workshop, at_bench, sorted_versions
from gitrel.repo import cutting, layout
from gitrel.repo.edit import FileChange, commit_message
from gitrel.repo.fix import Files, files_in
from gitrel.repo.git.worktree import changed_in
from gitrel.repo.model import Component, ReleaseRecord, Version
from gitrel.repo.record import record_of
from gitrel.repo.suggest import have
from gitrel.repo.tagged import flat_files, is_flat
from gitrel.repo.tree import File


@dataclass(frozen=True, slots=True)
class Cut:
    """One version, new or recorded. `commit` is the one that made it (or that its tag is at), empty for a dry
    run or where nothing was to be done; `because` says then why."""

    component: str
    version: str
    record: ReleaseRecord
    commit: str
    because: str = ""


def cut(
    shop: Workshop,
    component: str,
    version: str | None = None,
    *,
    revision: str | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> Cut:
    """Cuts `version` (the next number, if left out) from `current/` at `revision` (the branch's tip).

    Raises UsageError for a version that exists and for `current/` with changes that are not committed;
    InvalidRepository where what would be released does not render.
    """

    def work(bench: Bench) -> Cut:
        found = bench.component(component)
        source = shop.repository.resolve(revision) if revision else bench.tip
        if not revision:
            _refuse_unseen(bench, found)
        files = _files(bench, found, source)
        newest = cutting.newest_released(found)
        digest = cutting.digest_of(files)
        if version is None and newest and newest.source_digest == digest:
            because = f"{newest.name} holds what {layout.CURRENT} holds: there is nothing to cut"
            record = newest.record or _record_of_now(newest, source, bench)
            return Cut(component, newest.name, record, "", because)
        name = cutting.checked_new_version(found, version) if version else cutting.next_version(found)
        record, changes = cutting.cut(component, name, files, commit=source, at=bench.now, by=shop.actor)
        if found.tag_prefix is None:
            commit = bench.build(changes, _message(component, record, reason))
            bench.judge(commit, component, [name])
            if not dry_run:
                shop.ledger.publish(bench.tip, commit, changes)
        else:
            commit = source
            ref = layout.version_tag(found.tag_prefix, name)
            tagged = bench.tag(ref, source, _message(component, record, reason))
            bench.judge(bench.tip, component, [name], [tagged])
            if not dry_run:
                shop.ledger.publish(bench.tip, bench.tip, (), [tagged])
        return Cut(component, name, record, "" if dry_run else commit)

    return at_bench(shop, work)


def _files(bench: Bench, component: Component, commit: str) -> Files:
    """What would be released: the files of `current/`, or those that stand flat."""
    repository, folder = bench.shop.repository, layout.component_folder(component.name)
    if component.tag_prefix is None:
        return files_in(repository.read_commit(commit), layout.version_folder(component.name, layout.CURRENT))
    tree = repository.read_folders(commit, [folder, layout.ENVIRONMENTS])
    flat = flat_files(tree, component.name)
    return {path: entry for path, entry in flat.items() if isinstance(entry, File)}


def _record_of_now(version: Version, commit: str, bench: Bench) -> ReleaseRecord:
    """What stands in for the record of a version that has none."""
    return record_of(version.name, version.files, commit=commit, at=bench.now, by=bench.shop.actor)


def _message(component: str, record: ReleaseRecord, reason: str) -> str:
    body = reason or f"It holds what {layout.CURRENT}/ held at {record.commit[:12]}."
    trailers = {
        "Gitrel-Component": component,
        "Gitrel-Version": record.version,
        "Gitrel-From": record.commit,
        "Gitrel-Digest": record.digest,
        "Gitrel-Reason": reason,
    }
    return commit_message(f"Cut {component} {record.version}", body, trailers)


def _refuse_unseen(bench: Bench, component: Component) -> None:
    """What is only on disk, or was never pushed, would silently be left out of the release."""
    repository = bench.shop.repository
    folder = layout.version_folder(component.name, layout.CURRENT)
    if component.tag_prefix is not None:
        folder = layout.component_folder(component.name)
    todo = "or name what to cut with --revision"
    for path in changed_in(repository, folder):
        if component.tag_prefix is not None and not is_flat(bench.tree, path.split("/")[2]):
            continue  # parameters and settings are no part of a version
        raise UsageError(
            f"{path} has changes that are not committed and would not be released: commit them, {todo}"
        )
    if repository.bare:
        return
    head = repository.head().commit
    if not repository.is_ancestor(head, bench.tip):
        raise UsageError(f"HEAD ({head[:12]}) is not on the branch that is released from: push it, {todo}")


def record(
    shop: Workshop, component: str, versions: Sequence[str] = (), *, dry_run: bool = False
) -> tuple[Cut, ...]:
    """Records versions that were made by hand, by default all of them, in one commit.

    Who made a version, when, and from what is read from the history of its folder. Raises UsageError for a
    version that has a record: what was released is not declared anew.
    """

    def work(bench: Bench) -> tuple[Cut, ...]:
        found = bench.component(component)
        if found.tag_prefix is not None:
            raise UsageError(f"{component}: its versions are tags, and a tag needs no record")
        records = [_recorded(bench, found, name) for name in _unrecorded(found, versions)]
        changes: list[FileChange] = [cutting.put_record(component, one) for one in records]
        if not changes:
            return ()
        names = ", ".join(one.version for one in records)
        body = "What they hold now is what they are: an edit of them will be found."
        trailers = {"Gitrel-Component": component, "Gitrel-Versions": names}
        commit = bench.build(changes, commit_message(f"Record {component} {names}", body, trailers))
        bench.judge(commit, component, ())
        if not dry_run:
            shop.ledger.publish(bench.tip, commit, changes)
        return tuple(Cut(component, one.version, one, "" if dry_run else commit) for one in records)

    return at_bench(shop, work)


def _unrecorded(component: Component, asked: Sequence[str]) -> list[str]:
    released = {name: it for name, it in component.versions.items() if layout.is_released(name)}
    for name in asked:
        if name not in released:
            raise UsageError(f"{component.name} has no released version {name!r} {have(sorted(released))}")
        if released[name].record is not None:
            raise UsageError(f"{component.name} {name} has a record: what was released is not declared anew")
    return sorted_versions(asked or (name for name, it in released.items() if it.record is None))


def _recorded(bench: Bench, component: Component, version: str) -> ReleaseRecord:
    """The record of a folder made by hand; its oldest commit says who made it."""
    shop, folder = bench.shop, layout.version_folder(component.name, version)
    files = cutting.template_files(files_in(bench.tree, folder))
    oldest = shop.repository.chain(bench.tip, path=folder)[-1]
    (made,) = shop.repository.commits([oldest])
    record = record_of(version, files, commit=oldest, at=made.at, by=str(made.author))
    return replace(record, origin=component.versions[version].origin)
