"""IO: the tags of components whose versions are tags, with the files of their commits.

Which tags there are is the caller's to say (this repository's, or a remote's); their objects are here. A
commit never changes, so what was read of one is kept for as long as the reader lives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gitrel.repo import layout
from gitrel.repo.git.objects import parse_tag
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.tagged import ComponentTags, Tag, Tags, overlay, tagged_components
from gitrel.repo.tree import RawTree

Refs = Mapping[str, str]
"""Full ref → the object that it names."""
Further = Mapping[str, Collection[str]]
"""Component → names of versions that something runs at, though no tag may be there any more."""


class TagReader:
    """Reads tags of one repository, and remembers what it read by the ids of objects."""

    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository
        self._tags: dict[tuple[str, str], Tag | None] = {}
        self._trees: dict[tuple[str, str], RawTree] = {}

    def read(self, prefixes: Mapping[str, str], refs: Refs, further: Further | None = None) -> Tags:
        """The tags of the components in `prefixes`, among `refs`."""
        wanted = {
            name: {ref: found for ref, found in refs.items() if ref.startswith(f"refs/tags/{prefix}")}
            for name, prefix in prefixes.items()
        }
        self._learn({ref: found for mine in wanted.values() for ref, found in mine.items()})
        return {
            name: self._component(name, prefix, wanted[name], (further or {}).get(name, ()))
            for name, prefix in prefixes.items()
        }

    def _component(self, component: str, prefix: str, refs: Refs, further: Collection[str]) -> ComponentTags:
        versions: dict[str, Tag] = {}
        pointers: dict[str, Tag] = {}
        for ref, found in sorted(refs.items()):
            tag = self._tags.get((ref, found))
            name = ref.removeprefix(f"refs/tags/{prefix}")
            if tag is None:
                continue
            if layout.is_released(name):
                versions[name] = tag
            elif name.startswith("env/") and layout.is_name(name.removeprefix("env/")):
                pointers[name.removeprefix("env/")] = tag
        commits = {name: commit for name in further if (commit := self._untagged(name))}
        every = {tag.commit for tag in (*versions.values(), *pointers.values())} | set(commits.values())
        trees = {commit: self._tree(commit, component) for commit in sorted(every)}
        return ComponentTags(prefix, versions, pointers, commits, trees)

    def _untagged(self, version: str) -> str:
        """The commit that a version named by its commit stands for, if it is here."""
        if not layout.is_commit(version):
            return ""
        return self._repository.commit_named(version.removeprefix("commit-"))

    def _learn(self, refs: Refs) -> None:
        """Reads the tags that are new: what they are at, who made them, and when."""
        new = [(ref, found) for ref, found in refs.items() if (ref, found) not in self._tags]
        commits = self._repository.commits_of([found for _, found in new])
        annotated = [
            found for (_, found), commit in zip(new, commits, strict=True) if commit and commit != found
        ]
        told = dict(zip(annotated, map(parse_tag, self._repository.blobs(annotated)), strict=True))
        made = {one.id: one for one in self._repository.commits([c for c in dict.fromkeys(commits) if c])}
        for (ref, found), commit in zip(new, commits, strict=True):
            if not commit:
                self._tags[ref, found] = None  # a tag of a file or a tree is no version
            elif found in told:
                person, at, message = told[found]
                self._tags[ref, found] = Tag(ref, found, commit, str(person), at, message)
            else:
                self._tags[ref, found] = Tag(ref, found, commit, str(made[commit].author), made[commit].at)

    def _tree(self, commit: str, component: str) -> RawTree:
        key = commit, component
        if key not in self._trees:
            folders = (layout.component_folder(component), layout.ENVIRONMENTS)
            self._trees[key] = self._repository.read_folders(commit, folders)
        return self._trees[key]


def with_tags(repository: GitRepository, tree: RawTree, refs: Refs | None = None) -> RawTree:
    """`tree` with the versions that are tags laid over it; `refs` are this repository's own if left out."""
    prefixes = tagged_components(tree)
    if not prefixes:
        return tree
    return overlay(tree, TagReader(repository).read(prefixes, repository.tags() if refs is None else refs))
