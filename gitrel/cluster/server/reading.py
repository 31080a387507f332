"""get and list."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api import errors, listing, scale, tables
from gitrel.cluster.api.selection import where
from gitrel.cluster.server import query
from gitrel.cluster.server.call import Call
from gitrel.cluster.server.negotiation import Form
from gitrel.kube.identity import Object


def existing(call: Call) -> Object:
    """The object that the path names. Raises ApiError 404."""
    found = call.store.get(call.kind.resource, call.namespace, call.target.name)
    if found is None:
        raise errors.not_found(call.kind.resource, call.target.name)
    return found


async def get(call: Call) -> None:
    if call.exchange.query:
        asked = query.revision(query.text(query.parsed(call.exchange.query), "resourceVersion"))
        if asked is not None and asked > call.store.revision:
            raise listing.too_large(asked, call.store.revision)
    obj = existing(call)
    if call.target.subresource == "scale":
        obj = scale.scale_of(call.kind, obj)
        await call.exchange.answer(200, obj, call.form().media, pretty=call.pretty)
        return
    await call.give(200, obj)


async def list_(call: Call) -> None:
    options = query.list_options(call.exchange.query)
    form = call.form()
    if options.revision and options.revision > call.store.revision:
        raise listing.too_large(options.revision, call.store.revision)
    # Any other revision is a lower bound, and the newest state is never older than it.
    at = options.revision if options.match == "Exact" else None
    page = listing.page(
        call.store,
        call.kind.resource,
        call.target.namespace,
        where=where(call.kind, options.labels, options.fields),
        limit=options.limit,
        token=listing.read_token(options.token) if options.token else None,
        at=at,
    )
    document = document_of(call, page, form)
    await call.exchange.answer(200, document, form.media, pretty=call.pretty)


def document_of(call: Call, page: listing.Page, form: Form) -> Object:
    """The list object, the Table, or the list of metadata."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.token:
        metadata["continue"] = page.token
        if page.remaining:
            metadata["remainingItemCount"] = page.remaining
    if form.shape == "table":
        return call.table(list(page.items), metadata, form)
    if form.shape == "metadata":
        kind, api_version = "PartialObjectMetadataList", f"meta.k8s.io/{form.version}"
        items = [tables.partial(obj, form.version) for obj in page.items]
    else:
        kind, api_version = f"{call.kind.kind}List", call.target.api_version
        items = [untyped(call.seen(obj)) for obj in page.items]
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}


def untyped(obj: Object) -> Object:
    """An item of a list, which says its type once for all of them."""
    return {key: value for key, value in obj.items() if key != "kind" and key != "apiVersion"}
