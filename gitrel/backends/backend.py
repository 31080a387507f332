"""The few things gitrel asks of a cluster. Small on purpose: deciding what to ask is delivery's work.

Every implementation passes `tests/contract/`. Calls raise `Unreachable` when the cluster does not answer
and `Refused` when it answers no; anything else is a fault in gitrel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable

from gitrel.errors import GitrelError
from gitrel.kube.identity import Object, Ref

FIELD_OWNER = "gitrel"
"""The field manager under which gitrel applies."""
JSON_PATCH: Literal["application/json-patch+json"] = "application/json-patch+json"


class Refused(GitrelError):
    """The cluster understood the request and said no. `reason` is Kubernetes' own (`Invalid`, `Conflict`)."""

    exit_code = 5

    def __init__(self, ref: Ref, reason: str, message: str) -> None:
        super().__init__(f"{ref}: {message}")
        self.ref = ref
        self.reason = reason
        self.message = message


def as_read(obj: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The operations, bound to the version in which the object was read."""
    version = obj["metadata"]["resourceVersion"]
    return [*operations, {"op": "replace", "path": "/metadata/resourceVersion", "value": version}]


class Backend(Protocol):
    """One cluster."""

    def identity(self) -> str:
        """What tells this cluster from every other: the UID of its `kube-system` namespace."""
        ...

    def read(
        self, objects: Iterable[Mapping[str, Any]], *, recent: bool = False, coming: bool = False
    ) -> dict[Ref, Object]:
        """The live objects with the same identity as `objects`; those that do not exist are left out.

        With `recent` a backend that remembers may answer for what it has watched or read in this pass, and
        leaves `managedFields` out then. With `coming` the caller is about to create what is not there:
        a backend may then leave out what it saw to be missing a few seconds ago.
        """
        ...

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        selector: Mapping[str, str] | None = None,
        *,
        recent: bool = False,
    ) -> Sequence[Object]:
        """The live objects of one kind whose labels match, ordered by name. `recent` as for `read`."""
        ...

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        """Server-side apply as `FIELD_OWNER`; gives the object as the cluster now has (or would have) it.

        A field owned by someone else refuses with reason `Conflict` unless `force`.
        """
        ...

    def patch(self, obj: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Object:
        """JSON patch (RFC 6902) of the object exactly as it was read, managedFields included.

        Where somebody has written it since, it refuses with reason `Conflict`.
        """
        ...

    def delete(self, obj: Mapping[str, Any]) -> bool:
        """Deletes in the background where the UID still matches; False where it was gone already."""
        ...

    def changed_since(self, mark: str, owner: str = "") -> tuple[str, bool]:
        """A new mark, and whether anything changed since the old one (always true for an unknown mark).

        `owner` narrows it to objects with that value of the label that `Remembering.hold` was given; a
        backend that cannot tell apart says what is true of all.
        """
        ...

    def next_change_due(self) -> datetime | None:
        """When the cluster will next change by itself, where it can know (virtual clocks), else None."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """The objects of one kind in one namespace; "" for kinds that have none."""

    api_version: str
    kind: str
    namespace: str


@runtime_checkable
class Remembering(Protocol):
    """What a backend says of itself that can answer from memory: by watching, or by having read ahead."""

    def hold(self, wanted: Mapping[Scope, int], selector: Mapping[str, str], count_by: str) -> None:
        """Makes ready to answer for the selected objects of some scopes from memory.

        `wanted` says how many objects of each are going to be read: reading ahead pays for many and not for
        one. Changes are counted apart by the value of the label `count_by`. Raises Unreachable.
        """
        ...


@runtime_checkable
class Following(Protocol):
    """What a backend says of itself that follows what happens in its cluster."""

    def troubles(self) -> Mapping[str, int]:
        """What it has met and survived in doing so, counted by word since it was made."""
        ...


@runtime_checkable
class OwnClock(Protocol):
    """What a backend says of itself whose cluster has a clock of its own."""

    def skew(self) -> timedelta:
        """What to add to an instant of this machine to get the cluster's, as far as it is known."""
        ...


@runtime_checkable
class Exclusive(Protocol):
    """What a backend says of itself that only one process at a time can have open."""

    exclusive: Literal[True]
