"""scale, binding and eviction: the subresources that take another kind than the object they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitrel.cluster.api import errors, eviction, scale, scaleapply, schema
from gitrel.cluster.api.patch import json_patch, merge_patch
from gitrel.cluster.api.strategic import strategic_merge_patch
from gitrel.cluster.kinds.pods import BINDINGS
from gitrel.cluster.server import query, reading, writing
from gitrel.cluster.server.call import Call
from gitrel.cluster.server.query import WriteOptions
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_SCALE = ("autoscaling/v1", "Scale")


async def update_scale(call: Call) -> None:
    options = call.write_options()
    await _scaled(call, options, await call.value(options))


async def patch_scale(call: Call) -> None:
    options = call.write_options(applies=call.media() == writing.APPLY)
    body = await call.value(options)
    if call.media() == writing.APPLY:
        await _applied(call, options, body)
        return
    now = scale.scale_of(call.kind, reading.existing(call))
    match call.media():
        case "application/json-patch+json":
            new = json_patch(now, body)
        case "application/strategic-merge-patch+json":
            new = strategic_merge_patch(now, body, schema.type_of(*_SCALE))
        case "application/merge-patch+json":
            new = merge_patch(now, body)
        case other:
            raise errors.unsupported_media_type(f"{other} is not supported on the scale subresource")
    await _scaled(call, options, new)


async def _scaled(call: Call, options: WriteOptions, sent: Any) -> None:
    """Writes `spec.replicas` of the object behind the Scale. Raises ApiError."""
    wanted = writing.placed(call, sent, call.target.name)
    reading.existing(call)
    replicas = get(wanted, "spec", "replicas", default=0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise errors.bad_request(_NO_NUMBER)
    handler, request = call.cluster.handler, call.request(options)
    new = await call.engine.write(
        lambda: scale.rescaled(handler, call.kind, reading.existing(call), wanted, request)
    )
    await call.exchange.answer(200, scale.scale_of(call.kind, new), call.form().media, pretty=call.pretty)


_NO_NUMBER = 'Scale in version "v1" cannot be handled as a Scale: spec.replicas has to be a number'


async def _applied(call: Call, options: WriteOptions, sent: Any) -> None:
    """Server-side apply of a Scale, as a manager of `spec.replicas` alone. Raises ApiError."""
    config = writing.placed(call, sent, call.target.name)
    if (config.get("apiVersion"), config.get("kind")) != _SCALE:
        raise errors.bad_request(f"{config.get('kind')} in version {config.get('apiVersion')} is no Scale")
    spec = config.get("spec") or {}
    replicas = spec.get("replicas") if isinstance(spec, dict) else spec
    if replicas is not None and (isinstance(replicas, bool) or not isinstance(replicas, int)):
        raise errors.bad_request(_NO_NUMBER)
    request = call.request(options)
    if not request.manager:
        problem = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [problem])
    handler, kind, force = call.cluster.handler, call.kind, bool(options.force)

    def write() -> Object:
        old, now = reading.existing(call), handler.timestamp()
        scaled, owners = scaleapply.applied(kind, old, config, request.manager, force=force, now=now)
        return handler.update(kind.resource, scaled, replace(request, owners=owners, through="scale"))

    new = await call.engine.write(write)
    await call.exchange.answer(200, scale.scale_of(kind, new), call.form().media, pretty=call.pretty)


async def bind(call: Call) -> None:
    """What a scheduler of one's own does: puts a pod onto a node."""
    options = call.write_options()
    binding = writing.placed(call, await call.value(options), call.target.name)
    binding |= {"apiVersion": "v1", "kind": "Binding"}
    handler, request = call.cluster.handler, call.request(options)
    done = await call.engine.write(lambda: handler.create(BINDINGS, binding, request))
    await call.exchange.answer(201, done, call.form().media)


async def evict(call: Call) -> None:
    """Deletes the pod as a drain does, if its disruption budget allows."""
    options = call.write_options()
    sent = writing.placed(call, await call.value(options), call.target.name)
    body = sent.get("deleteOptions")
    deletion, dry_run = query.delete_options(b"", body if body is not None else {})
    request = call.request(replace(options, dry_run=options.dry_run or dry_run))
    handler = call.cluster.handler
    await call.engine.write(
        lambda: eviction.evict(handler, call.namespace, call.target.name, deletion, request)
    )
    await call.exchange.answer(201, success(201), call.form().media)


def success(code: int) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}
