"""URL paths: which resource, namespace, name and subresource a request is about. Pure.

The grammar is Kubernetes' own (`/api/v1/…` and `/apis/<group>/<version>/…`); whatever is not exactly in it
is not found. Tricks with dots, doubled slashes or control characters lead nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gitrel.cluster.api import discovery
from gitrel.cluster.api.errors import ApiError, bad_request
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.kinds.kind import Kind

PATH_BYTES_MAX = 4096


class NoSuchPath(Exception):
    """Nothing is served here: `404 page not found`."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names. `namespace` is None where every namespace is meant, or the kind has none."""

    kind: Kind
    api_version: str
    """In which the kind is read and written here; it may be stored in another."""
    namespace: str | None
    name: str = ""
    subresource: str = ""
    watch: bool = False


def segments(raw: bytes) -> list[str]:
    """The decoded parts of a path. Raises NoSuchPath for tricks, ApiError 400 for what cannot be a path."""
    if len(raw) > PATH_BYTES_MAX:
        raise ApiError(414, "RequestURITooLong", f"the path is longer than {PATH_BYTES_MAX} bytes")
    parts = raw.removeprefix(b"/").split(b"/")
    if len(parts) > 1 and parts[-1] == b"":
        parts.pop()
    try:
        found = [unquote_to_bytes(part).decode() for part in parts]
    except UnicodeDecodeError:
        raise bad_request("the path is not UTF-8") from None
    if any(part in ("", ".", "..") or "/" in part for part in found) and found != [""]:
        raise NoSuchPath
    if any(not part.isprintable() for part in found):
        raise bad_request("the path has control characters")
    return found


def target(parts: Sequence[str], scheme: Scheme) -> Target:
    """What `segments` mean below `/api` and `/apis`. Raises NoSuchPath, or ApiError 404 for a resource that
    its group and version do not have."""
    if parts[0] == "api" and len(parts) > 2:
        api_version, rest = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        api_version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        raise NoSuchPath
    watch = rest[0] == "watch"
    if watch:
        rest = rest[1:]
    if not rest:
        raise _unknown()
    return _target(api_version, rest, scheme, watch=watch)


def _target(api_version: str, rest: Sequence[str], scheme: Scheme, *, watch: bool) -> Target:
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and not _is_below_namespace(api_version, rest):
        namespace, rest = rest[1], rest[2:]
    kind = _kind(api_version, rest[0], scheme)
    name = rest[1] if len(rest) > 1 else ""
    below = rest[2] if len(rest) > 2 else ""
    if (len(rest) > 3 and below != "proxy") or (namespace is not None and not kind.namespaced):
        raise _unknown()
    if kind.namespaced and name and namespace is None:
        raise _unknown()
    if below and all(sub.name != below for sub in discovery.subresources(kind)):
        raise _unknown()
    return Target(kind, api_version, namespace, name, below, watch)


def _is_below_namespace(api_version: str, rest: Sequence[str]) -> bool:
    """`namespaces/x/status` and `namespaces/x/finalize` are about the namespace itself."""
    return api_version == "v1" and len(rest) == 3 and rest[2] in ("status", "finalize")


def _kind(api_version: str, plural: str, scheme: Scheme) -> Kind:
    group = api_version.partition("/")[0] if "/" in api_version else ""
    try:
        kind = scheme.resource(f"{plural}.{group}" if group else plural)
    except ApiError:
        raise _unknown() from None
    if not kind.serves(api_version):
        raise _unknown()
    return kind


def _unknown() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")
