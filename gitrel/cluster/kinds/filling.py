"""Helpers for defaults: fill what is missing, share what is complete, and remember what was filled already.

Defaults are applied again at every write; nearly always there is nothing left to fill, and then the very same
object comes back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gitrel.kube.identity import Object

T = TypeVar("T")


_ABSENT = (None, "")


def filled(obj: Object, defaults: Mapping[str, Any]) -> Object:
    """`obj` with the defaults of what it lacks; `obj` itself where it lacks nothing.

    An empty text is none, as in Go, where there is nothing between the two.
    """
    missing = {key: value for key, value in defaults.items() if obj.get(key) in _ABSENT}
    return {**obj, **missing} if missing else obj


def filled_pointers(obj: Object, defaults: Mapping[str, Any]) -> Object:
    """The same for fields that are pointers in Go: an empty text is one, and for validation to refuse."""
    missing = {key: value for key, value in defaults.items() if obj.get(key) is None}
    return {**obj, **missing} if missing else obj


def changed(obj: Object, key: str, change: Callable[[Any], Any]) -> Object:
    """`obj` with `change` applied to the value at `key`, where there is one."""
    old = obj.get(key)
    if old is None:
        return obj
    new = change(old)
    return obj if new is old else {**obj, key: new}


def each(change: Callable[[Object], Object]) -> Callable[[Sequence[Object]], Sequence[Object]]:
    """The same for every element of a list; the very same list where none changed."""

    def change_all(items: Sequence[Object]) -> Sequence[Object]:
        new = [change(item) for item in items]
        return items if all(a is b for a, b in zip(new, items, strict=True)) else new

    return change_all


def kept(work_out: Callable[[Any], T], size: int = 2048) -> Callable[[Any], T]:
    """What `work_out` says of an object, looked up for those it has just seen; by identity, like the next."""
    cache: OrderedDict[int, tuple[Any, T]] = OrderedDict()

    def look_up(obj: Any) -> T:
        hit = cache.get(id(obj))
        if hit is not None:
            return hit[1]
        found = work_out(obj)
        cache[id(obj)] = obj, found
        if len(cache) > size:
            cache.popitem(last=False)
        return found

    return look_up


def remembered(change: Callable[[Object], Object], size: int = 2048) -> Callable[[Object], Object]:
    """`change`, looked up for the objects that it has just seen or made.

    Pods of one template share its spec, so a thousand replicas cost one computation. Objects are never
    edited, hence identity is enough; the cache holds each one, so that an id is never that of another.
    """
    cache: OrderedDict[int, tuple[Object, Object]] = OrderedDict()

    def look_up(obj: Object) -> Object:
        hit = cache.get(id(obj))
        if hit is not None:
            return hit[1]
        new = change(obj)
        for known in (obj, new):
            cache[id(known)] = known, new
        while len(cache) > size:
            cache.popitem(last=False)
        return new

    return look_up
