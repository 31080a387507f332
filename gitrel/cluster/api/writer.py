"""The writer that a controller gets: the write path as its own user, trusted, and its events.

Equal events are counted up, and many similar ones become one: an event's name is derived from what makes it
similar, so the one to count up is found by name and nothing has to be remembered.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from gitrel.clock import parse_instant
from gitrel.cluster.api.correlating import calculate_place
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import Propagation
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.rbac.user import ADMIN, AUTHENTICATED, User, service_account
from gitrel.kube.identity import Object

_COMPONENTS = {
    "kubelet": "kubelet",
    "scheduler": "default-scheduler",
    "gitrel": "gitrel",
    "node-lifecycle": "node-controller",
}
"""Who an event says it is from; every other controller is called `<name>-controller`."""


_CERTIFICATES = service_account("kube-system", "certificate-controller")
_USERS = {
    "csrapproving": _CERTIFICATES,
    "csrsigning": _CERTIFICATES,
    "csrcleaner": _CERTIFICATES,
    "root-ca-certificate-publisher": service_account("kube-system", "root-ca-cert-publisher"),
    "serviceaccount-token": service_account("kube-system", "tokens-controller"),
    "garbagecollector": service_account("kube-system", "generic-garbage-collector"),
    "podgc": service_account("kube-system", "pod-garbage-collector"),
    "node-lifecycle": service_account("kube-system", "node-controller"),
    "ttlafterfinished": service_account("kube-system", "ttl-after-finished-controller"),
    "scheduler": User("system:kube-scheduler", (AUTHENTICATED,)),
    "kubelet": User("system:node:kubelet", ("system:nodes", AUTHENTICATED)),
    "gitrel": ADMIN,
}


def user_of(name: str) -> User:
    """Whom admission takes a controller for: in Kubernetes each has a service account of its own."""
    return _USERS.get(name) or service_account(
        "kube-system", f"{name.removesuffix('-controller')}-controller"
    )


class ControllerWriter:
    """Implements `Writer`."""

    def __init__(self, handler: Handler, name: str) -> None:
        self._handler = handler
        self._request = Request(name, trusted=True, user=user_of(name))
        self._component = _COMPONENTS.get(name, f"{name}-controller")

    def create(self, resource: str, obj: Object) -> Object:
        return self._handler.create(resource, obj, self._request)

    def update(self, resource: str, obj: Object) -> Object:
        """Also the `finalize` subresource of a namespace: all that a controller ever changes in one."""
        if resource == "namespaces":
            return self._handler.finalize(resource, obj, self._request)
        return self._handler.update(resource, obj, self._request)

    def update_status(self, resource: str, obj: Object) -> Object:
        return self._handler.update_status(resource, obj, self._request)

    def update_subresource(self, resource: str, subresource: str, obj: Object) -> Object:
        return self._handler.update_subresource(resource, subresource, obj, self._request)

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
        metadata = about["metadata"]
        namespace = metadata.get("namespace") or "default"
        store, now = self._handler.store, self._handler.timestamp()
        identity = (metadata["uid"], type_, reason, self._component)
        name, message, known = calculate_place(
            metadata["name"],
            identity,
            message,
            partial(store.get, "events", namespace),
            parse_instant(now),
        )
        if known is not None:
            counted = {**known, "message": message, "count": known["count"] + 1, "lastTimestamp": now}
            store.put("events", counted)
            return
        place = store.get("namespaces", "", namespace)
        if place is None or "deletionTimestamp" in place["metadata"]:
            return
        own = {
            "name": name,
            "namespace": namespace,
            "uid": self._handler.new_uid(),
            "creationTimestamp": now,
        }
        happened = {"reason": reason, "message": message, "type": type_, "count": 1}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": own,
            "involvedObject": _reference(about),
            **happened,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "eventTime": None,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
        }
        store.put("events", event)


def _reference(about: Object) -> Object:
    metadata = about["metadata"]
    reference = {
        "apiVersion": about["apiVersion"],
        "kind": about["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
    if "namespace" in metadata:
        reference["namespace"] = metadata["namespace"]
    return reference
