"""Keeping `managedFields` at every write: an apply brings its owners along, any other write takes what it
changes.

Writes of controllers are followed only in objects that somebody outside manages already, and not in their
status: nobody else owns fields there, and pods by the thousand are not slowed down by a record that nobody
reads.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from gitrel.cluster.api.apply import applying, managers
from gitrel.cluster.api.apply.making import Tree, made
from gitrel.cluster.api.apply.managers import Manager, Managers
from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.schema import type_for
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object


def owners_of(kind: Kind, live: Object | None, now: str, subresource: str = "") -> Managers:
    """Who owns what in the stored object, before an apply."""
    if live is None:
        return {}
    known = managers.read(live["metadata"].get("managedFields"))
    if known:
        return known
    return applying.first_owner(live, type_for(kind), kind.api_version, now, subresource)


def recorded(new: Object, owners: Managers) -> Object:
    """`new` with exactly these owners."""
    metadata = {key: value for key, value in new["metadata"].items() if key != "managedFields"}
    if entries := managers.written(owners):
        metadata["managedFields"] = entries
    return {**new, "metadata": metadata}


def taken_over(kind: Kind, old: Object | None, new: Object, name: str, subresource: str, now: str) -> Object:
    """`new` after a write that is no apply: `name` owns what it changed."""
    if old is None:
        return _created(kind, new, Manager(name, "Update", kind.api_version, subresource), now)
    # An update may hand fields from one manager to another: it begins with the record that was sent.
    before = managers.read(new["metadata"].get("managedFields"))
    if kind.custom and not before:
        # What nobody owns is not followed until somebody applies. Of a built-in kind it may be that a
        # controller made it, whose writes are not recorded.
        return new
    manager = Manager(name, "Update", kind.api_version, subresource)
    after = applying.update(old, new, type_for(kind), before, manager, now=now)
    if subresource == "scale" and manager in after:
        # A Scale has no record of its own that could carry a time.
        after = {**after, manager: after[manager]._replace(time="")}
    return new if after is before else recorded(new, managers.capped(after))


def _created(kind: Kind, new: Object, manager: Manager, now: str) -> Object:
    """A new object belongs to whoever made it, field by field; `new` itself where there is nothing to own.

    Specs are shared by pods of one template, so what can be owned in one is worked out once.
    """
    type_ = type_for(kind)
    metadata = {key: value for key, value in new["metadata"].items() if key not in applying.UNOWNED_METADATA}
    own = type_.field("metadata")
    tree = {"f:metadata": below} if own is not None and (below := made(metadata, own)) else {}
    for key, value in new.items():
        if key not in _NOT_OWNED:
            tree.update(_subtree(key, value, type_))
    if not tree:
        return new
    entry = managers.entry(manager, dict(sorted(tree.items())), now)
    return {**new, "metadata": {**new["metadata"], "managedFields": [entry]}}


_subtrees: OrderedDict[tuple[int, str, int], tuple[Any, Type, Tree]] = OrderedDict()
_SUBTREES_MAX = 2048


def _subtree(key: str, value: Any, type_: Type) -> Tree:
    """What can be owned in one field of an object, as `fieldsV1`; looked up for what was just seen."""
    seen = (id(value), key, id(type_))
    hit = _subtrees.get(seen)
    if hit is not None:
        return hit[2]
    tree = made({key: value}, type_) or {}
    # The entry holds what its key names, so that no id in it is that of anything else.
    _subtrees[seen] = value, type_, tree
    if len(_subtrees) > _SUBTREES_MAX:
        _subtrees.popitem(last=False)
    return tree


_NOT_OWNED = frozenset(("apiVersion", "kind", "metadata", "status"))
