"""A plugin of the admission chain as data: what it looks at, how it completes it, and when it refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gitrel.cluster.api import errors
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class Course:
    """What has happened to one write on its way through the chain: the only thing here that changes."""

    again: bool = False
    """This is the second round, in which those who asked for it are asked once more."""
    wants_again: bool = False
    """A webhook or a policy changed the object, so that a second round is due."""
    changed: bool = False
    """By somebody from outside: what it is now has to be checked like what a stranger sent."""
    called_out: bool = False
    """Somebody outside was asked, and time has passed: the cluster may not be what it was."""
    rounds: dict[str, Any] = field(default_factory=dict)
    """Plugin → what it remembers from the first round for the second."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The write that is to be admitted; the object itself goes along beside it, as it changes on its way.

    `old` is None for CREATE and CONNECT only. For DELETE the object that goes along is the old one, too.
    `read` sees the cluster as it is before the write.
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
    api_version: str
    """In which the write came; the object is in the stored version, unless it is a custom one."""
    options: Callable[[], Object]
    """The verb's own options, such as `CreateOptions`."""
    annotate: Callable[[str, str], None]
    """Gets what would stand in an audit log: key, value."""
    course: Course = field(default_factory=Course)

    def forbidden(self, why: str) -> ApiError:
        """403, naming what was to be written."""
        return errors.forbidden(self.kind.resource, self.name, why)


ALWAYS = ""
"""The name of what belongs to the chain itself: nobody can turn it off."""

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
    asks: Callable[[str, str, Operation], bool] | None = None
    """Instead of `looks_at`, for one that depends on what is stored: (resource, subresource, operation)."""

    def handles(self, resource: str, subresource: str, operation: Operation) -> bool:
        if self.asks is not None:
            return self.asks(resource, subresource, operation)
        place = f"{resource}/{subresource}" if subresource else resource
        return any(operation in self.looks_at.get(key, ()) for key in _keys(place, subresource))


def _keys(place: str, subresource: str) -> Sequence[str]:
    """`*` is every resource, `*/*` every resource and every subresource."""
    return (place, "*/*") if subresource else (place, "*", "*/*")
