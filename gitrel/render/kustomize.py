"""Kustomizations: a version with a `kustomization.yaml` is built by `kubectl kustomize`.

Kustomize has no templates, so parameters and flags do not reach it. What differs between environments stands
in overlays of the version: `overlays/<environment>/kustomization.yaml` is built where it exists, and the
kustomization at the root of the version elsewhere.

Nothing outside the version can be named: remote bases, absolute paths and `..` beyond the root are refused
with their line before anything runs. Helm charts, plugins and functions stay switched off.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitrel.errors import Problem
from gitrel.render.reads import FILE, LISTING
from gitrel.render.source import Document, Output, Place, Source, read_rendered
from gitrel.render.source import Path as Steps
from gitrel.render.tools import Ran, ToolFailed, Tools
from gitrel.render.workspace import RELEASE, workspace
from gitrel.repo.model import TemplateFile, Version
from gitrel.repo.yamlfile import Marks, read_documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REMOTE = re.compile(
    r"^[a-z][a-z0-9+.-]*::|://|^[\w.-]+@[\w.-]+:|[?&]ref=|\.git(?:/|$)|^(?:github|gitlab)\.com[/:]"
)
_LISTS = (
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "transformers",
    "generators",
    "validators",
)
_BESIDES = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_CHARTS = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")
_DOCUMENT = re.compile(r"^---\n", re.MULTILINE)

At = tuple[str | int, ...]


def kustomization_of(files: Collection[str], environment: str) -> str:
    """The file to build for an environment: its overlay's, the root's, or "" where there is neither."""
    folders = (f"overlays/{environment}/", "")
    return next((folder + name for folder in folders for name in NAMES if folder + name in files), "")


def build(version: Version, context: Mapping[str, Any], tools: Tools) -> Output:
    """The objects of the kustomization, one source per document; what is wrong stands in the result."""
    files = {file.path: file for file in version.files}
    target = kustomization_of(files, context["environment"]["name"])
    refused = tuple(_refused(files))
    if refused:
        return Output((), refused, None)
    folder_name = posixpath.join(RELEASE, posixpath.dirname(target)).rstrip("/")
    try:
        with workspace(version.files) as folder:
            ran = tools.run("kubectl", ("kustomize", folder_name), folder=folder)
            if ran.code:
                return Output((), (_told(ran, files, target, folder),), None)
            again = tools.run("kubectl", ("kustomize", folder_name), folder=folder)
    except ToolFailed as error:
        return Output((), (Problem(files[target].origin.file, 0, 0, error.what, error.todo),), None)
    if again.output != ran.output:
        what = "building twice gives two results"
        return Output(
            (), (Problem(files[target].origin.file, 0, 0, what, "ask whoever made the tool"),), None
        )
    origins = _Origins(version.files)
    texts = _DOCUMENT.split(ran.output.decode(errors="replace"))
    sources = tuple(_traced(text, files[target], origins) for text in texts if text.strip())
    reads = frozenset((LISTING, "environment.name", "namespace", *(FILE + path for path in files)))
    return Output(sources, (), reads)


# ── what is refused before kubectl runs ─────────────────────────────────────────────────────────────────────


def _refused(files: Mapping[str, TemplateFile]) -> Iterator[Problem]:
    """Everything that any kustomization of the version names and that is not in the version."""
    for path, file in files.items():
        if path.rpartition("/")[2] not in NAMES:
            continue
        documents, problems = read_documents(file.data, file.origin.file)
        yield from (problem for problem in problems if problem.severity == "error")
        if documents and isinstance(documents[0].value, dict):
            for at, name in _named(documents[0].value):
                if wrong := _wrong(posixpath.dirname(path), name, files):
                    yield Problem(file.origin.file, *documents[0].marks.value_at(at), *wrong)
            yield from _charts(documents[0].value, documents[0].marks, file.origin.file)


def _charts(value: Mapping[str, Any], marks: Marks, file: str) -> Iterator[Problem]:
    for key in _CHARTS:
        if key in value:
            todo = "make the chart a component of its own, with renderer: helm"
            yield Problem(file, *marks.at((key,)), f"{key} would fetch and run a chart", todo)


def _named(value: Mapping[str, Any]) -> Iterator[tuple[At, str]]:
    """(where, what) for every file or folder that a kustomization names."""
    for key in _LISTS:
        yield from _texts(value, (key,))
    for key in ("patchesStrategicMerge",):
        yield from _texts(value, (key,))
    for key in _BESIDES:
        for index, item in enumerate(_list(value.get(key))):
            if isinstance(item, dict) and isinstance(item.get("path"), str):
                yield (key, index, "path"), item["path"]
    for key in _GENERATORS:
        for index, item in enumerate(_list(value.get(key))):
            if isinstance(item, dict):
                yield from _generator(item, (key, index))
    openapi = value.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield ("openapi", "path"), openapi["path"]


def _generator(item: Mapping[str, Any], base: At) -> Iterator[tuple[At, str]]:
    if isinstance(item.get("env"), str):
        yield (*base, "env"), item["env"]
    yield from ((base + at, name) for at, name in _texts(item, ("envs",)))
    for at, name in _texts(item, ("files",)):
        yield base + at, name.rpartition("=")[2]


def _texts(value: Mapping[str, Any], at: tuple[str]) -> Iterator[tuple[At, str]]:
    """The one-line texts of a list; a text of several lines is a patch or a generator written in place."""
    for index, item in enumerate(_list(value.get(at[0]))):
        if isinstance(item, str) and "\n" not in item.strip():
            yield (*at, index), item.strip()


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _wrong(folder: str, name: str, files: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with a name, and what to do; None where it is a file or a folder of the version."""
    if _REMOTE.search(name):
        return f"{name!r} is elsewhere, and nothing is fetched", "copy it into the version"
    path = posixpath.normpath(posixpath.join(folder, name))
    if posixpath.isabs(name) or path == ".." or path.startswith("../"):
        return f"{name!r} is outside the version's directory", "copy it into the version"
    if path == "." or path in files or any(known.startswith(f"{path}/") for known in files):
        return None
    return f"there is no {name!r} in the version", "add it, or remove this line"


# ── what kubectl says ───────────────────────────────────────────────────────────────────────────────────────


def _told(ran: Ran, files: Mapping[str, TemplateFile], target: str, folder: Path) -> Problem:
    said = " ".join(ran.complaint.split()).removeprefix("error: ")
    said = said.replace(f"{folder}/{RELEASE}", ".").replace(f"{folder}/", "")
    return Problem(files[target].origin.file, 0, 0, f"kustomize: {said or f'ends with {ran.code}'}", "")


@dataclass(frozen=True, slots=True)
class _Written:
    """One object as it stands in a file of the version."""

    kind: str
    name: str
    value: Any
    file: str
    marks: Marks
    size: int

    def holds(self, path: Steps) -> bool:
        """Whether the value at `path` is written here."""
        value = self.value
        for step in path:
            if not isinstance(value, dict | list):
                return False
            container: Any = value
            try:
                value = container[step]
            except (KeyError, IndexError, TypeError):
                return False
        return True


class _Origins:
    """Finds the file that an object was made from: kustomize may have changed its name at both ends."""

    def __init__(self, files: Sequence[TemplateFile]) -> None:
        self._written = [
            found
            for file in files
            if file.path.endswith((".yaml", ".yml", ".json")) and file.path.rpartition("/")[2] not in NAMES
            for found in _objects(file)
        ]

    def of(self, value: Any) -> list[_Written]:
        """Those with the longest name that fits: a resource, the largest file of them, and its patches."""
        kind, name = _identity(value)
        fitting = [one for one in self._written if one.kind == kind and one.name and one.name in name]
        longest = max((len(one.name) for one in fitting), default=0)
        return sorted((one for one in fitting if len(one.name) == longest), key=lambda one: one.size)


def _objects(file: TemplateFile) -> Iterator[_Written]:
    documents, _ = read_documents(file.data, file.origin.file)
    for document in documents:
        kind, name = _identity(document.value)
        if kind:
            yield _Written(kind, name, document.value, file.origin.file, document.marks, len(file.data))


def _identity(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        return "", ""
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return str(value.get("kind", "")), name if isinstance(name, str) else ""


def _traced(text: str, target: TemplateFile, origins: _Origins) -> Source:
    source = read_rendered(target.path, {target.path: target.origin.file}, text, (), "")
    documents = tuple(Document(doc.value, _located(doc, origins.of(doc.value))) for doc in source.documents)
    return Source(source.path, source.file, documents, source.problems, templated=True)


def _located(document: Document, written: Sequence[_Written]) -> Callable[[Steps], Place]:
    if not written:
        return document.at

    def at(path: Steps) -> Place:
        # A patch is smaller than what it patches, and has the last word on what it holds.
        found = next((one for one in written if path and one.holds(path)), written[-1])
        return Place(found.file, *found.marks.at(path), document.at(path).rendered)

    return at
