"""How to test a family of kinds by tables: what is stored of a minimal object, what is said to a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.kube.fields import removed, replaced
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster


def of(
    kind: str, api_version: str = "v1", *, name: str = "x", namespace: str = "default", **body: Any
) -> Object:
    """An object of a namespaced kind; `namespace=""` for others."""
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **place}, **body}


def on(obj: Object, *changes: tuple[str, Any]) -> Object:
    """The object with values set by dotted path; `None` removes."""
    for path, value in changes:
        steps = tuple(path.split("."))
        obj = removed(obj, steps) if value is None else replaced(obj, steps, value)
    return obj


def stored(obj: Object, made: WatchedCluster | None = None) -> Object:
    """What a stranger's create leaves in the store, but for names and metadata."""
    found = (made or cluster()).api.create(obj)
    return {key: value for key, value in found.items() if key not in ("apiVersion", "kind", "metadata")}


def refusal(obj: Object, made: WatchedCluster | None = None) -> str:
    """What is said to a stranger who creates it."""
    with pytest.raises(ApiError) as caught:
        (made or cluster()).api.create(obj)
    return caught.value.message


def refused_change(obj: Object, *changes: tuple[str, Any], made: WatchedCluster | None = None) -> str:
    """What is said to a stranger who creates it and then changes it so."""
    made = made or cluster()
    new = on(made.api.create(obj), *changes)
    with pytest.raises(ApiError) as caught:
        made.api.update(new)
    return caught.value.message
