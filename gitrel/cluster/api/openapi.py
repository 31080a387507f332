"""OpenAPI documents of what is served: types from Kubernetes' own definitions, paths from the scheme.

Version 3 has one document for each apiVersion, as kubectl reads it for `explain`, for the patches of `apply`
and to learn that `dryRun` and `fieldValidation` are understood; version 2 has one for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from gitrel.cluster.api import discovery
from gitrel.cluster.api.discovery import Subresource
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.spec import KUBERNETES_VERSION
from gitrel.kube import openapi

Schemas = Mapping[str, Any]
Style = Literal["v2", "v3"]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_ALWAYS = tuple(_META + name for name in ("DeleteOptions", "ListMeta", "ObjectMeta", "Status", "WatchEvent"))
_DEFINITIONS = "#/$defs/"
_REFS: Mapping[Style, str] = {"v2": "#/definitions/", "v3": "#/components/schemas/"}
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


def root_of(api_version: str) -> str:
    """`v1` → `api/v1`, `apps/v1` → `apis/apps/v1`: the key in `/openapi/v3`, and the start of its paths."""
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def document_v3(kinds: Sequence[Kind], git_version: str) -> dict[str, Any]:
    """The document of one apiVersion, whose kinds are handed in."""
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": git_version},
        "paths": dict(_paths(kinds, "v3")),
        "components": {"schemas": _schemas(kinds, "v3")},
    }


def document_v2(kinds: Iterable[Kind], git_version: str) -> dict[str, Any]:
    kinds = list(kinds)
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": git_version},
        "paths": dict(_paths(kinds, "v2")),
        "definitions": _schemas(kinds, "v2"),
    }


# --- types ------------------------------------------------------------------------------------------------


def _schemas(kinds: Iterable[Kind], style: Style) -> dict[str, Any]:
    definitions = openapi.document(KUBERNETES_VERSION, strict=False)["$defs"]
    wanted = [name for name in _ALWAYS if name in definitions]
    for kind in kinds:
        wanted += [name for name in _names(kind) if name in definitions]
    found = {name: _converted(definitions[name], style) for name in _reachable(definitions, wanted)}
    for kind in kinds:
        if kind.custom:
            found |= _custom(kind, style)
    return dict(sorted(found.items()))


def _custom(kind: Kind, style: Style) -> dict[str, Any]:
    """A custom kind and its list, as their definition has them."""
    group, _, version = kind.api_version.rpartition("/")

    def typed(name: str, meta: str, more: Schemas, rest: Schemas) -> dict[str, Any]:
        properties = {
            **(rest.get("properties") or {}),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": f"{_REFS[style]}{_META}{meta}"},
            **more,
        }
        own = {"type": "object", "properties": properties}
        mark = [{"group": group, "version": version, "kind": name}]
        return {**rest, **own, "x-kubernetes-group-version-kind": mark}

    items = {"type": "array", "items": {"$ref": _REFS[style] + custom_name(kind.api_version, kind.kind)}}
    listed = f"{kind.kind}List"
    return {
        custom_name(kind.api_version, kind.kind): typed(
            kind.kind, "ObjectMeta", {}, kind.custom[kind.api_version].schema
        ),
        custom_name(kind.api_version, listed): typed(listed, "ListMeta", {"items": items}, {}),
    }


def custom_name(api_version: str, kind: str) -> str:
    """`stable.example.com/v1 CronTab` → `com.example.stable.v1.CronTab`."""
    group, _, version = api_version.rpartition("/")
    return ".".join((*reversed(group.split(".")), version, kind))


def _definition(kind: Kind, api_version: str, name: str) -> str | None:
    """What describes `name`, which is the kind itself, its list, or what a subresource takes."""
    if kind.custom and api_version == kind.api_version:
        return custom_name(api_version, name)
    return openapi.definition_of(KUBERNETES_VERSION, api_version, name)


def _names(kind: Kind) -> Iterator[str]:
    """The definitions of a kind, of its list, and of what its subresources take."""
    pairs = [(kind.api_version, kind.kind), (kind.api_version, f"{kind.kind}List")]
    pairs += [(sub.api_version or kind.api_version, sub.kind) for sub in discovery.subresources(kind)]
    for api_version, name in pairs:
        found = openapi.definition_of(KUBERNETES_VERSION, api_version, name)
        if found is not None:
            yield found


def _reachable(definitions: Schemas, start: Iterable[str]) -> set[str]:
    seen, waiting = set(start), list(start)
    while waiting:
        for name in _refs(definitions[waiting.pop()]):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield ref.removeprefix(_DEFINITIONS)
        for value in schema.values():
            yield from _refs(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _refs(value)


def _converted(schema: Schemas, style: Style) -> dict[str, Any]:
    """JSON Schema → OpenAPI: one type instead of a type or null, and no siblings of a `$ref`."""
    if "oneOf" in schema and "properties" not in schema:
        return _either(schema, style)
    new = {key: value for key, value in schema.items() if key not in ("$ref", "properties", "items", "enum")}
    if isinstance(new.get("type"), list):
        new["type"] = next(name for name in new["type"] if name != "null")
    if "properties" in schema:
        new["properties"] = {name: _converted(of, style) for name, of in schema["properties"].items()}
        new.setdefault("type", "object")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            new[key] = _converted(schema[key], style)
    if "$ref" not in schema:
        return new
    ref = {"$ref": _REFS[style] + schema["$ref"].removeprefix(_DEFINITIONS)}
    return {**new, "allOf": [ref]} if new and style == "v3" else {**new, **ref}


def _either(schema: Schemas, style: Style) -> dict[str, Any]:
    """A quantity, or an integer or a string: what Kubernetes publishes as a string with a format."""
    types = [t for way in schema["oneOf"] for t in way["type"] if t != "null"]
    rest = {key: value for key, value in schema.items() if key != "oneOf"}
    if style == "v3":
        return {**rest, "oneOf": [{"type": name} for name in types]}
    return {**rest, "type": "string", **({"format": "int-or-string"} if "integer" in types else {})}


# --- paths ------------------------------------------------------------------------------------------------


def _paths(kinds: Iterable[Kind], style: Style) -> Iterator[tuple[str, Any]]:
    for kind in kinds:
        place = f"/{root_of(kind.api_version)}"
        own = (
            f"{place}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{place}/{kind.plural}"
        )
        verbs = discovery.verbs(kind)
        if kind.namespaced and "list" in verbs:
            yield f"{place}/{kind.plural}", _item(kind, style, ("list",), of_all=True)
        yield own, _item(kind, style, [v for v in ("list", "create", "deletecollection") if v in verbs])
        on_one = [verb for verb in ("get", "update", "patch", "delete") if verb in verbs]
        if on_one:
            yield f"{own}/{{name}}", _item(kind, style, on_one, named=True)
        for sub in discovery.subresources(kind):
            yield f"{own}/{{name}}/{sub.name}", _item(kind, style, sub.verbs, named=True, sub=sub)


_METHODS = {
    "list": "get",
    "get": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_ACTIONS = {"create": "post", "update": "put"}
_WRITES = ("dryRun", "fieldManager", "fieldValidation")
_READS = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_DELETES = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_QUERY: Mapping[str, Sequence[str]] = {
    "list": _READS,
    "create": _WRITES,
    "update": _WRITES,
    "patch": (*_WRITES, "force"),
    "delete": _DELETES,
    "deletecollection": (*_READS[:-1], *_DELETES),
}
_TYPES = {
    "allowWatchBookmarks": "boolean",
    "force": "boolean",
    "gracePeriodSeconds": "integer",
    "limit": "integer",
    "orphanDependents": "boolean",
    "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer",
    "watch": "boolean",
}


def _item(
    kind: Kind,
    style: Style,
    verbs: Iterable[str],
    *,
    named: bool = False,
    of_all: bool = False,
    sub: Subresource | None = None,
) -> dict[str, Any]:
    item: dict[str, Any] = {
        _METHODS[verb]: _operation(kind, style, verb, sub, of_all=of_all) for verb in verbs
    }
    fixed = [
        name for name, there in (("name", named), ("namespace", kind.namespaced and not of_all)) if there
    ]
    item["parameters"] = [_parameter(name, style, place="path") for name in (*fixed,)]
    item["parameters"].append(_parameter("pretty", style))
    return item


def _operation(
    kind: Kind, style: Style, verb: str, sub: Subresource | None, *, of_all: bool
) -> dict[str, Any]:
    api_version, kind_name = kind.api_version, kind.kind
    if sub is not None:
        api_version, kind_name = sub.api_version or api_version, sub.kind
    group, _, version = api_version.rpartition("/")
    shown = f"{kind_name}List" if verb == "list" else kind_name
    operation: dict[str, Any] = {
        "operationId": _operation_id(kind, verb, sub, of_all=of_all),
        "parameters": [_parameter(name, style) for name in _QUERY.get(verb, ())],
        "responses": _responses(_definition(kind, api_version, shown), verb, style),
        "x-kubernetes-action": _ACTIONS.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind_name},
    }
    sent = _sent(_definition(kind, api_version, kind_name), verb)
    if sent is not None and style == "v3":
        types = _PATCHES if verb == "patch" else ("application/json", "application/yaml")
        operation["requestBody"] = {"content": {media: {"schema": _ref(sent, style)} for media in types}}
    elif sent is not None:
        operation["consumes"] = list(_PATCHES) if verb == "patch" else ["application/json"]
        operation["parameters"].append({"name": "body", "in": "body", "schema": _ref(sent, style)})
    return operation


def _operation_id(kind: Kind, verb: str, sub: Subresource | None, *, of_all: bool) -> str:
    group = kind.group.split(".")[0].capitalize() or "Core"
    version = kind.api_version.rpartition("/")[2].capitalize()
    scope = "Namespaced" if kind.namespaced and not of_all else ""
    what = {"get": "read", "update": "replace", "deletecollection": "deleteCollection"}.get(verb, verb)
    below = sub.name.capitalize() if sub else ""
    return f"{what}{group}{version}{scope}{kind.kind}{below}{'ForAllNamespaces' if of_all else ''}"


def _sent(own: str | None, verb: str) -> str | None:
    """The definition of what a request carries."""
    if verb in ("delete", "deletecollection"):
        return f"{_META}DeleteOptions"
    if verb == "patch":
        return f"{_META}Patch"
    if verb in ("create", "update"):
        return own
    return None


def _responses(name: str | None, verb: str, style: Style) -> dict[str, Any]:
    if verb in ("delete", "deletecollection"):
        name = f"{_META}Status"
    answer: dict[str, Any] = {"description": "OK"}
    if name is not None:
        schema = _ref(name, style)
        answer |= (
            {"schema": schema} if style == "v2" else {"content": {"application/json": {"schema": schema}}}
        )
    codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201")}
    return dict.fromkeys((*codes.get(verb, ("200",)), "401"), answer)


def _ref(name: str, style: Style) -> dict[str, Any]:
    if name == f"{_META}Patch":
        return {"type": "object"}
    return {"$ref": _REFS[style] + name}


def _parameter(name: str, style: Style, *, place: str = "query") -> dict[str, Any]:
    type_ = {"type": _TYPES.get(name, "string"), "uniqueItems": True}
    row: dict[str, Any] = {"name": name, "in": place}
    if place == "path":
        row["required"] = True
    return {**row, "schema": type_} if style == "v3" else {**row, **type_}
