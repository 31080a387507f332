"""Managers: who owns which fields, read from and written to `metadata.managedFields`.

An entry belongs to a manager by name, operation, version and subresource. Its time moves only when its
fields do, so that an apply that changes nothing leaves the object byte for byte as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gitrel.cluster.api.apply.fieldset import EMPTY, FieldSet, from_fields_v1, to_fields_v1


class Manager(NamedTuple):
    """`operation` is Apply or Update; `subresource` is empty, `status` or `scale`."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


class Owned(NamedTuple):
    fields: FieldSet
    time: str


Managers = Mapping[Manager, Owned]

BEFORE_FIRST_APPLY = "before-first-apply"
UPDATERS_MAX = 10
ANCIENT = "ancient-changes"
"""Who owns what the oldest of too many updaters owned."""


def read(entries: Iterable[Mapping[str, Any]] | None) -> dict[Manager, Owned]:
    found: dict[Manager, Owned] = {}
    for row in entries or ():
        manager = Manager(
            row.get("manager", ""), row["operation"], row["apiVersion"], row.get("subresource", "")
        )
        found[manager] = Owned(from_fields_v1(row.get("fieldsV1") or {}), row.get("time", ""))
    return found


def written(managers: Managers) -> list[dict[str, Any]]:
    """Applies first, then by time and name, as Kubernetes sorts them; managers that own nothing are left
    out.
    """
    rows = sorted(
        ((m, owned) for m, owned in managers.items() if owned.fields),
        key=lambda row: (row[0].operation, row[1].time, row[0]),
    )
    return [entry(manager, to_fields_v1(owned.fields), owned.time) for manager, owned in rows]


def entry(manager: Manager, fields_v1: Mapping[str, Any], time: str) -> dict[str, Any]:
    """One row of managedFields."""
    row = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields_v1,
    }
    if not time:
        del row["time"]
    return row | {"subresource": manager.subresource} if manager.subresource else row


def with_fields(managers: Managers, manager: Manager, fields: FieldSet, now: str) -> dict[Manager, Owned]:
    """`manager` owning exactly `fields`, since `now` unless it did before."""
    new = dict(managers)
    old = managers.get(manager)
    if old is None or old.fields != fields:
        new[manager] = Owned(fields, now)
    return new


def given_up(
    managers: Managers, fields: FieldSet, *, by: Iterable[Manager], now: str
) -> dict[Manager, Owned]:
    """Those managers without those fields."""
    new = dict(managers)
    for manager in by:
        left = managers[manager].fields - fields
        if left != managers[manager].fields:
            new[manager] = Owned(left, now)
    return new


def capped(managers: Managers) -> Managers:
    """With at most ten managers that update: the oldest of one version become one (`capmanagers.go`)."""
    updaters = [manager for manager in managers if manager.operation == "Update"]
    surplus = len(updaters) - UPDATERS_MAX
    if surplus <= 0:
        return managers
    new = dict(managers)
    first: dict[str, Manager] = {}
    for manager in sorted(updaters, key=lambda one: (managers[one].time, one.name, one.api_version, one)):
        version = manager.api_version
        if surplus and version in first:
            bucket = Manager(ANCIENT, "Update", version)
            if bucket not in new:
                new[bucket] = new.pop(first[version])
            merged = new.pop(manager)
            new[bucket] = Owned(new[bucket].fields | merged.fields, merged.time)
            surplus -= 1
        first.setdefault(version, manager)
    return new


def owned_by_anyone(managers: Managers) -> FieldSet:
    return EMPTY.union(*(owned.fields for owned in managers.values()))
