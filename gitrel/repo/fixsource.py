"""Where a fix comes from: the part of a commit or of a patch that changes a component's version.

Pure. A change is usually made in `current/`, or, in a hurry, in a released folder itself. A commit or patch
that changes both is read as what it does to `current/`; what it does to anything else is not carried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gitrel.errors import Problem, UsageError
from gitrel.repo import layout
from gitrel.repo.fix import FileFix, Files, difference, files_in, from_patch
from gitrel.repo.patch import FilePatch
from gitrel.repo.tree import RawTree

Places = Mapping[str, Files]
"""Version → the files of its folder."""


def from_trees(before: RawTree, after: RawTree, component: str) -> dict[str, tuple[FileFix, ...]]:
    """What happened to each version of a component between two trees; versions that stayed are left out."""
    found = {}
    for version in filter(layout.is_version, _folders(before, component) | _folders(after, component)):
        folder = layout.version_folder(component, version)
        if fix := difference(files_in(before, folder), files_in(after, folder)):
            found[version] = fix
    return found


def _folders(tree: RawTree, component: str) -> set[str]:
    return set(tree.children(layout.component_folder(component)))


def left_out(before: RawTree, after: RawTree, component: str) -> tuple[str, ...]:
    """The paths that differ between two trees and are in no version of the component."""
    own = layout.component_folder(component) + "/"
    paths = sorted(before.entries.keys() | after.entries.keys())
    changed = (path for path in paths if before.get(path) != after.get(path))
    return tuple(
        path
        for path in changed
        if not (path.startswith(own) and layout.is_version(path.removeprefix(own).split("/")[0]))
    )


def chosen(found: Mapping[str, object], component: str, name: str) -> str:
    """The version whose change is the fix: `current`, or else the only one. Raises UsageError."""
    if not found:
        raise UsageError(f"{name} changes no file of a version of {component}")
    if layout.CURRENT in found:
        return layout.CURRENT
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise UsageError(
            f"{name} changes {names} and not {layout.CURRENT}, so which of them is the fix is not clear: "
            "name a commit or a patch that changes one"
        )
    return next(iter(found))


def sorted_out(
    patches: Iterable[FilePatch], component: str, flat: Callable[[str], bool]
) -> dict[str, tuple[FilePatch, ...]]:
    """A patch's files by the version they are in ("" where it says none), with paths within that version.

    `flat` says which names in the component's own folder are part of `current`. Files of other components,
    of environments and of the component itself are left out.
    """
    found: dict[str, list[FilePatch]] = {}
    for patch in patches:
        version, path = _placed(patch.new or patch.old, component, flat)
        if path:
            old = _placed(patch.old, component, flat)[1] if patch.old else ""
            found.setdefault(version, []).append(replace(patch, old=old, new=path if patch.new else ""))
    return {version: tuple(group) for version, group in found.items()}


def _placed(path: str, component: str, flat: Callable[[str], bool]) -> tuple[str, str]:
    """(version, path within it); an empty path for what is in no version of the component."""
    own = layout.component_folder(component) + "/"
    whole = path.startswith((f"{layout.APPS}/", f"{layout.ENVIRONMENTS}/"))
    if whole and not path.startswith(own):
        return "", ""
    first, _, rest = path.removeprefix(own).partition("/")
    if layout.is_version(first) and rest:
        return first, "" if rest == layout.RELEASE_FILE else rest
    if whole and flat(first):
        return layout.CURRENT, path.removeprefix(own)
    return "", "" if whole else path


def taken_by_first(patches: Iterable[FilePatch], places: Places, name: str) -> tuple[FileFix, ...]:
    """The fix that the patch is in the first of `places` that takes it. Raises UsageError if none does."""
    wanted = tuple(patches)
    refused: list[str] = []
    for version, files in places.items():
        fix = from_patch(wanted, files)
        if not isinstance(fix, Problem):
            return fix
        refused.append(f"{version}/{fix.file}: {fix.what}")
    raise UsageError(f"{name} applies nowhere: " + "; ".join(refused))
