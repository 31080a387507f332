"""What rendering gives: ordered manifests that know their source, and one digest over them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitrel.errors import Problem
from gitrel.kube.identity import Ref
from gitrel.repo.model import Origin

Written = tuple[Ref, Origin]
"""One object, and where it is written."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One rendered object. `origin` is the template's file and line, not the rendered text's."""

    ref: Ref
    object: Mapping[str, Any] = field(repr=False)
    origin: Origin
    seal: str = ""
    """Not empty where the object holds decrypted secrets: a digest of what it was made from, their
    ciphertext among it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A release of one component in one environment, ready to be applied.

    `digest` is `sha256:` over the canonical JSON of the manifests in their order: two renders with one
    digest put the same bytes on the wire. Of a sealed manifest it covers the seal instead. Where `problems`
    holds an error, `manifests` must not be used.
    """

    component: str
    version: str
    environment: str
    namespace: str
    manifests: tuple[Manifest, ...]
    digest: str
    problems: tuple[Problem, ...] = ()
    reads: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """What was read, by the names of `reads`, with the digest of each."""
    lasting: bool = field(default=False, compare=False, repr=False)
    """Whether the outcome may be remembered beyond this process: it is a success, and holds no secret."""

    @property
    def objects(self) -> tuple[Written, ...]:
        """What it consists of, by name."""
        return tuple((manifest.ref, manifest.origin) for manifest in self.manifests)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a release is, without its manifests: enough to say whether it is right and whether it changed."""

    digest: str
    problems: tuple[Problem, ...]
    lasting: bool
    objects: tuple[Written, ...] = ()
