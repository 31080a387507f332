"""Everything that is wrong with one tree: files, what stands between them, and what they render to.

Judged are, in each environment, the version it runs, the newest one and `current`. The whole answer is
remembered by the content of the tree, that for a component by the content of its folder and of the
environments, and each rendering by what it read: asking again costs reading the files, and a small change
costs what it touches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gitrel.cli import lookup
from gitrel.errors import InvalidRepository, Problem
from gitrel.render.clashes import Claims
from gitrel.repo import layout
from gitrel.repo.check import check_repository
from gitrel.repo.model import Catalog, Component
from gitrel.repo.tree import Entry, File, Link, Other, RawTree

if TYPE_CHECKING:
    from gitrel.app import Place
    from gitrel.render.cache import CachingRenderer
    from gitrel.render.manifest import Written


@dataclass(frozen=True, slots=True)
class Validation:
    """All that is wrong, in the order of the files, and what was looked at in words."""

    problems: tuple[Problem, ...]
    counted: str


def validation(root: Place, revision: str | None, *, render: bool, cache: bool) -> Validation:
    """The judgement of the work tree (`revision` None) or of one commit."""
    from gitrel.app import read_tree, renderer

    try:
        tree, commit = read_tree(root, revision)
    except InvalidRepository as error:
        return Validation(error.problems, "nothing could be read")
    with renderer(cache=cache) as renders:
        contents = _Contents(tree, f"{renders.program}\0{render}")
        if (known := _recalled(renders, contents.everything)) is not None:
            return Validation(known.problems, known.counted)
        catalog, found = check_repository(tree, commit)
        names = catalog.components if render else ()
        parts = {name: _judged(catalog, name, contents, renders) for name in names}
        problems = {*found, *_clashes(catalog, parts)}
        problems.update(problem for part in parts.values() for problem in part.problems)
        releases = sum(part.releases for part in parts.values())
        counted = _counted(catalog, releases if render else None)
        report = Judged(tuple(sorted(problems)), counted, releases)
        if all(part.lasting for part in parts.values()):
            _remember(renders, contents.everything, report)
        return Validation(report.problems, report.counted)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in a part of the repository, or in all of it, and how many renderings it took.

    `claims` tells for each environment which objects are written where, of the version that runs there.
    """

    problems: tuple[Problem, ...]
    counted: str
    releases: int
    claims: tuple[tuple[str, tuple[Written, ...]], ...] = ()
    lasting: bool = True


def _clashes(catalog: Catalog, parts: Mapping[str, Judged]) -> Iterator[Problem]:
    claims = Claims()
    for name, part in parts.items():
        for environment, objects in part.claims:
            claims.add(name, catalog.environments[environment], objects)
    yield from claims.problems()


def _judged(catalog: Catalog, component: str, contents: _Contents, renders: CachingRenderer) -> Judged:
    """All releases of one component, remembered as a whole: most components are as they were."""
    key = contents.of_component(component)
    if (known := _recalled(renders, key)) is not None:
        return known
    found = [(place, renders.judge(catalog, *place)) for place in _releases(catalog, component)]
    problems = {problem for _, judged in found for problem in judged.problems}
    pointers = catalog.components[component].pointers
    claims = tuple(
        (environment, judged.objects)
        for (_, version, environment), judged in found
        if version == pointers[environment].version
    )
    lasting = all(judged.lasting for _, judged in found)
    part = Judged(tuple(sorted(problems)), "", len(found), claims, lasting)
    if lasting:
        _remember(renders, key, part)
    return part


def _recalled(renders: CachingRenderer, key: bytes) -> Judged | None:
    if (known := renders.recall(key)) is None:
        return None
    from gitrel.render.kept import decode_objects, decode_problems

    counted, releases, rows, claimed = orjson.loads(known)
    claims = tuple((environment, decode_objects(objects)) for environment, objects in claimed)
    return Judged(decode_problems(rows), counted, releases, claims)


def _remember(renders: CachingRenderer, key: bytes, part: Judged) -> None:
    from gitrel.render.kept import encode_objects, encode_problems

    claims = [(environment, encode_objects(objects)) for environment, objects in part.claims]
    rows = (part.counted, part.releases, encode_problems(part.problems), claims)
    renders.remember(key, orjson.dumps(rows))


class _Contents:
    """Digests of the tree's content: of all of it, and of what one component can depend on."""

    def __init__(self, tree: RawTree, program: str) -> None:
        parts: dict[str, Any] = {}
        for path, entry in tree.entries.items():
            part = layout.component_of(path)
            digest = parts.get(part)
            if digest is None:
                digest = parts[part] = hashlib.blake2b(digest_size=32)
            kind, content = _content(entry)
            digest.update(f"{len(path)} {path} {kind} {len(content)} ".encode(errors="surrogatepass"))
            digest.update(content)
        self._parts = {name: digest.digest() for name, digest in parts.items()}
        shared = f"{program}\0{sorted(tree.elsewhere.items())}".encode(errors="surrogatepass")
        self._shared = shared + self._parts.get("", b"")
        everything = [self._shared, *(name.encode() + part for name, part in sorted(self._parts.items()))]
        told = "\0".join(map(str, tree.problems)).encode(errors="surrogatepass")
        self.everything = _key("repository", *everything, told)

    def of_component(self, name: str) -> bytes:
        return _key(f"component {name}", self._shared, self._parts.get(name, b""))


def _key(what: str, *parts: bytes) -> bytes:
    digest = hashlib.blake2b(f"validation of {what}".encode(), digest_size=32)
    for part in parts:
        digest.update(b"%d " % len(part) + part)
    return digest.digest()


def _content(entry: Entry) -> tuple[str, bytes]:
    match entry:
        case File(data, executable, link_by_mode):
            return f"file {executable} {link_by_mode}", data
        case Link(target):
            return "link", target.encode(errors="surrogatepass")
        case Other(kind):
            return kind, b""


def _releases(catalog: Catalog, component_name: str) -> Iterator[tuple[str, str, str]]:
    component = catalog.components[component_name]
    for _, environment in lookup.targets(catalog, component_name, None):
        for version in sorted(_versions_that_matter(component, environment)):
            yield component_name, version, environment


def _versions_that_matter(component: Component, environment: str) -> set[str]:
    """What runs there, what would be promoted next, and what is being worked on."""
    newest = sorted(filter(layout.is_released, component.versions), key=layout.version_key)[-1:]
    wanted = {component.pointers[environment].version, *newest, layout.CURRENT}
    return wanted & set(component.versions)


def _counted(catalog: Catalog, releases: int | None) -> str:
    parts = [count(len(catalog.components), "component"), count(len(catalog.environments), "environment")]
    if releases is not None:
        parts.append(count(releases, "rendering"))
    return ", ".join(parts)


def count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
