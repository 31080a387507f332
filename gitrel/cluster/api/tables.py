"""Other shapes of the same objects: a Table, as kubectl prints them, and their metadata alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from gitrel.cluster.kinds.columns.registry import columns_of
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

Include = Literal["None", "Metadata", "Object"]


def _same(obj: Object) -> Object:
    return obj


def partial(obj: Object, version: str = "v1") -> Object:
    """The metadata alone, as `meta.k8s.io/v1 PartialObjectMetadata`."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj["metadata"],
    }


def table(
    kind: Kind,
    objects: Sequence[Object],
    metadata: Object,
    now: datetime,
    *,
    include: Include = "Metadata",
    version: str = "v1",
    with_columns: bool = True,
    seen: Callable[[Object], Object] = _same,
    api_version: str = "",
) -> Object:
    """A `meta.k8s.io/v1 Table`; ages are as of `now`. A watch names its columns in the first one only.

    `seen` makes of a stored object what its reader gets of it; a custom resource has columns of its own in
    each `api_version`.
    """
    columns = kind.columns.get(api_version or kind.api_version) or columns_of(kind.resource)
    cells = [column.cell for column in columns.columns]
    rows = []
    for obj in objects:
        row: dict[str, Any] = {"cells": [cell(obj, now) for cell in cells]}
        if columns.conditions and (conditions := columns.conditions(obj)):
            row["conditions"] = conditions
        if include != "None":
            row["object"] = seen(obj) if include == "Object" else partial(obj, version)
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": [c.definition() for c in columns.columns] if with_columns else [],
        "rows": rows,
    }
