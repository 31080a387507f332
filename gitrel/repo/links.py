"""A pointer's link target → the version it names, walked part by part without touching a file system.

One hop, one spelling: `v2` for a bare link, `../v2` for the link in a folder. Everything else is refused
with the reason, even where it would lead to the same place: a link that leaves the root and comes back
proves nothing about where it leads on another machine.
"""

from __future__ import annotations

from gitrel.errors import Problem
from gitrel.repo import layout
from gitrel.repo.suggest import escaped, have, visible
from gitrel.repo.survey import ComponentPlace, PointerPlace
from gitrel.repo.tree import File, Link, RawTree

_HOPS_MAX = 40
"""Where Linux gives up following links (`ELOOP`)."""


class _Refused(Exception):
    """Why a target is no pointer: (what, what to do)."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


def follow(tree: RawTree, component: ComponentPlace, pointer: PointerPlace) -> str | Problem:
    """The name of the version that `pointer` names, or why it names none."""
    try:
        return _version(tree, component, pointer)
    except _Refused as refused:
        plain = pointer.target.isprintable() and pointer.target == pointer.target.strip()
        shown = pointer.target if plain and len(pointer.target) <= 100 else visible(pointer.target, 100)
        return Problem(f"{escaped(pointer.path)} -> {shown}", 0, 0, refused.what, refused.todo)


def _version(tree: RawTree, component: ComponentPlace, pointer: PointerPlace) -> str:
    prefix = "../" if pointer.form == "folder" else ""
    target = pointer.target
    if target != target.strip() or not target.isprintable():
        raise _Refused("the target has white space or control characters", "write the link again")
    if target.startswith("/"):
        name = target.rstrip("/").rpartition("/")[2]
        meant = name if layout.is_version(name) else "v2"
        raise _Refused("an absolute link leads elsewhere on every machine", f"write '{prefix}{meant}'")
    place = _walk(tree, pointer)
    if place in (folder := layout.component_folder(component.name), "apps", ""):
        raise _Refused("not a version", f"write '{prefix}v2'")
    _refuse_other_places(tree, component, pointer, place)
    version = place.removeprefix(folder + "/")
    if target != prefix + version:
        raise _Refused("not the shortest spelling", f"write '{prefix}{version}'")
    return version


def _walk(tree: RawTree, pointer: PointerPlace) -> str:
    """Where the target leads, checking after each part that it is still inside and on solid ground."""
    parts = pointer.path.split("/")[:-1]
    steps = [step for step in pointer.target.split("/") if step not in ("", ".")]
    for number, step in enumerate(steps, 1):
        if step == "..":
            if not parts:
                raise _Refused("the link leaves the repository", "point at a version of the same component")
            parts.pop()
        else:
            parts.append(step)
        path = "/".join(parts)
        if number < len(steps) and path != pointer.path and isinstance(tree.get(path), Link):
            raise _Refused(f"leads through another link, {path}", "one hop only: point at the version itself")
        if number < len(steps) and step != ".." and isinstance(tree.get(path), File):
            raise _Refused(f"leads through a file, {path}", "point at a version")
    return "/".join(parts)


def _refuse_other_places(tree: RawTree, component: ComponentPlace, pointer: PointerPlace, place: str) -> None:
    """Raises unless `place` is a version of `component` that exists."""
    folder = layout.component_folder(component.name)
    name = place.removeprefix(folder + "/")
    entry = tree.get(place)
    if isinstance(entry, Link):
        _refuse_chain(tree, pointer, place)
    if place.startswith("apps/") and layout.component_of(place) != component.name:
        other = layout.component_of(place)
        raise _Refused(f"points into another component, {other}", f"point at a version of {component.name}")
    if not place.startswith("apps/"):
        raise _Refused("points outside of apps/", f"point at a version of {component.name}")
    if isinstance(entry, File):
        raise _Refused("points at a file", "point at a version, which is a folder")
    versions = sorted(component.versions, key=layout.version_key)
    if name in versions:
        return
    if layout.is_version(name.split("/")[0]) and "/" in name and tree.exists(place):
        raise _Refused("points into a version, not at it", f"point at {name.split('/')[0]}")
    if tree.is_folder(place) and not layout.is_version(name):
        raise _Refused(
            "points at another environment or folder, not at a version", "point at the version itself"
        )
    raise _Refused(f"no such version {have(versions)}", "point at one that exists")


def _refuse_chain(tree: RawTree, pointer: PointerPlace, place: str) -> None:
    """`place` is a link: names the whole way if it never ends, or where it stands if it does."""
    way = [pointer.path]
    while isinstance(entry := tree.get(place), Link) and len(way) < _HOPS_MAX:
        if place in way:
            cycle = " -> ".join(path.rpartition("/")[2] for path in [*way, place])
            raise _Refused(f"links go round in a circle: {cycle}", "point one of them at a version")
        way.append(place)
        place = _join(place.rpartition("/")[0], entry.target)
    raise _Refused(f"points at another link, {way[1]}", "one hop only: point at the version itself")


def _join(folder: str, target: str) -> str:
    """The path that `target` names from `folder`; parts that leave the root are dropped."""
    parts = folder.split("/") if folder else []
    for step in target.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step not in ("", "."):
            parts.append(step)
    return "/".join(parts)
