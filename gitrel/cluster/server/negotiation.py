"""In which shape and which encoding an answer goes out, as the `Accept` header asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gitrel.cluster.api.errors import ApiError

Shape = Literal["object", "table", "metadata"]
Media = Literal["json", "yaml"]

_MEDIA: Mapping[str, Media] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "*/*": "json",
    "application/*": "json",
}
_SHAPES: Mapping[str, Shape] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}
CONTENT_TYPES: Mapping[Media, bytes] = {"json": b"application/json", "yaml": b"application/yaml"}


@dataclass(frozen=True, slots=True)
class Form:
    """`version` is that of meta.k8s.io, for the shapes that have one."""

    shape: Shape = "object"
    media: Media = "json"
    version: str = "v1"


PLAIN = Form()


@dataclass(frozen=True, slots=True)
class Clause:
    """One alternative of an `Accept` header."""

    media: str
    parameters: Mapping[str, str]


@lru_cache(maxsize=256)
def clauses(accept: str) -> Sequence[Clause]:
    """The alternatives in order of preference; none at all means anything."""
    found = []
    for position, part in enumerate(accept.split(",")):
        media, *rest = (piece.strip() for piece in part.split(";"))
        if not media:
            continue
        parameters = {}
        for piece in rest:
            key, _, value = piece.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        found.append((-_quality(parameters), position, Clause(media.lower(), parameters)))
    found.sort(key=lambda row: row[:2])
    return [clause for _, _, clause in found] or [Clause("*/*", {})]


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


@lru_cache(maxsize=256)
def form(accept: str, *, tables: bool = True) -> Form:
    """Of an object or a list. Raises ApiError 406 where nothing that is asked for can be given."""
    if accept in ("", "application/json", "*/*"):
        return PLAIN
    for clause in clauses(accept):
        media = _MEDIA.get(clause.media)
        if media is None:
            continue
        asked = clause.parameters.get("as")
        if asked is None:
            return Form(media=media)
        version = clause.parameters.get("v", "v1")
        known = clause.parameters.get("g") == "meta.k8s.io" and version in ("v1", "v1beta1")
        if known and asked in _SHAPES and tables:
            return Form(_SHAPES[asked], media, version)
    raise not_acceptable()


@lru_cache(maxsize=256)
def aggregated_version(accept: str) -> str | None:
    """`v2` or `v2beta1` where aggregated discovery is preferred; None for the old documents."""
    for clause in clauses(accept):
        if clause.media != "application/json":
            if clause.media in _MEDIA:
                return None
            continue
        if clause.parameters.get("as") is None:
            return None
        version = clause.parameters.get("v", "")
        known = clause.parameters.get("g") == "apidiscovery.k8s.io" and version in ("v2", "v2beta1")
        if known and clause.parameters["as"] == "APIGroupDiscoveryList":
            return version
    raise not_acceptable()


def not_acceptable() -> ApiError:
    media = "application/json, application/yaml"
    return ApiError(406, "NotAcceptable", f"only the following media types are accepted: {media}")
