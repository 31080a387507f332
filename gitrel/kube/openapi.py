"""Kubernetes' own OpenAPI definitions, per version: which document describes an apiVersion and kind.

They come as data with `kubernetes-validate` (1.25 to 1.37), are read lazily, kept, and never edited in
place: compile them with whatever validator is at hand. The package itself is not imported, only its data
is read, because importing it pulls in a slow validator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

_FOLDER = re.compile(r"v(\d+)\.(\d+)\.\d+-local\Z", re.ASCII)


def _root() -> Path:
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("kubernetes_validate")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


@cache
def _folders() -> Mapping[tuple[int, int], str]:
    found = (m for entry in _root().iterdir() if (m := _FOLDER.match(entry.name)))
    return dict(sorted(((int(m[1]), int(m[2])), m[0]) for m in found))


def versions() -> tuple[str, ...]:
    """The Kubernetes versions that are known, oldest first: `("1.25", …, "1.37")`."""
    return tuple(f"{major}.{minor}" for major, minor in _folders())


@cache
def document(version: str, *, strict: bool) -> Mapping[str, Any]:
    """The whole JSON Schema document of one version, its types under `$defs`.

    `strict` refuses unknown fields. Every field also accepts null, as the API server does.
    Raises LookupError for a version that is not known. The first call of a version takes 40 ms.
    """
    major, _, minor = version.removeprefix("v").partition(".")
    folder = _folders().get((int(major), int(minor))) if major.isdigit() and minor.isdigit() else None
    if folder is None:
        raise LookupError(f"Kubernetes {version} is not known (have: {', '.join(versions())})")
    suffix = "-strict" if strict else ""
    loaded: dict[str, Any] = orjson.loads((_root() / f"{folder}{suffix}" / "_definitions.json").read_bytes())
    return loaded


@cache
def kinds(version: str) -> Mapping[tuple[str, str], str]:
    """(apiVersion, kind) → the name of its definition, for every kind that the version serves."""
    table: dict[tuple[str, str], str] = {}
    for name, definition in document(version, strict=True)["$defs"].items():
        for gvk in definition.get("x-kubernetes-group-version-kind", ()):
            api_version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            table[api_version, gvk["kind"]] = name
    return table


def definition_of(version: str, api_version: str, kind: str) -> str | None:
    """The name under `$defs` that describes the kind, or None where this version does not serve it."""
    return kinds(version).get((api_version, kind))
