"""THE WRITE PATH: every change of every object goes through here, in the same order of steps.

create: decoding → namespace → metadata → defaults → admission that completes → preparation → validation →
allocation → admission that refuses → ownership → store. update: decoding → preconditions → what may not
change → defaults → admission → validation → generation → allocation → admission → ownership → store, or
removal when the last finalizer went. A write that changes nothing is not stored and takes no revision.

Controllers (`Request.trusted`) skip what only strangers get wrong: decoding and validation.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial

from gitrel.clock import format_instant
from gitrel.cluster.api import arriving, deletion, errors, metadata, ownership
from gitrel.cluster.api.admission.chain import OPEN, Chain, Gate, OpenGate
from gitrel.cluster.api.admission.plugin import Attributes, Operation
from gitrel.cluster.api.allocation import ServiceAllocator
from gitrel.cluster.api.binding import bind_as_asked, binding_of, bound
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.kept import (
    check_delete_preconditions,
    check_preconditions,
    is_unchanged,
    named,
    version_of,
    with_new_status,
    with_status_of,
)
from gitrel.cluster.api.moved import refuse_moved
from gitrel.cluster.api.request import Request, options_of
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.kinds import certificates
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.pods import BINDINGS
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.store.store import Store
from gitrel.kube.identity import Object

__all__ = ["Handler", "Request"]

Answer = Callable[[Object, Request], Object]


class Handler:
    """One per cluster. `now` is the engine's clock: creation and deletion times are taken from it."""

    def __init__(
        self,
        store: Store,
        scheme: Scheme,
        randomness: Randomness,
        now: Callable[[], datetime],
        services: ServiceAllocator,
        admission: Chain | None = None,
    ) -> None:
        self.store = store
        self._admission = admission or Chain()
        self.answers: dict[str, Answer] = {BINDINGS: partial(bind_as_asked, self)}
        """Who answers what is only asked: resource, such as `tokenreviews.authentication.k8s.io` → (checked
        question, request) → the question with its answer.
        """
        self.scheme = scheme
        self._randomness = randomness
        self._now = now
        self.completions: dict[str, Callable[[Object, Object | None, Request], Object]] = {
            "services": lambda new, old, request: services.complete(new, old),
            certificates.RESOURCE: lambda new, old, by: certificates.requested_by(new, old, by.user),
        }
        """Resource → (new, old, request) → the new object with what follows from others, or from who asks."""
        self.guards: dict[str, Callable[[Object, Object | None, Request], None]] = {}
        """Resource → (new, old, request): raises ApiError 403 where the user may not write this content."""
        self._stamped: datetime | None = None
        self._stamp = ""

    # --- create -------------------------------------------------------------------------------------------

    def create(self, resource: str, obj: Object, request: Request) -> Object:
        """Returns the object as stored. Raises ApiError."""
        kind = self.scheme.resource(resource)
        if not request.trusted:
            obj = arriving.decoded(kind, obj, request)
            if kind.stored and obj["metadata"].get("resourceVersion"):
                raise errors.bad_request("resourceVersion should not be set on objects to be created")
        namespace = arriving.namespace_for(kind, obj)
        if not kind.stored:
            return self._answered(kind, obj, request)
        with self._drawing(request):
            fresh = self._with_metadata(kind, obj, namespace)
        gate = self._gate("CREATE", kind, "", fresh, None, request)
        new = kind.prepare(gate.completed(kind.default(fresh)))
        if not request.trusted or gate.course.changed:
            arriving.refuse(kind, new, (*metadata.errors(new["metadata"], kind), *kind.validate(new)))
        with self._drawing(request):
            new = self._completed(kind, new, None, request)
        self._guard(kind, new, None, request)
        gate.check(new)
        if gate.course.called_out:
            # What was free before may be taken by now.
            self._completed(kind, new, None, request)
        return self._put(kind, self._owned(kind, None, new, request), request)

    def _drawing(self, request: Request) -> AbstractContextManager[None]:
        """Around what draws names and numbers: a dry run gives back what it drew."""
        return self._randomness.untouched() if request.dry_run else _DRAWS

    def _gate(
        self,
        operation: Operation,
        kind: Kind,
        subresource: str,
        obj: Object,
        old: Object | None,
        request: Request,
        deletion: DeleteOptions | None = None,
    ) -> Gate | OpenGate:
        """`obj` names what is written; for anything but a creation that is the one that is there."""
        if request.admitted:
            return OPEN

        def attributes() -> Attributes:
            metadata = obj["metadata"]
            return Attributes(
                operation,
                kind,
                subresource,
                metadata.get("namespace", ""),
                metadata["name"],
                old,
                self.store,
                self._now(),
                request.dry_run,
                request.warn,
                request.user,
                request.api_version or version_of(kind, obj),
                lambda: options_of(operation, request, deletion),
                request.annotate,
            )

        return self._admission.gate(operation, kind.resource, subresource, attributes)

    def _answered(self, kind: Kind, obj: Object, request: Request) -> Object:
        """A question: checked, answered, and not stored."""
        asked = kind.default({**obj, "apiVersion": kind.api_version, "kind": kind.kind})
        arriving.refuse(kind, asked, kind.validate(asked))
        answer = self.answers.get(kind.resource)
        if answer is None:
            raise errors.not_allowed(kind.resource, "create")
        return answer(asked, request)

    def _completed(self, kind: Kind, new: Object, old: Object | None, request: Request) -> Object:
        """With what only the whole cluster can tell, in the version that is stored."""
        complete = self.completions.get(kind.resource)
        if complete is not None:
            new = complete(new, old, request)
        return kind.to_stored(new) if kind.custom else new

    def _guard(self, kind: Kind, new: Object, old: Object | None, request: Request) -> None:
        guard = self.guards.get(kind.resource)
        if guard is not None and not request.trusted:
            guard(new, old, request)

    def _with_metadata(self, kind: Kind, obj: Object, namespace: str) -> Object:
        name = obj["metadata"].get("name") or self._generated_name(kind, obj, namespace)
        if name and self.store.get(kind.resource, namespace, name) is not None:
            raise errors.already_exists(kind.resource, name)
        fresh = metadata.fresh(
            obj,
            name=name,
            namespace=namespace,
            uid=self._randomness.uid(),
            now=self.timestamp(),
            generation=1 if kind.counted else None,
        )
        return {**obj, **named(kind, obj), "metadata": fresh}

    def _generated_name(self, kind: Kind, obj: Object, namespace: str) -> str:
        base = obj["metadata"].get("generateName")
        if not base:
            return ""

        def is_free(name: str) -> bool:
            return self.store.get(kind.resource, namespace, name) is None

        return metadata.generated_name(base, is_free, self._randomness.suffix)

    # --- update -------------------------------------------------------------------------------------------

    def update(self, resource: str, obj: Object, request: Request) -> Object:
        """Replaces everything but the status. Returns the stored (or removed) object. Raises ApiError."""
        kind, old, obj = self._existing(resource, obj, request)
        new = {**obj, **named(kind, obj)}
        new["metadata"] = metadata.carried_over(obj["metadata"], old["metadata"])
        if kind.status:
            new = with_status_of(new, old)
        gate = self._gate("UPDATE", kind, "", old, old, request)
        new = kind.prepare_update(gate.completed(kind.default(new)), old)
        if kind.counted and kind.counted(new) != kind.counted(old):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if not request.trusted or gate.course.changed:
            # What an update leaves as it was in a custom object is not looked at again.
            found = () if kind.custom else kind.validate(new)
            told = metadata.update_errors(new["metadata"], old["metadata"])
            arriving.refuse(kind, new, (*told, *found, *kind.validate_update(new, old)))
        new = self._completed(kind, new, old, request)
        self._guard(kind, new, old, request)
        gate.check(new)
        return self._replace(kind, old, new, request, "")

    def update_status(self, resource: str, obj: Object, request: Request) -> Object:
        """Replaces the status, and with it the annotations where some are sent; nothing else. Raises
        ApiError.

        Annotations written this way count for no generation: a Deployment's revision is
        (`pkg/registry/apps/deployment/strategy.go`).
        """
        kind, old, obj = self._existing(resource, obj, request)
        if not kind.status:
            raise errors.not_found(resource, obj["metadata"]["name"])
        if "status" in kind.subresources:
            return self._update_part(kind, "status", old, obj, request)
        new = with_new_status(kind, old, obj)
        annotations = obj["metadata"].get("annotations")
        if annotations and annotations != old["metadata"].get("annotations") and not kind.custom:
            new = {**new, "metadata": {**old["metadata"], "annotations": annotations}}
        gate = self._gate("UPDATE", kind, "status", old, old, request)
        new = gate.completed(new)
        if not request.trusted or gate.course.changed:
            sent = {**new, "apiVersion": obj["apiVersion"]} if kind.custom else new
            arriving.refuse(kind, sent, kind.validate_status(sent, old))
        gate.check(new)
        return self._replace(kind, old, new, request, "status")

    def update_subresource(self, resource: str, subresource: str, obj: Object, request: Request) -> Object:
        """One of `kind.subresources`, such as a request's `approval`. Raises ApiError 404 for any other."""
        kind, old, obj = self._existing(resource, obj, request)
        if subresource not in kind.subresources:
            raise errors.not_found(resource, obj["metadata"]["name"])
        return self._update_part(kind, subresource, old, obj, request)

    def _update_part(self, kind: Kind, name: str, old: Object, sent: Object, request: Request) -> Object:
        part = kind.subresources[name]
        gate = self._gate("UPDATE", kind, name, old, old, request)
        new = gate.completed(part.take(sent, old))
        if kind.counted and kind.counted(new) != kind.counted(old):
            generation = old["metadata"].get("generation", 0) + 1
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        if not request.trusted or gate.course.changed:
            arriving.refuse(kind, new, part.validate(new, old))
        gate.check(new)
        return self._replace(kind, old, new, request, name)

    def finalize(self, resource: str, obj: Object, request: Request) -> Object:
        """A namespace's `finalize` subresource: takes `spec.finalizers` from `obj`, and nothing else.

        The namespace goes when the last one does (`pkg/registry/core/namespace/storage`).
        """
        kind, old, obj = self._existing(resource, obj, request)
        finalizers = list((obj.get("spec") or {}).get("finalizers") or ())
        gate = self._gate("UPDATE", kind, "finalize", old, old, request)
        new = gate.completed({**old, "spec": {"finalizers": finalizers} if finalizers else {}})
        gate.check(new)
        return self._replace(kind, old, new, request, "finalize")

    def _existing(self, resource: str, obj: Object, request: Request) -> tuple[Kind, Object, Object]:
        """The kind, what is stored, and what was sent. Raises ApiError for what is missing or differs."""
        kind = self.scheme.resource(resource)
        if not request.trusted:
            obj = arriving.decoded(kind, obj, request)
        sent = obj["metadata"]
        name = sent.get("name") or ""
        old = self.store.get(kind.resource, sent.get("namespace") or "", name)
        if old is None:
            raise errors.not_found(resource, name)
        if kind.custom:
            old = kind.to_stored(old)
        check_preconditions(resource, old, sent.get("uid"), sent.get("resourceVersion"))
        if not sent.get("resourceVersion") and not kind.unconditional_update:
            problem = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
            raise errors.invalid(kind.kind, kind.group, name, [problem])
        return kind, old, obj

    def _replace(self, kind: Kind, old: Object, new: Object, request: Request, subresource: str) -> Object:
        if request.owners is None and is_unchanged(kind, new, old):
            return old
        new = self._owned(kind, old, new, request, subresource)
        if is_unchanged(kind, new, old):
            return old
        if deletion.finished(new, kind):
            return self._remove(kind, new, request)
        return self._put(kind, new, request)

    def _owned(
        self, kind: Kind, old: Object | None, new: Object, request: Request, subresource: str = ""
    ) -> Object:
        if request.owners is not None:
            return ownership.recorded(new, request.owners)
        if request.trusted and (subresource or not (old and old["metadata"].get("managedFields"))):
            return new
        place = subresource or request.through
        return ownership.taken_over(kind, old, new, request.manager, place, self.timestamp())

    # --- delete -------------------------------------------------------------------------------------------

    def delete(
        self, resource: str, namespace: str, name: str, options: DeleteOptions, request: Request
    ) -> Object | None:
        """None when it is gone at once, else the object that waits for its end. Raises ApiError."""
        kind = self.scheme.resource(resource)
        old = self.store.get(kind.resource, namespace, name)
        if old is None:
            raise errors.not_found(resource, name)
        check_delete_preconditions(kind, old, options.uid, options.resource_version)
        if why := kind.undeletable(old):
            raise errors.forbidden(resource, name, why)
        gate = self._gate("DELETE", kind, "", old, old, request, options)
        gate.completed(old)
        gate.check(old)
        verdict = deletion.decide(old, kind, options, self._now())
        if verdict.act == "keep":
            return old
        if verdict.act == "mark":
            return self._put(kind, verdict.object, request)
        self._remove(kind, verdict.object, request)
        return None

    # --- binding ------------------------------------------------------------------------------------------

    def bind(self, namespace: str, name: str, node: str, request: Request) -> Object:
        """The pod's `binding` subresource. Raises ApiError 409 where it has a node, or is leaving."""
        pod = self.store.get("pods", namespace, name)
        if pod is None:
            raise errors.not_found("pods", name)
        kind, where = self.scheme.resource("pods"), self.store.get("nodes", "", node)
        new = bound(pod, node, self.timestamp(), where)
        self.admit("CREATE", "pods", "binding", pod, binding_of(pod, node), None, request)
        return self._put(kind, new, request)

    def admit(
        self,
        operation: Operation,
        resource: str,
        subresource: str,
        obj: Object,
        sent: Object,
        old: Object | None,
        request: Request,
    ) -> Object:
        """What is asked of an object and is none of its kind, such as a Scale, as it was completed."""
        kind = self.scheme.resource(resource)
        gate = self._gate(operation, kind, subresource, obj, old, request)
        new = gate.completed(sent)
        gate.check(new)
        if gate.course.called_out:
            refuse_moved(self.store, kind.resource, obj, obj)
        return new

    # --- the ends -----------------------------------------------------------------------------------------

    def new_uid(self) -> str:
        return self._randomness.uid()

    def timestamp(self) -> str:
        """Now, in whole seconds, as Kubernetes writes it; formatted once for each instant."""
        now = self._now()
        if now is not self._stamped:
            self._stamped = now
            self._stamp = format_instant(now.replace(microsecond=0))
        return self._stamp

    def _put(self, kind: Kind, obj: Object, request: Request) -> Object:
        return obj if request.dry_run else self.store.put(kind.resource, obj)

    def _remove(self, kind: Kind, obj: Object, request: Request) -> Object:
        if request.dry_run:
            return obj
        return self.store.remove(kind.resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


_DRAWS = nullcontext()
