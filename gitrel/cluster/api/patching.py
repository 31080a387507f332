"""PATCH in its four media types, and apply: what is asked for is worked out here and written by the handler.

JSON patch, merge patch and strategic merge patch change what is stored and write it like an update. An apply
says what one manager wants, merges it and settles who owns what first; it creates what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from gitrel.cluster.api import errors, ownership, schema
from gitrel.cluster.api.apply import applying
from gitrel.cluster.api.apply.fieldset import NotAssociative
from gitrel.cluster.api.apply.managers import Manager
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.patch import json_patch, merge_patch
from gitrel.cluster.api.schema import type_for
from gitrel.cluster.api.strategic import strategic_merge_patch
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

PatchType = Literal[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
]
Subresource = str
"""`status`, one of the kind's own `subresources`, or empty for the object itself."""


class Patcher:
    """Works out what the handler is to write."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        body: Any,
        type_: PatchType,
        request: Request,
        subresource: Subresource = "",
        api_version: str = "",
    ) -> Object:
        """Patches the object as it is read in `api_version`, or as it is stored.

        Raises ApiError 415 for a media type that is none of the three, and all that an update raises.
        """
        kind = self._handler.scheme.resource(resource)
        live = self._handler.store.get(kind.resource, namespace, name)
        if live is None:
            raise errors.not_found(resource, name)
        if api_version and not kind.custom:
            live = kind.in_version(live, api_version)
        patched = _patched(kind, live, body, type_)
        if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
            says = f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
            raise errors.bad_request(says)
        sent = patched["metadata"]
        for field in ("name", "namespace", "uid"):
            if sent.get(field) != live["metadata"].get(field):
                problem = errors.invalid_value(f"metadata.{field}", sent.get(field), "field is immutable")
                raise errors.invalid(kind.kind, kind.group, name, [problem])
        return self._write(resource, patched, request, subresource)

    def _write(self, resource: str, obj: Object, request: Request, subresource: Subresource) -> Object:
        if subresource == "status":
            return self._handler.update_status(resource, obj, request)
        if subresource:
            return self._handler.update_subresource(resource, subresource, obj, request)
        return self._handler.update(resource, obj, request)

    def apply(
        self,
        resource: str,
        config: Object,
        request: Request,
        *,
        force: bool = False,
        subresource: Subresource = "",
    ) -> Object:
        """Server-side apply as `request.manager`. Raises ApiError 409 with every conflict."""
        kind = self._handler.scheme.resource(resource)
        live = self._live(kind, config, subresource)
        config = _only(self._configuration(kind, config, request), subresource)
        now = self._handler.timestamp()
        manager = Manager(request.manager, "Apply", kind.api_version, subresource)
        owners = ownership.owners_of(kind, live, now, subresource)
        type_ = type_for(kind)
        try:
            applied = applying.apply(live, config, type_, owners, manager, force=force, now=now)
        except NotAssociative as wrong:
            raise errors.bad_request(f"failed to create typed patch object: {wrong}") from None
        request = replace(request, owners=applied.managers)
        if live is None:
            return self._handler.create(resource, applied.object, request)
        return self._write(resource, applied.object, request, subresource)

    def _live(self, kind: Kind, config: Object, subresource: Subresource) -> Object | None:
        """What is there already, of which alone a part can be applied. Raises ApiError 404."""
        metadata = config.get("metadata")
        named = metadata if isinstance(metadata, Mapping) else {}
        namespace, name = named.get("namespace") or "", named.get("name") or ""
        live = self._handler.store.get(kind.resource, namespace, name)
        if live is None and subresource:
            raise errors.not_found(kind.resource, name)
        return live

    def _configuration(self, kind: Kind, config: Object, request: Request) -> Object:
        """What was sent, decoded; it must name itself and may not carry a record of owners."""
        if not request.manager:
            problem = errors.required("fieldManager", "is required for apply patch")
            raise errors.invalid("PatchOptions", "meta.k8s.io", "", [problem])
        config = {**config, "apiVersion": config.get("apiVersion") or kind.api_version, "kind": kind.kind}
        if not kind.serves(config["apiVersion"]):
            raise errors.bad_request(f"{kind.kind} is not served in version {config['apiVersion']!r}")
        config = _typed(kind, config)
        metadata = config.get("metadata") or {}
        if metadata.get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        if not metadata.get("name"):
            raise errors.bad_request("metadata.name is required for apply patch")
        return config if kind.custom else kind.to_stored(config)


def _typed(kind: Kind, config: Object) -> Object:
    """To the letter: whoever applies a field owns it, be it null or empty.

    A field that the type does not have is always refused, as nobody could own it.
    """
    unknown: list[str] = []
    schema.decoded(kind, config, "Warn", unknown.append)
    if unknown:
        paths = [said.removeprefix('unknown field "').removesuffix('"') for said in unknown]
        raise _untyped(kind, config, [f".{path}: field not declared in schema" for path in sorted(paths)])
    return config


def _untyped(kind: Kind, config: Object, told: Sequence[str]) -> errors.ApiError:
    metadata = config.get("metadata") or {}
    which = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    why = told[0] if len(told) == 1 else "\n".join(["errors:", *(f"  {one}" for one in told)])
    kind_ = f"{config['apiVersion']}, Kind={kind.kind}"
    return errors.ApiError(500, "", f"failed to create typed patch object ({which}; {kind_}): {why}")


def _only(config: Object, subresource: str) -> Object:
    """What an apply to this (sub)resource can say; anything else in it is ignored, as in Kubernetes."""
    ignored = "spec" if subresource == "status" else "status"
    return {key: value for key, value in config.items() if key != ignored}


def _patched(kind: Kind, live: Object, body: Any, type_: str) -> Any:
    match type_:
        case "application/json-patch+json":
            return json_patch(live, body)
        case "application/merge-patch+json":
            return merge_patch(live, body)
        case "application/strategic-merge-patch+json" if not kind.custom:
            return strategic_merge_patch(live, body, type_for(kind, live["apiVersion"]))
        case _:
            accepted = [name for name in get_args(PatchType) if not (kind.custom and "strategic" in name)]
            message = (
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join((*accepted, "application/apply-patch+yaml"))
            )
            raise errors.unsupported_media_type(message)
