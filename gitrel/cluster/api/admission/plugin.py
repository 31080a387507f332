"""A plugin of the admission chain as data: what it looks at, how it completes it, and when it refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gitrel.cluster.api import errors
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """The write that is to be admitted; the object itself goes along beside it, as it changes on its way.

    `object` is None for DELETE only, `old` for CREATE and CONNECT only. `read` sees the cluster as it is
    before the write.
    """

    operation: Operation
    kind: Kind
    subresource: str
    namespace: str
    name: str
    old: Object | None
    read: Reader
    now: datetime
    dry_run: bool
    warn: Callable[[str], None]
    user: User

    def forbidden(self, why: str) -> ApiError:
        """403, naming what was to be written."""
        return errors.forbidden(self.kind.resource, self.name, why)


Admit = Callable[[Attributes, Object], Object]
"""Completes the object, or gives back the same one; may refuse by raising ApiError."""
Validate = Callable[[Attributes, Object], None]
"""Refuses by raising ApiError, or does nothing. For DELETE the object is the one to be deleted."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """`name` is Kubernetes' own. `looks_at` maps a resource, `resource/subresource` or `*` to operations."""

    name: str
    looks_at: Mapping[str, Sequence[Operation]]
    admit: Admit | None = None
    validate: Validate | None = None

    def handles(self, resource: str, subresource: str, operation: Operation) -> bool:
        place = f"{resource}/{subresource}" if subresource else resource
        return any(operation in self.looks_at.get(key, ()) for key in _keys(place, subresource))


def _keys(place: str, subresource: str) -> Sequence[str]:
    """`*` is every resource, `*/*` every resource and every subresource."""
    return (place, "*/*") if subresource else (place, "*", "*/*")
