"""Everything that is wrong with one tree: files, what stands between them, and what they render to.

Judged are, in each environment, the version it runs, the newest one and `current`. The whole answer is
remembered by the content of the tree, and each rendering by what it read, so that asking again costs
reading the files, and a small change costs what it touches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Validation:
    """All that is wrong, in the order of the files, and what was looked at in words."""

    problems: tuple[Problem, ...]
    counted: str


def validation(root: Place, revision: str | None, *, render: bool, cache: bool) -> Validation:
    """The judgement of the work tree (`revision` None) or of one commit."""
    from gitrel.app import read_tree, renderer
    from gitrel.render.cache import decode_problems, encode_problems

    try:
        tree, commit = read_tree(root, revision)
    except InvalidRepository as error:
        return Validation(error.problems, "nothing could be read")
    with renderer(cache=cache) as renders:
        key = _key(tree, renders.program, render)
        if (known := renders.recall(key)) is not None:
            counted, rows = orjson.loads(known)
            return Validation(decode_problems(rows), counted)
        catalog, found = check_repository(tree, commit)
        problems, lasting, releases, claims = set(found), True, 0, Claims()
        for component, version, environment in _releases(catalog) if render else ():
            judged = renders.judge(catalog, component, version, environment)
            problems.update(judged.problems)
            lasting, releases = lasting and judged.lasting, releases + 1
            if version == catalog.components[component].pointers[environment].version:
                claims.add(component, catalog.environments[environment], judged.objects)
        problems.update(claims.problems())
        report = Validation(tuple(sorted(problems)), _counted(catalog, releases if render else None))
        if lasting:
            renders.remember(key, orjson.dumps((report.counted, encode_problems(report.problems))))
        return report


def _key(tree: RawTree, program: str, render: bool) -> bytes:
    """Stands for everything that the answer depends on."""
    digest = hashlib.blake2b(f"validation\0{program}\0{render}\0".encode(), digest_size=32)
    for path, entry in tree.entries.items():
        kind, content = _content(entry)
        digest.update(f"{len(path)} {path} {kind} {len(content)} ".encode(errors="surrogatepass"))
        digest.update(content)
    digest.update("\0".join(map(str, tree.problems)).encode(errors="surrogatepass"))
    return digest.digest()


def _content(entry: Entry) -> tuple[str, bytes]:
    match entry:
        case File(data, executable, link_by_mode):
            return f"file {executable} {link_by_mode}", data
        case Link(target):
            return "link", target.encode(errors="surrogatepass")
        case Other(kind):
            return kind, b""


def _releases(catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    for component_name, environment in lookup.targets(catalog, None, None):
        component = catalog.components[component_name]
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
