"""Lists as clients see them: at a revision, in chunks, and the same one however long the chunks are apart.

What stood at an earlier revision is worked out from the log: the state before the first change after it. So a
chunked list is consistent at no cost to writers; where the log does not reach back that far it has expired,
as in Kubernetes after a compaction.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from gitrel.cluster.api.errors import ApiError, bad_request, expired
from gitrel.cluster.api.selection import Where
from gitrel.cluster.store.indexes import ObjectKey
from gitrel.cluster.store.store import Expired, Store, key_of
from gitrel.kube.identity import Object

INCONSISTENT = -1
"""The revision in a token that asks for the rest as it is now."""


class Token(NamedTuple):
    """Where a chunked list goes on: at which revision, after which object."""

    revision: int
    after: ObjectKey

    def text(self) -> str:
        document = {"v": "meta.k8s.io/v1", "rv": self.revision, "start": "/".join(self.after) + "\0"}
        return urlsafe_b64encode(orjson.dumps(document)).decode().rstrip("=")


def read_token(text: str) -> Token:
    """Raises ApiError 400 for anything that is not one of ours."""
    try:
        document = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        namespace, _, name = document["start"].removesuffix("\0").partition("/")
        revision = document["rv"]
        good = document["v"] == "meta.k8s.io/v1" and isinstance(revision, int)
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise bad_request("continue key is not valid: the token was not given out by this server")
    return Token(revision, (namespace, name))


@dataclass(frozen=True, slots=True)
class Page:
    """`token` is empty at the end; `remaining` is None where it is not known (with selectors)."""

    items: Sequence[Object]
    revision: int
    token: str = ""
    remaining: int | None = None


def page(
    store: Store,
    resource: str,
    namespace: str | None,
    *,
    where: Where | None = None,
    limit: int = 0,
    token: Token | None = None,
    at: int | None = None,
) -> Page:
    """One chunk of at most `limit` objects (0: all), as of revision `at` (None: now).

    Raises ApiError 410 where the revision is out of reach.
    """
    revision = store.revision if at is None else at
    if token is not None:
        revision = store.revision if token.revision == INCONSISTENT else token.revision
    objects = _standing(store, resource, namespace, revision, token)
    if token is not None:
        objects = objects[bisect_right(objects, token.after, key=key_of) :]
    if where is None:
        chunk = objects[:limit] if limit else objects
        left: int | None = len(objects) - len(chunk)
        more = bool(left)
    else:
        # One more than asked for tells whether there is more, without looking through all the rest.
        chunk, left = [], None
        for obj in objects:
            if where(obj):
                chunk.append(obj)
                if limit and len(chunk) > limit:
                    break
        more = bool(limit) and len(chunk) > limit
        chunk = chunk[:limit] if more else chunk
    if not more:
        return Page(chunk, revision)
    return Page(chunk, revision, Token(revision, key_of(chunk[-1])).text(), left)


def _standing(
    store: Store, resource: str, namespace: str | None, revision: int, token: Token | None
) -> Sequence[Object]:
    """What stood at `revision`, in order. Raises ApiError 410, or 504 for a revision still to come."""
    if revision > store.revision:
        raise too_large(revision, store.revision)
    if revision == store.revision:
        return store.list(resource, namespace)
    try:
        changes = store.changes_after(revision)
    except Expired as gone:
        raise _gone(gone, token) from None
    earlier: dict[ObjectKey, Object | None] = {}
    for change in changes:
        if change.resource == resource:
            key = key_of(change.new)
            if (namespace is None or key[0] == namespace) and key not in earlier:
                earlier[key] = change.old
    if not earlier:
        return store.list(resource, namespace)
    standing = [obj for obj in store.list(resource, namespace) if key_of(obj) not in earlier]
    standing += [obj for obj in earlier.values() if obj is not None]
    return sorted(standing, key=key_of)


class ListExpired(ApiError):
    """410 with a token for the rest of the list as it is now."""

    def __init__(self, again: Token) -> None:
        message = (
            "The provided continue parameter is too old to display a consistent list result. Start a new "
            "list, or use the token in this response for the rest of it, which may then miss or repeat what "
            "changed in between."
        )
        super().__init__(410, "Expired", message)
        self._again = again

    def status(self) -> Object:
        return {**super().status(), "metadata": {"continue": self._again.text()}}


def _gone(gone: Expired, token: Token | None) -> ApiError:
    return expired(str(gone)) if token is None else ListExpired(Token(INCONSISTENT, token.after))


def too_large(asked: int, current: int) -> ApiError:
    """504 for a revision that this server has not reached: `ResourceVersionTooLarge`, try again."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
