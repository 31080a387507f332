"""RawTree → what stands where: which folders are components, versions and pointers, and what fits nowhere.

Only names and kinds of entries are judged here; contents and links are read by `resolve`. A name that gitrel
does not know is a warning, except where ignoring it would surely betray what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gitrel.errors import Problem
from gitrel.repo import layout
from gitrel.repo.suggest import did_you_mean, escaped, have, visible
from gitrel.repo.tree import FILE_BYTES_MAX, Entry, File, Link, Other, RawTree


@dataclass(frozen=True, slots=True)
class PointerPlace:
    """Where a pointer is written: `path` is the link itself, `parameters` the file beside it, if any."""

    form: Literal["link", "folder"]
    path: str
    target: str
    parameters: str = ""


@dataclass(slots=True)
class ComponentPlace:
    """One folder below `apps/`. `file` is "" without a component.yaml, `types` without a schema."""

    name: str
    file: str = ""
    types: str = ""
    versions: list[str] = field(default_factory=list)
    pointers: dict[str, PointerPlace] = field(default_factory=dict)


@dataclass(slots=True)
class Layout:
    """Everything that was recognised. `problems` are complete for the layout, and of nothing else."""

    has_pipeline: bool = False
    environments: dict[str, str] = field(default_factory=dict)
    """Name → file that describes it."""
    unusable: set[str] = field(default_factory=set)
    """Names of environments that somebody tried to describe: no reason to call their pointers unknown."""
    components: dict[str, ComponentPlace] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def survey(tree: RawTree) -> Layout:
    """Recognises every path of `tree`. Never raises."""
    found = Layout(problems=list(tree.problems))
    found.problems += _bad_names(tree)
    found.problems += _collisions(tree)
    found.problems += _refused_entries(tree)
    _survey_environments(tree, found)
    _survey_components(tree, found)
    return found


# ── every path, whatever it means ─────────────────────────────────────────────────────────────────────────


def _bad_names(tree: RawTree) -> Iterator[Problem]:
    for folder in _folders(tree):
        for name in tree.children(folder):
            if reason := layout.bad_part(name):
                yield Problem(escaped(_join(folder, name)), 0, 0, f"{reason}: {visible(name)}", "rename it")


def _collisions(tree: RawTree) -> Iterator[Problem]:
    for folder in _folders(tree):
        seen: dict[str, str] = {}
        for name in tree.children(folder):
            other = seen.setdefault(layout.folded(name), name)
            if other != name:
                what = f"{visible(other)} and {visible(name)} are one name where case or accents do not count"
                yield Problem(escaped(_join(folder, name)), 0, 0, what, "rename one of them")


def _refused_entries(tree: RawTree) -> Iterator[Problem]:
    for path, entry in tree.entries.items():
        if isinstance(entry, Other) and entry.kind == "oversized file":
            what = f"the file has more than {FILE_BYTES_MAX:,} bytes"
            yield Problem(escaped(path), 0, 0, what, "split it, or move it elsewhere")
        elif isinstance(entry, Other) and entry.kind != "unreadable file":  # that one is in tree.problems
            article = "an" if entry.kind[0] in "aeiou" else "a"
            what = f"{article} {entry.kind} was not opened"
            yield Problem(escaped(path), 0, 0, what, "replace it by a regular file, or remove it")


def _folders(tree: RawTree) -> Iterator[str]:
    waiting = ["apps", "environments"]
    while waiting:
        folder = waiting.pop()
        names = tree.children(folder)
        if names:
            yield folder
            waiting.extend(_join(folder, name) for name in names)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}"


# ── environments/ ─────────────────────────────────────────────────────────────────────────────────────────


def _survey_environments(tree: RawTree, found: Layout) -> None:
    if not tree.is_folder(layout.ENVIRONMENTS):
        found.problems.append(_no_folder(tree, layout.ENVIRONMENTS))
        return
    for name in tree.children(layout.ENVIRONMENTS):
        path = _join(layout.ENVIRONMENTS, name)
        entry = tree.get(path)
        if layout.TOLERATED.match(name):
            continue
        if not isinstance(entry, File):
            found.unusable.add(name.rpartition(".")[0])
            found.problems += _not_a_file(path, entry)
        elif path == layout.PIPELINE_FILE:
            found.has_pipeline = True
        elif path in (layout.ALLOWED_SIGNERS, layout.GPG_KEYS):
            continue
        elif name.endswith(".yaml"):
            _add_environment(path, name.removesuffix(".yaml"), found)
        else:
            found.unusable.add(name.rpartition(".")[0])
            found.problems.append(_unknown_file(path, name, ["pipeline.yaml"]))
    if not found.environments and not any(p.file.startswith("environments/") for p in found.problems):
        todo = "add environments/<name>.yaml, or run 'gitrel init'"
        found.problems.append(Problem(layout.ENVIRONMENTS, 0, 0, "no environment is described here", todo))


def _add_environment(path: str, name: str, found: Layout) -> None:
    if layout.is_name(name):
        found.environments[name] = path
    elif layout.is_version(name):
        what = f"an environment cannot be called {name!r}: versions are"
        found.problems.append(Problem(path, 0, 0, what, "rename it"))
    else:
        found.problems.append(_bad_name(path, "environment", name))


# ── apps/ ─────────────────────────────────────────────────────────────────────────────────────────────────


def _survey_components(tree: RawTree, found: Layout) -> None:
    if not tree.is_folder(layout.APPS):
        found.problems.append(_no_folder(tree, layout.APPS))
        return
    for name in tree.children(layout.APPS):
        path = _join(layout.APPS, name)
        entry = tree.get(path)
        if layout.TOLERATED.match(name):
            continue
        if isinstance(entry, Link):
            what = f"a component is a folder, and this is a link to {visible(entry.target)}"
            found.problems.append(Problem(escaped(path), 0, 0, what, "replace it by a folder"))
        elif isinstance(entry, File):
            found.problems.append(_unknown_file(path, name, []))
        elif not layout.is_name(name):
            found.problems.append(_bad_name(path, "component", name))
        elif entry is None:
            found.components[name] = _survey_component(tree, name, found)


def _survey_component(tree: RawTree, component: str, found: Layout) -> ComponentPlace:
    place = ComponentPlace(component)
    folder = layout.component_folder(component)
    for name in tree.children(folder):
        path = _join(folder, name)
        entry = tree.get(path)
        if isinstance(entry, Other):
            continue  # reported with all the others
        if name == layout.COMPONENT_FILE:
            if isinstance(entry, File):
                place.file = path
            else:
                found.problems += _not_a_file(path, entry)
        elif name == layout.TYPES_FILE:
            if isinstance(entry, File):
                place.types = path
            else:
                found.problems += _not_a_file(path, entry)
        elif layout.is_version(name):
            found.problems += _survey_version(tree, path, entry, place)
        elif name in found.environments or name in found.unusable:
            found.problems += _survey_pointer(tree, name, path, entry, place)
        else:
            found.problems += _unknown_in_component(tree, name, path, entry, found.environments)
    if not place.versions:
        todo = f"add {layout.version_folder(component, layout.CURRENT)}/ with the manifests"
        found.problems.append(Problem(folder, 0, 0, "the component has no version", todo))
    return place


def _survey_version(
    tree: RawTree, path: str, entry: Entry | None, place: ComponentPlace
) -> Iterator[Problem]:
    if isinstance(entry, Link):
        what = f"a version is a folder of files, and this is a link to {visible(entry.target)}"
        yield Problem(path, 0, 0, what, "copy the files; only environments are links")
        return
    if isinstance(entry, File):
        yield Problem(path, 0, 0, "a version is a folder, and this is a file", "rename it")
        return
    place.versions.append(path.rpartition("/")[2])
    for inner, inside in tree.walk(path):
        if isinstance(inside, Link):
            what = f"a version holds plain files, and this is a link to {visible(inside.target)}"
            yield Problem(escaped(inner), 0, 0, what, "copy the file here")


def _survey_pointer(
    tree: RawTree, environment: str, path: str, entry: Entry | None, place: ComponentPlace
) -> Iterator[Problem]:
    """The child of a component that is named as an environment: a link, or a folder with one."""
    if isinstance(entry, Link):
        place.pointers[environment] = PointerPlace("link", path, entry.target)
        return
    if isinstance(entry, File):
        yield _text_instead_of_link(path, entry, "v2")
        return
    inner = layout.pointer_templates(place.name, environment)
    templates = tree.get(inner)
    parameters = layout.parameters_file(place.name, environment)
    if isinstance(templates, Link):
        has_parameters = isinstance(tree.get(parameters), File)
        place.pointers[environment] = PointerPlace(
            "folder", inner, templates.target, parameters if has_parameters else ""
        )
    elif isinstance(templates, File):
        yield _text_instead_of_link(inner, templates, "../v2")
    elif tree.is_folder(inner):
        yield Problem(
            inner, 0, 0, "a real folder where a pointer belongs", "make it a link such as '-> ../v2'"
        )
    elif templates is None:
        what = f"a folder without '{layout.TEMPLATES}', so it points at no version"
        todo = (
            f"add the link {layout.TEMPLATES} -> ../v2, or make {environment} itself a link such as '-> v2'"
        )
        yield Problem(path, 0, 0, what, todo)
    yield from _survey_pointer_folder(tree, path, parameters)


def _survey_pointer_folder(tree: RawTree, path: str, parameters: str) -> Iterator[Problem]:
    expected = parameters.rpartition("/")[2]
    for name in tree.children(path):
        inner = _join(path, name)
        if name == layout.TEMPLATES or layout.TOLERATED.match(name):
            continue
        entry = tree.get(inner)
        if name == expected:
            if not isinstance(entry, File):
                yield from _not_a_file(inner, entry)
        elif "parameters" in name.lower():
            what = f"these parameters would be used nowhere: the file must be called {expected}"
            yield Problem(escaped(inner), 0, 0, what, "rename it")
        else:
            yield _unknown_file(inner, name, [expected, layout.TEMPLATES])


def _unknown_in_component(
    tree: RawTree, name: str, path: str, entry: Entry | None, environments: Mapping[str, str]
) -> Iterator[Problem]:
    if layout.TOLERATED.match(name):
        return
    if isinstance(entry, Link) or _is_pointer_folder(tree, name, path):
        if not environments:
            return  # said once for all of them
        nearest = did_you_mean(name, environments)
        what = f"no environment is called {visible(name)}{nearest} {have(environments)}"
        yield Problem(
            escaped(path), 0, 0, what, "rename it, or add " + layout.environment_file(escaped(name))
        )
    elif layout.looks_like_version(name):
        yield Problem(
            escaped(path), 0, 0, f"{visible(name)} is not the name of a version", layout.VERSION_RULE
        )
    else:
        known = [layout.COMPONENT_FILE, layout.TYPES_FILE, layout.CURRENT, *environments]
        yield _unknown_file(path, name, known)


def _is_pointer_folder(tree: RawTree, name: str, path: str) -> bool:
    return tree.exists(_join(path, layout.TEMPLATES)) or tree.exists(_join(path, f"{name}-parameters.yaml"))


# ── sentences ─────────────────────────────────────────────────────────────────────────────────────────────


def _no_folder(tree: RawTree, folder: str) -> Problem:
    entry = tree.get(folder)
    what = "this is not a folder" if entry else "there is no such folder, or nothing in it"
    return Problem(folder, 0, 0, what, "run 'gitrel init', or name the config repository with --repo")


def _not_a_file(path: str, entry: Entry | None) -> Iterator[Problem]:
    if isinstance(entry, Link):
        what = f"this must be a regular file, and is a link to {visible(entry.target)}"
        yield Problem(escaped(path), 0, 0, what, "copy the file here")
    elif entry is None:
        yield Problem(escaped(path), 0, 0, "a folder where only files belong", "move it", "warning")


def _unknown_file(path: str, name: str, known: list[str]) -> Problem:
    """A warning, or an error for a slip that would make gitrel pass over what was surely meant for it."""
    stem, _, suffix = name.rpartition(".")
    if suffix in ("yml", "YAML", "YML"):
        return Problem(escaped(path), 0, 0, f"gitrel reads {stem}.yaml, not .{suffix}", "rename it")
    what = f"gitrel does not know {visible(name)}{did_you_mean(name, known)}"
    return Problem(escaped(path), 0, 0, what, "rename it or move it elsewhere", "warning")


def _bad_name(path: str, kind: str, name: str) -> Problem:
    return Problem(
        escaped(path), 0, 0, f"{visible(name)} cannot name {_article(kind)}", f"use {layout.NAME_RULE}"
    )


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _text_instead_of_link(path: str, entry: File, example: str) -> Problem:
    """A regular file where a pointer belongs: what a checkout without symbolic links leaves behind."""
    target = entry.data[:100].decode(errors="replace").strip()
    meant = target.removeprefix("../")
    if entry.link_by_mode or layout.is_version(meant):
        what = f"a regular file with the text {visible(target)} where a link belongs"
        todo = "check out with 'git config core.symlinks true', or read a commit instead of the work tree"
        return Problem(path, 0, 0, what, todo)
    return Problem(
        path, 0, 0, "a regular file where a pointer belongs", f"make it a link such as '-> {example}'"
    )
