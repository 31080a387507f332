"""From a definition to a kind: one that the write path, discovery and tables treat like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.crds import columns, names
from gitrel.cluster.api.crds.structured import Structured
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.kinds.kind import Kind, ScalePaths, Served
from gitrel.kube.fields import get
from gitrel.kube.identity import Object


def kind_of(definition: Object) -> Kind | None:
    """None where the definition serves nothing: not established, or without a served version."""
    if not names.is_established(definition):
        return None
    spec, accepted = definition["spec"], definition["status"]["acceptedNames"]
    served = [version for version in spec["versions"] if version.get("served")]
    if not served:
        return None
    # What is stored is relabelled at every reading, so any served version may stand for it.
    stored = next((version for version in served if version.get("storage")), served[0])
    group, plural = spec["group"], accepted["plural"]
    resource = f"{plural}.{group}"
    structures = {
        f"{group}/{version['name']}": Structured(get(version, "schema", "openAPIV3Schema", default={}))
        for version in served
    }
    status = any(get(version, "subresources", "status") is not None for version in served)
    scale = next((found for v in served if (found := get(v, "subresources", "scale"))), None)
    own = f"{group}/{stored['name']}"
    return Kind(
        resource,
        own,
        accepted["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(accepted.get("shortNames") or ()),
        categories=tuple(accepted.get("categories") or ()),
        singular_name=accepted.get("singular") or "",
        status=status,
        scale=scale is not None,
        scale_at=_scale_paths(scale) if scale else ScalePaths(),
        counted=_counted(status=status),
        default=lambda obj: structures[obj["apiVersion"]].default(obj),
        prepare=_refused if definition["metadata"].get("deletionTimestamp") else _prepared(status=status),
        validate_update=_by_version(structures, Structured.validate_update),
        validate_status=_by_version(structures, Structured.validate_update),
        validate=lambda obj: structures[obj["apiVersion"]].validate(obj),
        unconditional_update=False,
        served=_others(resource, own, structures),
        custom=structures,
        columns={
            f"{group}/{version['name']}": columns.columns_of(version.get("additionalPrinterColumns"))
            for version in served
        },
        selectable=_selectable(served),
    )


def _by_version(structures: Mapping[str, Structured], check: Callable[..., Any]) -> Callable[..., Any]:
    """A check of (new, old) by the schema of the version in which the new one was written."""
    return lambda new, old: check(structures[new["apiVersion"]], new, old)


def _others(resource: str, own: str, structures: Mapping[str, Structured]) -> Sequence[Served]:
    return tuple(
        Served(resource, version, _relabelled(own), _relabelled(version))
        for version in structures
        if version != own
    )


def _relabelled(api_version: str) -> Callable[[Object], Object]:
    """Conversion `None`: only the name of the version changes."""
    return lambda obj: {**obj, "apiVersion": api_version}


def _prepared(*, status: bool) -> Callable[[Object], Object]:
    return _without_status if status else lambda obj: obj


def _refused(obj: Object) -> Object:
    """Nothing new while the definition is on its way out."""
    says = "create not allowed while custom resource definition is terminating"
    raise ApiError(405, "MethodNotAllowed", says)


def _without_status(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "status"} if "status" in obj else obj


def _counted(*, status: bool) -> Callable[[Object], object]:
    """Everything but the metadata, and but the status where it is written by itself."""
    left_out = {"apiVersion", "kind", "metadata", *(("status",) if status else ())}
    return lambda obj: {key: value for key, value in obj.items() if key not in left_out}


def _scale_paths(scale: Mapping[str, Any]) -> ScalePaths:
    selector = scale.get("labelSelectorPath")
    return ScalePaths(
        _steps(scale["specReplicasPath"]),
        _steps(scale["statusReplicasPath"]),
        _steps(selector) if selector else (),
    )


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.strip(".").split("."))


def _selectable(served: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    rows = [row for version in served for row in version.get("selectableFields") or ()]
    return tuple(dict.fromkeys(row["jsonPath"].strip(".") for row in rows))
