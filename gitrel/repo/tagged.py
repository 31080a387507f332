"""Versions that are tags, read into the one tree that everything else understands.

Pure. A component with `versions: {from: tags}` is flat at every commit, and Git's refs say which commits are
versions and which of them an environment is pointed at. The source reads those commits; here they are laid
over the tree of the branch as the directories and links that they stand for:

    apps/frontend/frontend-service.yaml              →  apps/frontend/current/frontend-service.yaml
    refs/tags/frontend/v1.0                          →  apps/frontend/v1.0/frontend-service.yaml …
    refs/tags/frontend/env/canary at v1.0's commit   →  apps/frontend/canary -> v1.0

So resolving, checking and rendering have one way, and a message names the file and the tag as people know
them (`RawTree.elsewhere`). A pointer at a commit that is no version names it `commit-…`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitrel.errors import Problem
from gitrel.repo import layout, schema
from gitrel.repo.edit import parse_trailers
from gitrel.repo.model import Origin, ReleaseRecord, TemplateFile
from gitrel.repo.record import format_record, record_of
from gitrel.repo.schema_read import read
from gitrel.repo.tree import Entry, File, Link, RawTree


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. `id` is the object that its ref names: for an annotated tag the tag, else the commit.

    `by`, `at` and `message` are of an annotated tag, and of the commit for a lightweight one (no message).
    """

    ref: str
    id: str
    commit: str
    by: str
    at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class ComponentTags:
    """A component's tags: versions by name, pointers by environment, and the trees of their commits.

    `trees` hold at least the component's folder and the names in `environments/`.
    """

    prefix: str
    versions: Mapping[str, Tag] = field(default_factory=dict)
    pointers: Mapping[str, Tag] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)
    """Further commits that something runs at, by their version's name."""
    trees: Mapping[str, RawTree] = field(default_factory=dict)

    def named(self, commit: str) -> str:
        """The version at `commit`: the highest whose tag is there, or the commit itself."""
        names = [name for name, tag in self.versions.items() if tag.commit == commit]
        return max(names, key=layout.version_key, default=layout.commit_version(commit))

    def commit_of(self, version: str) -> str:
        """The commit of a version, empty where nothing is known of it."""
        if version in self.versions:
            return self.versions[version].commit
        known = {layout.commit_version(tag.commit): tag.commit for tag in self.pointers.values()}
        return known.get(version) or self.commits.get(version, "")


Tags = Mapping[str, ComponentTags]
"""By component; only those whose versions are tags."""
Doubted = Mapping[str, str]
"""Full ref → why that tag is not believed."""


def in_use(tags: ComponentTags, versions: Collection[str]) -> Iterator[Tag]:
    """The tags that something rests on: pointers, the versions they name, and `versions`."""
    yield from tags.pointers.values()
    pointed = {tags.named(tag.commit) for tag in tags.pointers.values()}
    yield from (tag for name, tag in tags.versions.items() if name in pointed or name in versions)


def coming(tags: ComponentTags, versions: Collection[str]) -> Iterator[Tag]:
    """The versions' tags that nothing rests on yet: higher than all that something does rest on."""
    used = {tag.ref for tag in in_use(tags, versions)}
    keys = {name: layout.version_key(name) for name in tags.versions}
    newest = max((keys[name] for name, tag in tags.versions.items() if tag.ref in used), default=None)
    yield from (tag for name, tag in tags.versions.items() if newest is None or keys[name] > newest)


def doubt(component: str, tag: Tag, why: str) -> Problem:
    """A tag that is not believed, as an error of its component."""
    name = tag.ref.removeprefix("refs/tags/")
    what = f"tag {name} at commit {tag.commit[:12]}: {why}"
    todo = f"look at it, then sign it: git tag -s -f {name} {tag.commit[:12]}, and push it with --force"
    return Problem(layout.component_folder(component), 0, 0, what, todo)


def tag_prefix(component: str, versions: schema.VersionsFrom) -> str | None:
    """What the component's tags begin with; None where its versions are directories."""
    if versions.source != "tags":
        return None
    return f"{component}/" if versions.tag_prefix is None else versions.tag_prefix


def tagged_components(tree: RawTree) -> dict[str, str]:
    """The prefix of each component whose versions are tags. A file that cannot be read says nothing."""
    found = {}
    for name in tree.children(layout.APPS):
        entry = tree.get(layout.component_file(name))
        # Most repositories have none, and a look at the bytes is cheaper than reading every file twice.
        if not isinstance(entry, File) or b"tags" not in entry.data:
            continue
        model = read(schema.ComponentDocument, entry.data, layout.component_file(name)).model
        prefix = tag_prefix(name, model.spec.versions) if model else None
        if prefix is not None:
            found[name] = prefix
    return found


def flat_files(tree: RawTree, component: str) -> dict[str, Entry]:
    """What stands in a component's folder as its version, by path within it."""
    folder = layout.component_folder(component)
    found = {}
    for name in tree.children(folder):
        if is_flat(tree, name):
            path = f"{folder}/{name}"
            found.update({inner.removeprefix(f"{folder}/"): entry for inner, entry in tree.walk(path)})
    return found


def is_flat(tree: RawTree, name: str) -> bool:
    """Whether `name` in a component's folder is part of its version."""
    return not (
        name in (layout.COMPONENT_FILE, layout.TYPES_FILE)
        or layout.TOLERATED.match(name)
        or layout.is_version(name)
        or tree.exists(layout.environment_file(name))
    )


def overlay(tree: RawTree, tags: Tags, doubted: Doubted | None = None) -> RawTree:
    """`tree` with the tags of `tags` as directories and links; each that is `doubted` is an error."""
    if not tags:
        return tree
    entries = dict(tree.entries)
    problems = list(tree.problems)
    elsewhere: dict[str, tuple[str, str]] = {}
    for component, found in sorted(tags.items()):
        problems += _out_of_place(tree, component)
        problems += _without_pointer(tree, entries, component, found)
        every = (*found.versions.values(), *found.pointers.values())
        problems += [
            doubt(component, tag, doubted[tag.ref]) for tag in every if doubted and tag.ref in doubted
        ]
        for path in [p for p in entries if layout.component_of(p) == component and p.count("/") > 1]:
            if _moves(tree, path):
                del entries[path]
        _put_version(entries, elsewhere, component, layout.CURRENT, flat_files(tree, component), "")
        for name, tag in found.versions.items():
            problems += _put_tag(entries, elsewhere, component, found, name, tag.commit)
        for environment, tag in found.pointers.items():
            name = found.named(tag.commit)
            if layout.is_commit(name):
                problems += _put_tag(entries, elsewhere, component, found, name, tag.commit)
            if tree.exists(layout.environment_file(environment)):
                entries[_pointer(tree, component, environment)] = _link(tree, component, environment, name)
        for name, commit in found.commits.items():
            problems += _put_tag(entries, elsewhere, component, found, name, commit)
    return RawTree(entries, tuple(problems), elsewhere)


def _moves(tree: RawTree, path: str) -> bool:
    """Whether a path of a flat component is read from elsewhere, or is replaced by a tag."""
    name = path.split("/")[2]
    if layout.is_version(name) or is_flat(tree, name):
        return True
    inner = f"{name}/{layout.TEMPLATES}"
    return isinstance(tree.get(path), Link) and path.split("/", 2)[2] in (name, inner)


def _out_of_place(tree: RawTree, component: str) -> Iterator[Problem]:
    """What belongs to the other way of keeping versions, and would silently mean nothing."""
    folder = layout.component_folder(component)
    todo = "delete it, or keep versions in directories"
    for name in tree.children(folder):
        path = f"{folder}/{name}"
        if layout.is_version(name):
            yield Problem(path, 0, 0, "a version in a directory, and its versions are tags", todo)
        elif tree.exists(layout.environment_file(name)):
            for place in (path, f"{path}/{layout.TEMPLATES}"):
                if isinstance(tree.get(place), Link):
                    yield Problem(place, 0, 0, "a pointer as a link, and its pointers are tags", todo)


def _without_pointer(
    tree: RawTree, entries: dict[str, Entry], component: str, tags: ComponentTags
) -> Iterator[Problem]:
    """Parameters for an environment that no tag points anywhere yet: they wait, and that is told."""
    for name in tree.children(layout.component_folder(component)):
        path = layout.pointer_path(component, name)
        waits = tree.is_folder(path) and tree.exists(layout.environment_file(name))
        if not waits or name in tags.pointers:
            continue
        for inner in [one for one in entries if one.startswith(f"{path}/")]:
            del entries[inner]
        ref = layout.stage_tag(tags.prefix, name).removeprefix("refs/tags/")
        newest = max(tags.versions, key=layout.version_key, default="v1.0")
        what = f"there is no tag {ref}, so nothing is deployed to {name}"
        yield Problem(path, 0, 0, what, f"git tag {ref} {tags.prefix}{newest}", "warning")


def _put_tag(
    entries: dict[str, Entry],
    elsewhere: dict[str, tuple[str, str]],
    component: str,
    tags: ComponentTags,
    name: str,
    commit: str,
) -> Iterator[Problem]:
    files = flat_files(tags.trees[commit], component) if commit in tags.trees else {}
    tag = tags.versions.get(name)
    shown = f"@{tag.ref.removeprefix('refs/tags/')}" if tag else f"@{commit[:12]}"
    if not files:
        what = f"{shown[1:]} holds no file of {component}, so it is no version"
        yield Problem(layout.component_folder(component), 0, 0, what, "delete the tag, or put it elsewhere")
        return
    _put_version(entries, elsewhere, component, name, files, shown)
    if tag and (record := record_in(tag, name, files)):
        entries[layout.release_file(component, name)] = File(format_record(record))


def _put_version(
    entries: dict[str, Entry],
    elsewhere: dict[str, tuple[str, str]],
    component: str,
    name: str,
    files: Mapping[str, Entry],
    shown: str,
) -> None:
    folder = layout.version_folder(component, name)
    entries.update({f"{folder}/{path}": entry for path, entry in files.items()})
    elsewhere[folder] = (layout.component_folder(component), shown)


def record_in(tag: Tag, version: str, files: Mapping[str, Entry]) -> ReleaseRecord | None:
    """What a tag that gitrel made says was released; None for a tag made otherwise."""
    trailers = parse_trailers(tag.message)
    digest = trailers.get("Gitrel-Digest", "")
    if not schema.is_digest(digest):
        return None
    held = template_files(files)
    record = record_of(version, held, commit=trailers.get("Gitrel-From", tag.commit), at=tag.at, by=tag.by)
    return ReleaseRecord(version, record.commit, tag.at, tag.by, digest, record.files, record.origin)


def _pointer(tree: RawTree, component: str, environment: str) -> str:
    path = layout.pointer_path(component, environment)
    return layout.pointer_templates(component, environment) if tree.is_folder(path) else path


def _link(tree: RawTree, component: str, environment: str, version: str) -> Link:
    in_folder = tree.is_folder(layout.pointer_path(component, environment))
    return Link(f"../{version}" if in_folder else version)


def template_files(files: Mapping[str, Entry]) -> tuple[TemplateFile, ...]:
    return tuple(
        TemplateFile(path, entry.data, Origin(path))
        for path, entry in sorted(files.items())
        if isinstance(entry, File)
    )
