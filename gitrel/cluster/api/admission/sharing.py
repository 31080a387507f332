"""Admission of a thousand equal pods, worked out once: what came of an object and its circumstances is kept.

Pods of one template share their spec. As objects are never edited, identity is enough to know one again, and
pods that shared a spec before admission share one after it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gitrel.kube.identity import Object


def shared(change: Callable[[Object, Any], Any], size: int = 2048) -> Callable[[Object, Any], Any]:
    """`change(obj, circumstance)`, looked up for pairs of the very same objects."""
    cache: OrderedDict[tuple[int, int], tuple[Object, Any, Any]] = OrderedDict()

    def look_up(obj: Object, circumstance: Any) -> Any:
        key = (id(obj), id(circumstance))
        hit = cache.get(key)
        if hit is not None:
            return hit[2]
        # The entry holds both, so that an id in the cache is never that of another object.
        new = change(obj, circumstance)
        cache[key] = obj, circumstance, new
        if len(cache) > size:
            cache.popitem(last=False)
        return new

    return look_up
