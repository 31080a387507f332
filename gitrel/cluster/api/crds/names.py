"""Whether a definition gets the names it asks for, and the conditions that say so.

Kubernetes `pkg/controller/status/naming_controller.go`: within a group, names belong to whoever had them
first. Pure: the other definitions of the group are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import shown
from gitrel.kube.conditions import is_true, with_condition
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

NAMES_ACCEPTED = "NamesAccepted"
ESTABLISHED = "Established"


def is_established(definition: Object) -> bool:
    return is_true(definition, ESTABLISHED)


def calculated(definition: Object, others: Iterable[Object], now: str) -> Object:
    """The definition with its accepted names and both conditions; the same one where nothing changes.

    `others` are all the other definitions, of whatever group.
    """
    group = definition["spec"]["group"]
    known = [other for other in others if other["spec"]["group"] == group]
    accepted, reason, message = _accepted(definition, known)
    conditions: Sequence[Mapping[str, Any]] = get(definition, "status", "conditions", default=())
    good = not reason
    told = (reason, message) if reason else ("NoConflicts", "no conflicts found")
    conditions = with_condition(
        conditions, NAMES_ACCEPTED, "True" if good else "False", now=now, reason=told[0], message=told[1]
    )
    if good:
        conditions = with_condition(
            conditions,
            ESTABLISHED,
            "True",
            now=now,
            reason="InitialNamesAccepted",
            message="the initial names have been accepted",
        )
    elif not is_established(definition):
        conditions = with_condition(
            conditions,
            ESTABLISHED,
            "False",
            now=now,
            reason="NotAccepted",
            message="not all names are accepted",
        )
    status = {**(definition.get("status") or {}), "conditions": conditions, "acceptedNames": accepted}
    return definition if status == definition.get("status") else replaced(definition, ("status",), status)


def _accepted(definition: Object, others: Sequence[Object]) -> tuple[dict[str, Any], str, str]:
    """The names it has now; the reason and the message of the last conflict."""
    wanted = definition["spec"]["names"]
    names = dict(get(definition, "status", "acceptedNames", default={}))
    resources = {name for other in others for name in _resource_names(other)}
    kinds = {name for other in others for name in _kind_names(other)}
    reason = message = ""
    for key, taken, why in (
        ("plural", resources, "PluralConflict"),
        ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"),
        ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ):
        value = wanted.get(key)
        asked = value if isinstance(value, list) else [value] if value else []
        clashes = [f"{shown(name)} is already in use" for name in asked if name in taken]
        if clashes:
            reason = why
            message = clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]"
        elif asked:
            names[key] = value
        else:
            names.pop(key, None)
    names.pop("categories", None)
    if categories := wanted.get("categories"):
        names["categories"] = categories
    return {"kind": "", "plural": "", **names}, reason, message


def _resource_names(definition: Object) -> Iterable[str]:
    names = get(definition, "status", "acceptedNames", default={})
    yield from filter(None, (names.get("plural"), names.get("singular"), *(names.get("shortNames") or ())))


def _kind_names(definition: Object) -> Iterable[str]:
    names = get(definition, "status", "acceptedNames", default={})
    yield from filter(None, (names.get("kind"), names.get("listKind")))
