"""The few things gitrel asks of a cluster. Small on purpose: deciding what to ask is delivery's work.

Every implementation passes `tests/contract/`. Calls raise `Unreachable` when the cluster does not answer
and `Refused` when it answers no; anything else is a fault in gitrel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from gitrel.errors import GitrelError
from gitrel.kube.identity import Object, Ref

FIELD_OWNER = "gitrel"
"""The field manager under which gitrel applies."""


class Refused(GitrelError):
    """The cluster understood the request and said no. `reason` is Kubernetes' own (`Invalid`, `Conflict`)."""

    exit_code = 5

    def __init__(self, ref: Ref, reason: str, message: str) -> None:
        super().__init__(f"{ref}: {message}")
        self.ref = ref
        self.reason = reason
        self.message = message


class Backend(Protocol):
    """One cluster."""

    def identity(self) -> str:
        """What tells this cluster from every other: the UID of its `kube-system` namespace."""
        ...

    def read(self, objects: Iterable[Mapping[str, Any]]) -> dict[Ref, Object]:
        """The live objects with the same identity as `objects`; those that do not exist are left out."""
        ...

    def list(
        self, api_version: str, kind: str, namespace: str, selector: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """The live objects of one kind whose labels match, ordered by name."""
        ...

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        """Server-side apply as `FIELD_OWNER`; gives the object as the cluster now has (or would have) it.

        A field owned by someone else refuses with reason `Conflict` unless `force`.
        """
        ...

    def delete(self, obj: Mapping[str, Any]) -> bool:
        """Deletes in the background where the UID still matches; False where it was gone already."""
        ...

    def changed_since(self, mark: str) -> tuple[str, bool]:
        """A new mark, and whether anything changed since the old one (always true for an unknown mark)."""
        ...

    def next_change_due(self) -> datetime | None:
        """When the cluster will next change by itself, where it can know (virtual clocks), else None."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Exclusive(Protocol):
    """What a backend says of itself that only one process at a time can have open."""

    exclusive: Literal[True]
