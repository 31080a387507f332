"""What rendering gives: ordered manifests that know their source, and one digest over them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.errors import Problem
from gitrel.kube.identity import Ref
from gitrel.repo.model import Origin


@dataclass(frozen=True, slots=True)
class Manifest:
    """One rendered object. `origin` is the template's file and line, not the rendered text's."""

    ref: Ref
    object: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Rendered:
    """A release of one component in one environment, ready to be applied.

    `digest` is `sha256:` over the canonical JSON of the manifests in their order: two renders with one
    digest put the same bytes on the wire. Where `problems` holds an error, `manifests` must not be used.
    """

    component: str
    version: str
    environment: str
    namespace: str
    manifests: tuple[Manifest, ...]
    digest: str
    problems: tuple[Problem, ...] = ()
