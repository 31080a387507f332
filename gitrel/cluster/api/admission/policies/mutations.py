"""Applying what a mutation gives: an `Object{…}`, merged as server-side apply merges, or a JSON patch.

Pure. What a schema does not know, and what it replaces only as a whole, an apply configuration may not say
(apiserver `pkg/admission/plugin/policy/mutating/patch`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.api.apply.fieldset import NotAssociative
from gitrel.cluster.api.apply.merging import merged
from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.patch import NotApplied, json_patch
from gitrel.kube.cel.libraries.standard import duration_text, timestamp_text
from gitrel.kube.cel.tree import UInt
from gitrel.kube.cel.values import Optional, StructValue
from gitrel.kube.identity import Object


class NotApplicable(Exception):
    """Why a mutation cannot be evaluated or applied."""


def plain(value: Any) -> Any:
    """A CEL value as JSON. Raises NotApplicable for one that has no form there."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, UInt):
        return int(value)
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Optional):
        return plain(value.value) if value.present else None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise NotApplicable(f"a value of type {type(value).__name__} cannot be part of an object")


# --- ApplyConfiguration -----------------------------------------------------------------------------------


def applied(seen: Object, value: Any, type_: Type) -> Object:
    """Raises NotApplicable."""
    if not isinstance(value, StructValue) or value.cel_type != "Object":
        raise NotApplicable("the expression gives no Object")
    _check_names(value, "Object")
    config = {key: item for key, item in plain(value).items() if key not in ("apiVersion", "kind")}
    if problem := next(_unfit(config, type_, ""), ""):
        raise NotApplicable(
            f"error applying patch: failed to convert patch object to typed object: {problem}"
        )
    if atomic := list(_atomic(config, type_, "")):
        says = "may not mutate atomic arrays, maps or structs"
        raise NotApplicable(f"error applying patch: invalid ApplyConfiguration: {says}: {', '.join(atomic)}")
    try:
        new: Object = merged(seen, config, type_)
    except NotAssociative as wrong:
        raise NotApplicable(f"error applying patch: {wrong}") from None
    return seen if new == seen else new


def _check_names(value: Any, path: str) -> None:
    """`Object.spec{…}` may stand only where `spec` does."""
    if isinstance(value, StructValue):
        if value.cel_type != path:
            raise NotApplicable(
                f'type mismatch: unexpected type name "{value.cel_type}", expected "{path}", which matches '
                "field name path from root Object type"
            )
        for field, item in value.items():
            _check_names(item, f"{path}.{field}")
    elif isinstance(value, list):
        for item in value:
            _check_names(item, path)
    elif isinstance(value, dict):
        for item in value.values():
            _check_names(item, path)


_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
}  # fmt: skip


def _unfit(value: Any, type_: Type, path: str) -> Iterator[str]:
    """What does not fit the schema, each with its place."""
    if value is None or type_.shape == "any":
        return
    if type_.shape in ("struct", "map"):
        if not isinstance(value, dict):
            yield f"{path}: expected map, got {value!r}"
            return
        for name, item in value.items():
            field = type_.field(name)
            if field is None:
                yield f"{path}.{name}: field not declared in schema"
            else:
                yield from _unfit(item, field, f"{path}.{name}")
    elif type_.shape == "list":
        if not isinstance(value, list):
            yield f"{path}: expected list, got {value!r}"
            return
        for index, item in enumerate(value):
            yield from _unfit(item, type_.element, f"{path}[{index}]")
    elif (wanted := _SCALARS.get(type_.scalar)) and (
        not isinstance(value, wanted) or (isinstance(value, bool) and type_.scalar != "boolean")
    ):
        yield f"{path}: expected {type_.scalar}, got &value.valueUnstructured{{Value:{value}}}"


def _atomic(value: Any, type_: Type, path: str) -> Iterator[str]:
    if type_.shape in ("struct", "map", "list") and type_.atomic and path:
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            if (field := type_.field(name)) is not None:
                yield from _atomic(item, field, f"{path}.{name}")
    elif isinstance(value, list) and type_.shape == "list":
        for index, item in enumerate(value):
            yield from _atomic(item, type_.element, f"{path}[{index}]")


# --- JSONPatch --------------------------------------------------------------------------------------------


def patched(seen: Object, value: Any) -> Object:
    """A `test` that fails leaves the object as it is. Raises NotApplicable."""
    if not isinstance(value, list):
        raise NotApplicable("the expression gives no list of JSONPatch")
    new = seen
    for step in value:
        if not isinstance(step, StructValue) or step.cel_type != "JSONPatch":
            raise NotApplicable("the expression gives a list of something else than JSONPatch")
        asked = {"op": "", "path": "", **plain(step)}
        if asked["op"] in ("add", "replace", "test"):
            asked.setdefault("value", None)
        try:
            new = json_patch(new, [asked])
        except ApiError as wrong:
            if asked["op"] == "test":
                return seen
            why = wrong.why if isinstance(wrong, NotApplied) else wrong.message
            raise NotApplicable(f"JSON Patch: {why}") from None
    return seen if new == seen else new
