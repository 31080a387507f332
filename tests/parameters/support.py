"""Two components in two environments, as a tree of files that a test lays its own over."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.errors import Problem
from gitrel.repo.check import check_repository
from gitrel.repo.model import Catalog
from gitrel.repo.tree import Entry, File, Link, RawTree

HEAD = "apiVersion: gitrel.dev/v1alpha1\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n"
BASE: Mapping[str, str] = {
    "environments/pipeline.yaml": f"{HEAD}kind: Pipeline\nspec:\n  parameters:\n    shared: 1\n",
    "environments/eu.yaml": f"{HEAD}kind: Environment\nspec:\n  parameters:\n    zone: eu-1\n",
    "environments/us.yaml": f"{HEAD}kind: Environment\nspec:\n  parameters:\n    zone: us-1\n",
    "apps/web/component.yaml": f"{HEAD}kind: Component\nspec:\n  parameters:\n    replicas: 3\n",
    "apps/web/v1/web-configmap.yaml": CONFIG,
    "apps/web/eu": "-> v1",
    "apps/web/us/templates": "-> ../v1",
}


def tree(files: Mapping[str, str | bytes | None]) -> RawTree:
    """`BASE` with `files` over it: `-> x` is a link, None removes."""
    entries: dict[str, Entry] = {}
    for path, content in {**BASE, **files}.items():
        if isinstance(content, str) and content.startswith("-> "):
            entries[path] = Link(content.removeprefix("-> "))
        elif content is not None:
            entries[path] = File(content.encode() if isinstance(content, str) else content)
    return RawTree(entries)


def read(files: Mapping[str, str | bytes | None]) -> tuple[Catalog, tuple[Problem, ...]]:
    return check_repository(tree(files), "")


def problems(files: Mapping[str, str | bytes | None]) -> list[str]:
    return [str(problem) for problem in read(files)[1]]
