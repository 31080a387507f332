"""How somebody writes: as whom, by which manager, for good or as a dry run; what admission is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.admission.plugin import Operation
from gitrel.cluster.api.apply.managers import Managers
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.rbac.user import ADMIN, User
from gitrel.cluster.api.schema import FieldValidation
from gitrel.kube.identity import Object


def _unheard(message: str) -> None:
    """Where nobody listens to warnings."""


def _unnoted(key: str, value: str) -> None:
    """Where nobody keeps an audit log."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who writes and how. `manager` is the field manager; `warn` gets the warnings of the API server."""

    manager: str
    trusted: bool = False
    dry_run: bool = False
    field_validation: FieldValidation = "Warn"
    warn: Callable[[str], None] = _unheard
    owners: Managers | None = None
    """Of an apply: who owns what afterwards. None for every other write, which takes what it changes."""
    user: User = ADMIN
    """In process one is one's own administrator."""
    api_version: str = ""
    """In which the write came, where the object does not say it: webhooks may ask for that version."""
    stated_manager: str = ""
    """The field manager, where it was named and not made out."""
    admitted: bool = False
    """Admission has had its say in another form, such as a Scale."""
    through: str = ""
    """The subresource by which a whole object is written: its fields are owned there."""
    annotate: Callable[[str, str], None] = _unnoted
    """Gets what admission would have written to an audit log: key, value."""


_KINDS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def options_of(operation: Operation, request: Request, deletion: DeleteOptions | None) -> Object:
    """The verb's own options as admission is shown them; empty for a connection."""
    if operation == "CONNECT":
        return {}
    found: dict[str, Any] = {"kind": _KINDS[operation], "apiVersion": "meta.k8s.io/v1"}
    if deletion is not None:
        wanted = {"uid": deletion.uid, "resourceVersion": deletion.resource_version}
        preconditions = {key: value for key, value in wanted.items() if value}
        found |= {
            **({} if deletion.grace_seconds is None else {"gracePeriodSeconds": deletion.grace_seconds}),
            **({"preconditions": preconditions} if preconditions else {}),
            **({"propagationPolicy": deletion.propagation} if deletion.propagation else {}),
        }
    elif request.stated_manager:
        found["fieldManager"] = request.stated_manager
    return {**found, "dryRun": ["All"]} if request.dry_run else found
