"""What the render cache keeps on disk, as bytes: judgements of every lasting release, manifests of some.

A judgement is a digest, problems and names. Manifests are for those who compare with clusters, so that a CI
job which begins with nothing in memory need not render ten thousand releases to learn that nothing changed.
Never kept are manifests of a release that holds a Secret, whether SOPS had a hand in it or not: what is
secret stays in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from gitrel.errors import Problem
from gitrel.kube.identity import Ref
from gitrel.render.manifest import Judgement, Manifest, Rendered, Written
from gitrel.repo.model import Origin

_T = TypeVar("_T")
_ZLIB_LEVEL = 1
"""Manifests shrink to a quarter at the first level; higher ones cost more than rendering saves."""


@dataclass(frozen=True, slots=True)
class Trace(Generic[_T]):
    """What was read, and what came of it."""

    reads: Mapping[str, str]
    outcome: _T


def judgement_of(rendered: Rendered) -> Judgement:
    return Judgement(rendered.digest, rendered.problems, rendered.lasting, rendered.objects)


def encode_judgements(traces: Sequence[Trace[Judgement]]) -> bytes:
    outcomes = ((trace.reads, trace.outcome) for trace in traces)
    return orjson.dumps(
        [
            (reads, one.digest, encode_problems(one.problems), encode_objects(one.objects))
            for reads, one in outcomes
        ]
    )


def decode_judgements(data: bytes) -> Sequence[Trace[Judgement]]:
    return [
        Trace(reads, Judgement(digest, decode_problems(problems), True, decode_objects(objects)))
        for reads, digest, problems, objects in orjson.loads(data)
    ]


def may_be_kept(rendered: Rendered) -> bool:
    """Whether the manifests may be written to a disk: a success that has nothing to do with secrets."""
    secret = any(manifest.seal or manifest.ref.kind == "Secret" for manifest in rendered.manifests)
    return rendered.lasting and not secret


def encode_rendered(rendered: Rendered) -> bytes:
    """Raises ValueError for what must not be kept (`may_be_kept`): it is the last gate before the disk."""
    if not may_be_kept(rendered):
        raise ValueError(f"{rendered.component} in {rendered.environment} holds secrets or did not succeed")
    manifests = [
        (*_named(one.ref), one.origin.file, one.origin.line, one.origin.column, one.object)
        for one in rendered.manifests
    ]
    row = (
        rendered.reads,
        rendered.component,
        rendered.version,
        rendered.environment,
        rendered.namespace,
        rendered.digest,
        encode_problems(rendered.problems),
        manifests,
    )
    return zlib.compress(orjson.dumps(row), _ZLIB_LEVEL)


def decode_rendered(data: bytes) -> Rendered:
    reads, component, version, environment, namespace, digest, problems, manifests = orjson.loads(
        zlib.decompress(data)
    )
    return Rendered(
        component=component,
        version=version,
        environment=environment,
        namespace=namespace,
        manifests=tuple(Manifest(Ref(*row[:4]), row[7], Origin(*row[4:7])) for row in manifests),
        digest=digest,
        problems=decode_problems(problems),
        reads=reads,
        lasting=True,
    )


def _named(ref: Ref) -> tuple[str, str, str, str]:
    return ref.group, ref.kind, ref.namespace, ref.name


def encode_objects(objects: Sequence[Written]) -> list[Any]:
    return [(*_named(ref), at.file, at.line) for ref, at in objects]


def decode_objects(rows: Sequence[Any]) -> tuple[Written, ...]:
    return tuple((Ref(*row[:4]), Origin(*row[4:])) for row in rows)


def encode_problems(problems: Sequence[Problem]) -> list[Any]:
    return [(p.file, p.line, p.column, p.what, p.todo, p.severity) for p in problems]


def decode_problems(rows: Sequence[Any]) -> tuple[Problem, ...]:
    return tuple(Problem(*row) for row in rows)
