"""Keeping `managedFields` at every write: an apply brings its owners along, any other write takes what it
changes.

Writes of controllers are followed only in objects that somebody outside manages already, and not in their
status: nobody else owns fields there, and pods by the thousand are not slowed down by a record that nobody
reads.
"""

from __future__ import annotations

from gitrel.cluster.api.apply import applying, managers
from gitrel.cluster.api.apply.managers import Manager, Managers
from gitrel.cluster.api.schema import type_for
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object


def owners_of(kind: Kind, live: Object | None, now: str) -> Managers:
    """Who owns what in the stored object, before an apply."""
    if live is None:
        return {}
    known = managers.read(live["metadata"].get("managedFields"))
    if known:
        return known
    return applying.first_owner(live, type_for(kind), kind.api_version, now)


def recorded(new: Object, owners: Managers) -> Object:
    """`new` with exactly these owners."""
    metadata = {key: value for key, value in new["metadata"].items() if key != "managedFields"}
    if entries := managers.written(owners):
        metadata["managedFields"] = entries
    return {**new, "metadata": metadata}


def taken_over(kind: Kind, old: Object | None, new: Object, name: str, subresource: str, now: str) -> Object:
    """`new` after a write that is no apply: `name` owns what it changed."""
    before = managers.read(old["metadata"].get("managedFields") if old else None)
    manager = Manager(name, "Update", kind.api_version, subresource)
    after = applying.update(old, new, type_for(kind), before, manager, now=now)
    return new if after is before else recorded(new, after)
