"""The writer that a controller gets: the write path as its own user, trusted, and its events.

Equal events are counted up: an event's name is derived from what makes it equal, so the one to count up is
found by name and nothing has to be remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from gitrel.clock import format_instant
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import Propagation
from gitrel.cluster.api.handler import Handler, Request
from gitrel.kube.identity import Object

MESSAGE_MAX = 1024
"""Characters of an event's message; the rest is cut (client-go `tools/record`)."""


class ControllerWriter:
    """Implements `Writer`."""

    def __init__(
        self, handler: Handler, name: str, now: Callable[[], datetime], *, component: str = ""
    ) -> None:
        self._handler = handler
        self._request = Request(name, trusted=True)
        self._now = now
        self._component = component or name

    def create(self, resource: str, obj: Object) -> Object:
        return self._handler.create(resource, obj, self._request)

    def update(self, resource: str, obj: Object) -> Object:
        """Also the `finalize` subresource of a namespace: all that a controller ever changes in one."""
        if resource == "namespaces":
            return self._handler.finalize(resource, obj, self._request)
        return self._handler.update(resource, obj, self._request)

    def update_status(self, resource: str, obj: Object) -> Object:
        return self._handler.update_status(resource, obj, self._request)

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: Propagation | None = None,
    ) -> Object | None:
        options = DeleteOptions(grace_seconds, propagation, uid)
        return self._handler.delete(resource, namespace, name, options, self._request)

    def bind(self, namespace: str, name: str, node: str) -> Object:
        return self._handler.bind(namespace, name, node, self._request)

    def event(self, about: Object, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Creates the Event, or counts an equal one up; in a namespace that is going away, does nothing."""
        now = format_instant(self._now().replace(microsecond=0))
        metadata = about["metadata"]
        namespace = metadata.get("namespace") or "default"
        identity = "\0".join((metadata["uid"], type_, reason, message, self._component))
        name = f"{metadata['name']}.{blake2b(identity.encode(), digest_size=8).hexdigest()}"
        store = self._handler.store
        known = store.get("events", namespace, name)
        if known is not None:
            store.put("events", {**known, "count": known["count"] + 1, "lastTimestamp": now})
            return
        place = store.get("namespaces", "", namespace)
        if place is None or place["metadata"].get("deletionTimestamp"):
            return
        store.put(
            "events",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "uid": self._handler.new_uid(),
                    "creationTimestamp": now,
                },
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {}),
                    "uid": metadata["uid"],
                    "resourceVersion": metadata["resourceVersion"],
                },
                "reason": reason,
                "message": message[:MESSAGE_MAX],
                "source": {"component": self._component},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": type_,
                "eventTime": None,
                "reportingComponent": self._component,
                "reportingInstance": "",
            },
        )
