"""The shape of every controller: what wakes it, and one level-based `reconcile` per key.

Controllers meet only through objects. They read indexes directly, write through the API's write path,
and return nothing: a later look is asked for with `Context.requeue_at`. A `reconcile` reads the time once,
from its context. The scheduler and the kubelet have this shape too.

Resources are named as Kubernetes names them in discovery: `pods`, `deployments.apps`, `jobs.batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

ANY = "*"
"""In `watches`: every resource that the controller does not name itself, also such as come later."""


class Key(NamedTuple):
    """What a controller works on: `namespace/name`; cluster-scoped names have an empty namespace."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the revision log: `old` is None for ADDED, `new` is the last state for DELETED."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: str
    old: Object | None
    new: Object
    revision: int


class Reader(Protocol):
    """Direct, consistent reads. Returned objects are shared and must never be edited in place."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None: ...

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Object]:
        """In order of (namespace, name); `None` means all namespaces."""
        ...

    def owned_by(self, resource: str, uid: str) -> Sequence[Object]:
        """Objects with any owner reference to `uid`, in order of (namespace, name)."""
        ...

    def selected(self, resource: str, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
        """Objects in the namespace that carry all of `labels`, by the label index."""
        ...

    def resources(self) -> Sequence[str]:
        """Every resource that has, or had, an object; in alphabetical order."""
        ...

    def on_node(self, node: str) -> Sequence[Object]:
        """Pods whose `spec.nodeName` is `node`."""
        ...


class Writer(Protocol):
    """The API's write path, as this controller's own user and field manager.

    Each call raises `gitrel.cluster.api.errors.ApiError` (code, reason, message) where Kubernetes would
    answer with a Status. The engine has one synchronous writer, so an object just read cannot be stale.
    """

    def create(self, resource: str, obj: Object) -> Object: ...

    def update(self, resource: str, obj: Object) -> Object: ...

    def update_status(self, resource: str, obj: Object) -> Object: ...

    def update_subresource(self, resource: str, subresource: str, obj: Object) -> Object:
        """One of the kind's own parts, such as a certificate request's `approval`."""
        ...

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: Literal["Foreground", "Background", "Orphan"] | None = None,
    ) -> Object | None: ...

    def bind(self, namespace: str, name: str, node: str) -> Object:
        """The pod's `binding` subresource; sets `PodScheduled` too."""
        ...

    def event(self, about: Object, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Records an Event; equal ones are counted up, not repeated."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Everything one `reconcile` may use. `now` is the only time it knows."""

    now: datetime
    read: Reader
    write: Writer
    requeue_at: Callable[[Key, datetime], None]
    """Look at the key again at that instant; the earliest request per key wins until it is looked at."""
    random: Callable[[], float]
    """In [0, 1), from the controller's own named stream of the cluster's seed."""


class Controller(Protocol):
    @property
    def name(self) -> str:
        """Unique, such as `deployment`; also the field manager and the name of its random stream."""
        ...

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]] | None]:
        """Resource (or `ANY`) → which keys a change of it wakes; None takes a resource out of `ANY`."""
        ...

    def reconcile(self, key: Key, context: Context) -> None:
        """Looks at what is, and moves it one step nearer to what is asked. Must be safe to repeat."""
        ...


class Kinds(Protocol):
    """The kinds of a cluster as they are now: definitions add to them while it runs."""

    def __iter__(self) -> Iterator[Kind]: ...

    def knows(self, resource: str) -> bool: ...

    def resource(self, resource: str) -> Kind: ...

    def find(self, api_version: str, kind: str) -> Kind | None: ...


@runtime_checkable
class Discovering(Protocol):
    """A controller that works on kinds which nobody knows when it is made."""

    def discover(self, kinds: Kinds) -> None:
        """Called once, before the first change."""
        ...


def own_key(change: Change, read: Reader) -> Iterable[Key]:
    """Wakes the object that changed."""
    metadata = change.new["metadata"]
    yield Key(metadata.get("namespace", ""), metadata["name"])
