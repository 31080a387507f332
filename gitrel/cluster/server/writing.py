"""create, update, patch, delete and deletecollection: from what was sent to the write path, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from gitrel.cluster.api import errors, listing
from gitrel.cluster.api.handler import Request
from gitrel.cluster.api.patching import PatchType
from gitrel.cluster.api.selection import where
from gitrel.cluster.server import bodies, query, reading
from gitrel.cluster.server.call import Call
from gitrel.kube.identity import Object

APPLY = "application/apply-patch+yaml"
_GIVEN_BACK = frozenset(
    ("pods", "services", "serviceaccounts", "podtemplates", "persistentvolumes", "persistentvolumeclaims",
     "resourcequotas")
)  # fmt: skip
"""Kinds whose deletion answers with the object; others answer with a Status (`ReturnDeletedObject`)."""


async def create(call: Call) -> None:
    options = call.write_options()
    obj = placed(call, await call.value(options))
    handler, request = call.cluster.handler, call.request(options)
    made = await call.engine.write(lambda: handler.create(call.kind.resource, obj, request))
    await call.give(201, made)


def placed(call: Call, sent: Any, name: str | None = None) -> Object:
    """What was sent, as the object at this path. Raises ApiError 400 where it says that it is another one."""
    if not isinstance(sent, dict):
        raise errors.bad_request(f"the body is no object of kind {call.kind.kind}")
    for key, type_ in (("apiVersion", str), ("kind", str), ("metadata", dict)):
        if sent.get(key) is not None and not isinstance(sent[key], type_):
            raise errors.bad_request(f"{key} has the wrong type")
    metadata = dict(sent.get("metadata") or {})
    if call.kind.namespaced:
        if metadata.get("namespace") not in (None, "", call.namespace):
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise errors.bad_request(message)
        metadata["namespace"] = call.namespace
    else:
        metadata.pop("namespace", None)
    if name is not None:
        if metadata.get("name") in (None, ""):
            metadata["name"] = name
        if metadata["name"] != name:
            said = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            raise errors.bad_request(said)
    return {**sent, "apiVersion": sent.get("apiVersion") or call.target.api_version, "metadata": metadata}


async def update(call: Call) -> None:
    options = call.write_options()
    obj = placed(call, await call.value(options), call.target.name)
    request = call.request(options)
    new = await call.engine.write(lambda: _updated(call, obj, request))
    await call.give(200, new)


def _updated(call: Call, obj: Object, request: Request) -> Object:
    handler, resource = call.cluster.handler, call.kind.resource
    match call.target.subresource:
        case "":
            return handler.update(resource, obj, request)
        case "status":
            return handler.update_status(resource, obj, request)
        case "finalize":
            return handler.finalize(resource, obj, request)
        case other:
            return handler.update_subresource(resource, other, obj, request)


async def patch(call: Call) -> None:
    media = call.media()
    if media == APPLY:
        await _apply(call)
        return
    options = call.write_options()
    if media not in bodies.PATCHES:
        raise errors.unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join((*bodies.PATCHES, APPLY))
        )
    body = await call.value(options)
    request, target = call.request(options), call.target
    new = await call.engine.write(
        lambda: call.patcher.patch(
            call.kind.resource,
            call.namespace,
            target.name,
            body,
            cast(PatchType, media),
            request,
            target.subresource,
            target.api_version,
        )
    )
    await call.give(200, new)


async def _apply(call: Call) -> None:
    options = call.write_options(applies=True)
    obj = placed(call, await call.value(options), call.target.name)
    there = call.store.get(call.kind.resource, call.namespace, call.target.name) is not None
    if not there:
        call.allow("create")
    request, force = call.request(options), bool(options.force)
    new = await call.engine.write(
        lambda: call.patcher.apply(
            call.kind.resource, obj, request, force=force, subresource=call.target.subresource
        )
    )
    await call.give(200 if there else 201, new)


# --- deletion ---------------------------------------------------------------------------------------------


async def _deletion_body(call: Call) -> Any:
    body = await call.exchange.body()
    if not body.strip():
        return None
    return bodies.decoded(body, call.media(), "Ignore", call.exchange.warnings.append)


async def delete(call: Call) -> None:
    options, dry_run = query.delete_options(call.exchange.query, await _deletion_body(call))
    request = replace(call.request(query.NO_WRITE_OPTIONS), dry_run=dry_run)
    old = reading.existing(call)
    handler = call.cluster.handler
    left = await call.engine.write(
        lambda: handler.delete(call.kind.resource, call.namespace, call.target.name, options, request)
    )
    if left is not None:
        # Only those who asked for it by name are told that the deletion goes on: others never expected it.
        await call.give(202 if options.propagation == "Foreground" else 200, left)
    elif call.kind.resource in _GIVEN_BACK:
        await call.give(200, old)
    else:
        await call.give(200, deleted(call, old["metadata"]))


def deleted(call: Call, metadata: Mapping[str, Any]) -> Object:
    details = {"name": metadata["name"], "kind": call.kind.plural, "uid": metadata["uid"]}
    if call.kind.group:
        details["group"] = call.kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def delete_collection(call: Call) -> None:
    """Everything that the selectors mean; what cannot be deleted stops it, as in Kubernetes."""
    listed = query.list_options(call.exchange.query)
    options, dry_run = query.delete_options(call.exchange.query, await _deletion_body(call))
    request = replace(call.request(query.NO_WRITE_OPTIONS), dry_run=dry_run)
    page = listing.page(
        call.store,
        call.kind.resource,
        call.target.namespace,
        where=where(call.kind, listed.labels, listed.fields),
        limit=listed.limit,
        token=listing.read_token(listed.token) if listed.token else None,
    )
    handler, resource = call.cluster.handler, call.kind.resource

    def delete_page() -> None:
        for obj in page.items:
            place = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            if call.store.get(resource, *place) is not None:
                handler.delete(resource, *place, options, request)

    await call.engine.write(delete_page)
    form = call.form()
    await call.exchange.answer(200, reading.document_of(call, page, form), form.media)
