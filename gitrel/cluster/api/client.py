"""The cluster as a stranger sees it: `cluster.api` checks everything and records who owns what, like
kubectl's server.

    api = cluster.api.acting_as("my-tool")
    api.apply({"apiVersion": "apps/v1", "kind": "Deployment", ...})
    api.get("deployments.apps", "web", "default")

Objects that are handed in are copied; objects that come back are the stored ones, shared, and must not be
edited. Nothing settles by itself: `cluster.settle()` lets the controllers act on what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from gitrel.cluster.api import errors, eviction, fieldselector, scale
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import Propagation
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.patching import Patcher, PatchType, Subresource
from gitrel.cluster.api.rbac.attributes import for_resource
from gitrel.cluster.api.rbac.authorizer import Authorizer, check
from gitrel.cluster.api.rbac.impersonation import Wanted, impersonated
from gitrel.cluster.api.rbac.user import ADMIN, User
from gitrel.cluster.api.schema import FieldValidation
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.store.cursor import Cursor
from gitrel.cluster.store.store import Expired
from gitrel.kube import selectors
from gitrel.kube.identity import Object


class Client:
    """All verbs raise ApiError. `resource` is `pods`, `deployments.apps`, …"""

    def __init__(
        self, handler: Handler, patcher: Patcher, request: Request, authorizer: Authorizer | None = None
    ) -> None:
        """Without an authorizer everything is allowed."""
        self._handler = handler
        self._patcher = patcher
        self._request = request
        self._authorizer = authorizer

    def acting_as(
        self,
        manager: str,
        *,
        user: User | None = None,
        dry_run: bool = False,
        field_validation: FieldValidation = "Strict",
        warn: Callable[[str], None] | None = None,
        annotate: Callable[[str, str], None] | None = None,
    ) -> Client:
        """The same cluster for another field manager, for another user, or as a dry run.

        A dry run stores nothing. `warn` gets the warnings of the API server, `annotate` what admission would
        write to its audit log. What `user` may not do raises ApiError 403, by the cluster's authorizer.
        """
        request = replace(
            self._request,
            manager=manager,
            stated_manager=manager,
            dry_run=dry_run,
            field_validation=field_validation,
            user=user or self._request.user,
            warn=warn or self._request.warn,
            annotate=annotate or self._request.annotate,
        )
        return Client(self._handler, self._patcher, request, self._authorizer)

    def impersonating(self, wanted: Wanted) -> Client:
        """As somebody else, which has to be allowed. Raises ApiError 403."""
        if self._authorizer is None:
            raise errors.bad_request("impersonation needs an authorizer")
        user = impersonated(self._authorizer, self._request.user, wanted)
        return self.acting_as(
            self._request.manager,
            user=user,
            dry_run=self._request.dry_run,
            field_validation=self._request.field_validation,
        )

    def _allow(
        self, verb: str, resource: str, namespace: str | None, name: str = "", subresource: str = ""
    ) -> None:
        """Raises ApiError 403 where the user may not."""
        user = self._request.user
        if user is not ADMIN and self._authorizer is not None:
            check(self._authorizer, user, for_resource(verb, resource, namespace or "", name, subresource))

    def _allow_write(self, verb: str, obj: Object, subresource: str = "") -> Kind:
        """The kind of an object that is about to be written. Raises ApiError 403 where it may not be."""
        kind, metadata = self._kind_of(obj), obj.get("metadata") or {}
        if not isinstance(metadata, Mapping):
            raise errors.bad_request("metadata has to be an object")
        name = "" if verb == "create" else metadata.get("name") or ""
        self._allow(verb, kind.resource, metadata.get("namespace"), name, subresource)
        return kind

    def _seen(self, kind: Kind, stored: Object, asked: Mapping[str, Any]) -> Object:
        """What was written, in the version in which it was written."""
        return kind.in_version(stored, asked["apiVersion"])

    def _as(self, kind: Kind, obj: Mapping[str, Any]) -> Request:
        """The request for an object that may be written in more than one version."""
        return replace(self._request, api_version=obj["apiVersion"]) if kind.served else self._request

    def resource_of(self, obj: Mapping[str, Any]) -> str:
        """The resource of an object by its apiVersion and kind."""
        return self._kind_of(obj).resource

    def _kind_of(self, obj: Mapping[str, Any]) -> Kind:
        return self._handler.scheme.kind(obj.get("apiVersion", ""), obj.get("kind", ""))

    # --- reading ------------------------------------------------------------------------------------------

    def get(self, resource: str, name: str, namespace: str = "") -> Object:
        self._allow("get", resource, namespace, name)
        return self._existing(resource, name, namespace)

    def _existing(self, resource: str, name: str, namespace: str) -> Object:
        kind = self._handler.scheme.resource(resource)
        found = self._handler.store.get(kind.resource, namespace, name)
        if found is None:
            raise errors.not_found(resource, name)
        return _in_own_version(kind, resource, found)

    def list(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Sequence[Object]:
        """In order of (namespace, name); `labels` and `fields` are selectors as kubectl takes them."""
        kind = self._handler.scheme.resource(resource)
        self._allow("list", resource, namespace)
        where = _filter(labels, fields)
        found = [obj for obj in self._handler.store.list(kind.resource, namespace) if where(obj)]
        return [_in_own_version(kind, resource, obj) for obj in found]

    def watch(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        since: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Cursor:
        """A cursor after the resourceVersion `since`, or from now on. Raises ApiError 410 when that is too
        old.
        """
        self._handler.scheme.resource(resource)
        self._allow("watch", resource, namespace)
        store = self._handler.store
        revision = _revision(since) if since else store.revision
        where = _filter(labels, fields)
        cursor = Cursor(store, resource, revision, namespace=namespace, where=where)
        try:
            store.changes_after(revision, 0)
        except Expired as gone:
            raise errors.expired(str(gone)) from None
        return cursor

    # --- writing ------------------------------------------------------------------------------------------

    def create(self, obj: Object) -> Object:
        kind = self._allow_write("create", obj)
        return self._seen(kind, self._handler.create(kind.resource, _own(obj), self._as(kind, obj)), obj)

    def update(self, obj: Object, subresource: Subresource = "") -> Object:
        kind, own = self._allow_write("update", obj, subresource), _own(obj)
        request = self._as(kind, obj)
        if subresource == "status":
            new = self._handler.update_status(kind.resource, own, request)
        elif subresource:
            new = self._handler.update_subresource(kind.resource, subresource, own, request)
        else:
            new = self._handler.update(kind.resource, own, request)
        return self._seen(kind, new, obj)

    def apply(self, obj: Object, *, force: bool = False, subresource: Subresource = "") -> Object:
        """Server-side apply; `force` takes over what belongs to other managers."""
        kind = self._allow_write("patch", obj, subresource)
        request = self._as(kind, obj)
        metadata = obj.get("metadata") or {}
        place = (metadata.get("namespace") or "", metadata.get("name") or "")
        if self._handler.store.get(kind.resource, *place) is None:
            self._allow_write("create", obj)
        new = self._patcher.apply(kind.resource, _own(obj), request, force=force, subresource=subresource)
        return self._seen(kind, new, obj)

    def patch(
        self,
        resource: str,
        name: str,
        body: Any,
        namespace: str = "",
        *,
        type_: PatchType = "application/strategic-merge-patch+json",
        subresource: Subresource = "",
    ) -> Object:
        self._allow("patch", resource, namespace, name, subresource)
        return self._patcher.patch(resource, namespace, name, _own(body), type_, self._request, subresource)

    def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: Propagation | None = None,
    ) -> Object | None:
        """None when it is gone at once, else the object that waits for its end."""
        self._allow("delete", resource, namespace, name)
        options = DeleteOptions(grace_seconds, propagation, uid)
        return self._handler.delete(resource, namespace, name, options, self._request)

    def delete_all(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        grace_seconds: int | None = None,
        propagation: Propagation | None = None,
    ) -> Sequence[Object]:
        """`deletecollection`: everything that the selectors choose; returns it as it was before."""
        self._allow("deletecollection", resource, namespace)
        where = _filter(labels, fields)
        kind = self._handler.scheme.resource(resource)
        found = [obj for obj in self._handler.store.list(kind.resource, namespace) if where(obj)]
        for obj in found:
            metadata = obj["metadata"]
            options = DeleteOptions(grace_seconds, propagation, metadata["uid"])
            place = metadata.get("namespace", "")
            self._handler.delete(resource, place, metadata["name"], options, self._request)
        return found

    def evict(
        self, name: str, namespace: str, *, grace_seconds: int | None = None, uid: str | None = None
    ) -> Object | None:
        """The `eviction` subresource of a pod, as `kubectl drain` uses it: asks disruption budgets first."""
        options = DeleteOptions(grace_seconds, None, uid)
        return eviction.evict(self._handler, namespace, name, options, self._request)

    # --- scale --------------------------------------------------------------------------------------------

    def get_scale(self, resource: str, name: str, namespace: str = "") -> Object:
        """The `scale` subresource. Raises ApiError 404 for kinds without one."""
        kind = self._handler.scheme.resource(resource)
        self._allow("get", resource, namespace, name, "scale")
        return scale.scale_of(kind, self._existing(resource, name, namespace))

    def scale(self, resource: str, name: str, replicas: int, namespace: str = "") -> Object:
        """Sets `spec.replicas`, as kubectl scale does; returns the Scale."""
        kind = self._handler.scheme.resource(resource)
        self._allow("update", resource, namespace, name, "scale")
        old = self._existing(resource, name, namespace)
        wanted = {"metadata": {}, "spec": {"replicas": replicas}}
        return scale.scale_of(kind, scale.rescaled(self._handler, kind, old, wanted, self._request))


def _in_own_version(kind: Kind, resource: str, obj: Object) -> Object:
    """In the version that `resource` names: `events.events.k8s.io` are Events of that group."""
    if kind.custom:
        return kind.to_stored(obj)
    if resource != kind.resource:
        return next(v.from_stored(obj) for v in kind.served if v.resource == resource)
    return obj


def _own(value: Any) -> Any:
    """A copy that the caller cannot reach. Raises ApiError 400 for what is not JSON."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (TypeError, orjson.JSONEncodeError) as wrong:
        raise errors.bad_request(f"the object is not JSON: {wrong}") from None


def _revision(text: str) -> int:
    if not text.isdecimal():
        raise errors.bad_request(
            f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def _filter(labels: str, fields: str) -> Callable[[Object], bool]:
    try:
        by_label = selectors.parse(labels)
    except ValueError as wrong:
        raise errors.bad_request(str(wrong)) from None
    by_field = fieldselector.parse(fields)

    def matches(obj: Object) -> bool:
        if not selectors.matches(by_label, obj["metadata"].get("labels") or {}):
            return False
        return by_field(obj)

    return matches
