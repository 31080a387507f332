"""THE WRITE PATH: every change of every object goes through here, in the same order of steps.

create: kind → namespace → metadata → defaults → preparation → validation → store. update: existing →
preconditions → what may not change → defaults → validation → generation → store, or removal when the last
finalizer went. A write that changes nothing is not stored and takes no revision.

Controllers (`Request.trusted`) skip what only strangers get wrong: validation and the check of names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gitrel.clock import format_instant
from gitrel.cluster.api import deletion, errors, metadata
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import FieldError
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.store.store import Store
from gitrel.kube.conditions import with_condition
from gitrel.kube.identity import Object


@dataclass(frozen=True, slots=True)
class Request:
    """Who writes and how. `manager` is the field manager."""

    manager: str
    trusted: bool = False
    dry_run: bool = False


class Handler:
    """One per cluster. `now` is the engine's clock: creation and deletion times are taken from it."""

    def __init__(
        self, store: Store, scheme: Scheme, randomness: Randomness, now: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.scheme = scheme
        self._randomness = randomness
        self._now = now

    # --- create -------------------------------------------------------------------------------------------

    def create(self, resource: str, obj: Object, request: Request) -> Object:
        """Returns the object as stored. Raises ApiError."""
        kind = self.scheme.resource(resource)
        namespace = self._namespace_for(kind, obj)
        named = self._with_metadata(kind, obj, namespace)
        new = kind.prepare(kind.default(named))
        if not request.trusted:
            self._refuse(kind, new, (*metadata.errors(new["metadata"], kind), *kind.validate(new)))
        return self._put(kind, new, request)

    def _namespace_for(self, kind: Kind, obj: Object) -> str:
        """The namespace that takes the new object. Raises ApiError where it is missing or on its way out."""
        namespace: str = obj["metadata"].get("namespace") or ""
        if not kind.namespaced:
            return ""
        if not namespace:
            raise errors.bad_request("an empty namespace may not be set during creation")
        place = self.store.get("namespaces", "", namespace)
        if place is None:
            raise errors.not_found("namespaces", namespace)
        if place["metadata"].get("deletionTimestamp"):
            name = obj["metadata"].get("name") or obj["metadata"].get("generateName") or ""
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.forbidden(kind.resource, name, why, cause)
        return namespace

    def _with_metadata(self, kind: Kind, obj: Object, namespace: str) -> Object:
        name = obj["metadata"].get("name") or self._generated_name(kind, obj, namespace)
        if name and self.store.get(kind.resource, namespace, name) is not None:
            raise errors.already_exists(kind.resource, name)
        fresh = metadata.fresh(
            obj,
            name=name,
            namespace=namespace,
            uid=self._randomness.uid(),
            now=self._timestamp(),
            generation=1 if kind.counted else None,
        )
        return {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": fresh}

    def _generated_name(self, kind: Kind, obj: Object, namespace: str) -> str:
        base = obj["metadata"].get("generateName")
        if not base:
            return ""
        name = ""
        for _ in range(metadata.GENERATE_TRIES):
            name = base[: metadata.GENERATED_NAME_BASE_MAX] + self._randomness.suffix()
            if self.store.get(kind.resource, namespace, name) is None:
                break
        return name

    # --- update -------------------------------------------------------------------------------------------

    def update(self, resource: str, obj: Object, request: Request) -> Object:
        """Replaces everything but the status. Returns the stored (or removed) object. Raises ApiError."""
        kind, old = self._existing(resource, obj)
        new = {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
        new["metadata"] = metadata.carried_over(obj["metadata"], old["metadata"])
        if kind.status:
            new = _with_status_of(new, old)
        new = kind.prepare_update(kind.default(new), old)
        if kind.counted and kind.counted(new) != kind.counted(old):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if not request.trusted:
            found = (*metadata.update_errors(new["metadata"], old["metadata"]), *kind.validate(new))
            self._refuse(kind, new, (*found, *kind.validate_update(new, old)))
        if new == old:
            return old
        if deletion.finished(new, kind):
            return self._remove(kind, new, request)
        return self._put(kind, new, request)

    def update_status(self, resource: str, obj: Object, request: Request) -> Object:
        """Replaces the status and nothing else. Raises ApiError."""
        kind, old = self._existing(resource, obj)
        if not kind.status:
            raise errors.not_found(resource, obj["metadata"]["name"])
        status = obj.get("status") or {}
        if status == old.get("status"):
            return old
        return self._put(kind, {**old, "status": status}, request)

    def _existing(self, resource: str, obj: Object) -> tuple[Kind, Object]:
        kind = self.scheme.resource(resource)
        sent = obj["metadata"]
        name = sent.get("name") or ""
        old = self.store.get(resource, sent.get("namespace") or "", name)
        if old is None:
            raise errors.not_found(resource, name)
        self._check_preconditions(resource, old, sent.get("uid"), sent.get("resourceVersion"))
        if not sent.get("resourceVersion") and not kind.unconditional_update:
            problem = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
            raise errors.invalid(kind.kind, kind.group, name, [problem])
        return kind, old

    def _check_preconditions(self, resource: str, old: Object, uid: str | None, revision: str | None) -> None:
        stored = old["metadata"]
        if uid and uid != stored["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored['uid']}"
            raise errors.conflict(resource, stored["name"], why)
        if revision and revision != stored["resourceVersion"]:
            raise errors.conflict(resource, stored["name"])

    # --- delete -------------------------------------------------------------------------------------------

    def delete(
        self, resource: str, namespace: str, name: str, options: DeleteOptions, request: Request
    ) -> Object | None:
        """None when it is gone at once, else the object that waits for its end. Raises ApiError."""
        kind = self.scheme.resource(resource)
        old = self.store.get(resource, namespace, name)
        if old is None:
            raise errors.not_found(resource, name)
        self._check_preconditions(resource, old, options.uid, options.resource_version)
        if why := kind.undeletable(old):
            raise errors.forbidden(resource, name, why)
        verdict = deletion.decide(old, kind, options, self._now())
        if verdict.act == "keep":
            return old
        if verdict.act == "mark":
            return self._put(kind, verdict.object, request)
        self._remove(kind, verdict.object, request)
        return None

    # --- binding ------------------------------------------------------------------------------------------

    def bind(self, namespace: str, name: str, node: str, request: Request) -> Object:
        """The pod's `binding` subresource (`pkg/registry/core/pod/storage/storage.go` BindingREST)."""
        pod = self.store.get("pods", namespace, name)
        if pod is None:
            raise errors.not_found("pods", name)
        if pod["metadata"].get("deletionTimestamp"):
            why = f"pod {name} is being deleted, cannot be assigned to a host"
            raise errors.conflict("pods/binding", name, why)
        if pod["spec"].get("nodeName"):
            why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise errors.conflict("pods/binding", name, why)
        status = pod.get("status") or {}
        scheduled = with_condition(status.get("conditions"), "PodScheduled", "True", now=self._timestamp())
        bound = {
            **pod,
            "spec": {**pod["spec"], "nodeName": node},
            "status": {**status, "conditions": scheduled},
        }
        return self._put(self.scheme.resource("pods"), bound, request)

    # --- the ends -----------------------------------------------------------------------------------------

    def new_uid(self) -> str:
        return self._randomness.uid()

    def _timestamp(self) -> str:
        return format_instant(self._now().replace(microsecond=0))

    def _refuse(self, kind: Kind, obj: Object, found: Iterable[FieldError]) -> None:
        if problems := list(found):
            raise errors.invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), problems)

    def _put(self, kind: Kind, obj: Object, request: Request) -> Object:
        return obj if request.dry_run else self.store.put(kind.resource, obj)

    def _remove(self, kind: Kind, obj: Object, request: Request) -> Object:
        if request.dry_run:
            return obj
        return self.store.remove(kind.resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _with_status_of(new: Object, old: Object) -> Object:
    if "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)
    return new
