"""watch: a stream of lines, read from a position in the log as fast as its client takes it.

A client that does not read holds up nobody: its position just stays behind, and once the log is compacted
past it, it is told so (410) and let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import randbelow
from typing import Any

import orjson

from gitrel.cluster.api.errors import ApiError, expired
from gitrel.cluster.api.selection import Where, where
from gitrel.cluster.server import query
from gitrel.cluster.server.call import Call
from gitrel.cluster.server.exchange import joined
from gitrel.cluster.server.negotiation import PLAIN, Form
from gitrel.cluster.server.query import ListOptions
from gitrel.cluster.store.cursor import Cursor, WatchEvent
from gitrel.cluster.store.store import Expired
from gitrel.kube.identity import Object

BOOKMARK_SECONDS = 60.0
_TIMEOUT_SECONDS_MIN = 1800
"""Watches without a timeout end after this long, or up to twice as long."""
_BATCH = 500
_PIECE_BYTES = 64 * 1024
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(slots=True)
class Watch:
    """One client's watch."""

    call: Call
    options: ListOptions
    form: Form
    where: Where | None
    cursor: Cursor
    initial: Sequence[Object]
    columns_told: bool = False


async def watch(call: Call) -> None:
    options = query.list_options(call.exchange.query)
    if not options.watch:
        options = replace(options, watch=True)
    if call.target.name:
        options = replace(options, fields=f"metadata.name={call.target.name}")
    found = _opened(call, options)
    with call.engine.hub.watch(call.kind.resource) as woken:
        await call.exchange.begin_stream()
        gone = asyncio.ensure_future(call.exchange.gone())
        gone.add_done_callback(lambda _: woken.set())
        try:
            await _stream(found, woken, gone)
        finally:
            gone.cancel()


def _opened(call: Call, options: ListOptions) -> Watch:
    """Raises ApiError 410 for a position that is gone, before anything is sent."""
    store, resource, namespace = call.store, call.kind.resource, call.target.namespace
    form = call.form()
    selected = where(call.kind, options.labels, options.fields)
    initial: Sequence[Object] = ()
    start = options.revision or store.revision
    wants_state = not options.revision if options.initial_events is None else options.initial_events
    if wants_state:
        initial = [o for o in store.list(resource, namespace) if selected is None or selected(o)]
        start = max(start, store.revision)
    elif start < store.compacted and not call.engine.hub.quiet_since(resource, start):
        raise expired(str(Expired(start, store.compacted)))
    cursor = Cursor(store, resource, start, namespace=namespace, where=selected)
    return Watch(call, options, form, selected, cursor, initial)


async def _stream(found: Watch, woken: asyncio.Event, gone: asyncio.Future[None]) -> None:
    call, options = found.call, found.options
    loop = asyncio.get_running_loop()
    seconds = options.timeout_seconds or _TIMEOUT_SECONDS_MIN + randbelow(_TIMEOUT_SECONDS_MIN)
    end = loop.time() + seconds
    bookmark_at = loop.time() + BOOKMARK_SECONDS if options.bookmarks else end
    await _send_initial(found)
    try:
        while not gone.done():
            woken.clear()
            if lines := _read(found):
                await _send(found, lines)
                continue
            now = loop.time()
            if now >= end or call.engine.hub.closing:
                break
            if now >= bookmark_at:
                await call.exchange.stream(_bookmark(found))
                bookmark_at = now + BOOKMARK_SECONDS
                continue
            await _until(woken, min(end, bookmark_at) - now)
    except ApiError as refused:
        await call.exchange.stream(orjson.dumps({"type": "ERROR", "object": refused.status()}) + b"\n")
    else:
        if options.bookmarks and not gone.done():
            await call.exchange.stream(_bookmark(found))
    await call.exchange.end_stream()


async def _send(found: Watch, lines: Sequence[bytes]) -> None:
    """Piece by piece, each when the one before is on its way: a client who does not read holds up one piece.

    The lines themselves are shared by all watches; only pieces are copied.
    """
    small: list[bytes] = []
    size = 0
    for line in lines:
        if small and size + len(line) > _PIECE_BYTES:
            await found.call.exchange.stream(joined(small))
            small, size = [], 0
        while len(line) > _PIECE_BYTES:
            await found.call.exchange.stream(line[:_PIECE_BYTES])
            line = line[_PIECE_BYTES:]
        small.append(line)
        size += len(line)
    await found.call.exchange.stream(joined(small))


async def _until(woken: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return


async def _send_initial(found: Watch) -> None:
    """What is there already, as ADDED, in batches; then the mark that it was all."""
    for start in range(0, len(found.initial), _BATCH):
        batch = found.initial[start : start + _BATCH]
        await _send(found, [_line(found, WatchEvent("ADDED", obj)) for obj in batch])
    found.initial = ()
    if found.options.initial_events:
        await found.call.exchange.stream(_bookmark(found, {_INITIAL_EVENTS_END: "true"}))


def _read(found: Watch) -> list[bytes]:
    """The next lines. Raises ApiError 410 for a reader that was too slow."""
    cursor, store = found.cursor, found.call.store
    lines: list[bytes] = []
    while not lines:
        if found.call.engine.hub.quiet_since(found.call.kind.resource, cursor.revision):
            cursor.revision = max(cursor.revision, store.revision)
            break
        try:
            lines = [_line(found, event) for event in cursor.read(_BATCH)]
        except Expired as gone:
            raise expired(str(gone)) from None
    return lines


def _line(found: Watch, event: WatchEvent) -> bytes:
    if found.form == PLAIN and found.call.target.api_version == found.call.kind.api_version:
        return found.call.engine.hub.frame(event)
    shaped = found.call.shaped(event.object, found.form, with_columns=not found.columns_told)
    found.columns_told = True
    return orjson.dumps({"type": event.type, "object": shaped}) + b"\n"


def _bookmark(found: Watch, annotations: dict[str, str] | None = None) -> bytes:
    """How far the watch has come: it can go on from there."""
    kind = found.call.kind
    metadata: dict[str, Any] = {"resourceVersion": str(found.cursor.revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    obj: Object = {"kind": kind.kind, "apiVersion": found.call.target.api_version, "metadata": metadata}
    if found.form.shape == "table":
        obj = found.call.table([], {"resourceVersion": metadata["resourceVersion"]}, found.form)
        if annotations:
            obj["metadata"]["annotations"] = annotations
    elif found.form.shape == "metadata":
        obj |= {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{found.form.version}"}
    return orjson.dumps({"type": "BOOKMARK", "object": obj}) + b"\n"
