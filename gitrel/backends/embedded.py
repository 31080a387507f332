"""The bundled Kubernetes as a backend: no sockets, no waiting, and a clock that may be virtual.

With the system clock, each call first plays what fell due since the last one; with a virtual clock, whoever
owns the clock plays the cluster. Calls come from one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gitrel.backends.backend import FIELD_OWNER, JSON_PATCH, Refused, as_read
from gitrel.clock import Clock
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.cluster.store.file import InUse
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, Ref, group_of, ref_of
from gitrel.repo.model import Environment

PATIENCE_SECONDS = 15.0
"""How long a pass of another process may take before its clusters count as out of reach."""


class EmbeddedBackend:
    """Implements `Backend` and `Exclusive` over one `Cluster`, which it closes with itself.

    Its memory is the cluster itself, so `recent` makes no difference, and a mark is good for all owners.
    """

    exclusive: Literal[True] = True

    def __init__(self, cluster: Cluster, clock: Clock | None = None) -> None:
        """`clock` is the virtual one that the cluster follows; None where it follows the system's itself."""
        self._cluster = cluster
        self._clock = clock
        self._closed = False

    def identity(self) -> str:
        uid: str = self._open().api.get("namespaces", "kube-system")["metadata"]["uid"]
        return uid

    def read(
        self, objects: Iterable[Mapping[str, Any]], *, recent: bool = False, coming: bool = False
    ) -> dict[Ref, Object]:
        api = self._open().api
        found: dict[Ref, Object] = {}
        for obj in objects:
            ref = ref_of(obj)
            try:
                found[ref] = api.get(api.resource_of(obj), ref.name, ref.namespace)
            except ApiError as error:
                if error.code != 404:
                    raise _refused(ref, error) from None
        return found

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        selector: Mapping[str, str] | None = None,
        *,
        recent: bool = False,
    ) -> Sequence[Object]:
        cluster = self._open()
        try:
            resource = cluster.api.resource_of({"apiVersion": api_version, "kind": kind})
        except ApiError as error:
            raise _refused(Ref(group_of(api_version), kind, namespace, ""), error) from None
        return cluster.reader.selected(resource, namespace, selector or {})

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        cluster = self._open()
        try:
            api = cluster.api.acting_as(FIELD_OWNER, dry_run=dry_run)
            applied = api.apply(dict(obj), force=force)
        except ApiError as error:
            raise _refused(ref_of(obj), error) from None
        if not dry_run:
            cluster.settle()
        return applied

    def patch(self, obj: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Object:
        cluster, ref = self._open(), ref_of(obj)
        try:
            api = cluster.api.acting_as(FIELD_OWNER)
            patched = api.patch(
                api.resource_of(obj), ref.name, as_read(obj, operations), ref.namespace, type_=JSON_PATCH
            )
        except ApiError as error:
            raise _refused(ref, error) from None
        cluster.settle()
        return patched

    def delete(self, obj: Mapping[str, Any]) -> bool:
        cluster, ref = self._open(), ref_of(obj)
        uid = (obj.get("metadata") or {}).get("uid")
        try:
            api = cluster.api.acting_as(FIELD_OWNER)
            api.delete(api.resource_of(obj), ref.name, ref.namespace, uid=uid, propagation="Background")
        except ApiError as error:
            if error.code == 404 or (error.code == 409 and uid):
                return False  # gone, or another object has its name now
            raise _refused(ref, error) from None
        cluster.settle()
        return True

    def changed_since(self, mark: str, owner: str = "") -> tuple[str, bool]:
        new = str(self._open().revision)
        return new, new != mark

    def next_change_due(self) -> datetime | None:
        return None if self._closed else self._cluster.next_due()

    def close(self) -> None:
        """Saves and lets go of the cluster; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._cluster.close()

    def _open(self) -> Cluster:
        """The cluster, as it is now."""
        if self._closed:
            raise Unreachable("the bundled cluster was closed")
        if self._clock is None:
            self._cluster.settle()
        elif self._is_behind(self._clock.now()):
            self._cluster.run_until(self._clock.now())
        return self._cluster

    def _is_behind(self, now: datetime) -> bool:
        """Whether anything is left to be played: nearly always nothing is, within one pass."""
        due = self._cluster.next_due()
        return self._cluster.now != now or (due is not None and due <= now)


def new_cluster(
    environment: Environment, *, start: datetime, seed: int = 0, rules: Iterable[Mapping[str, Any]] = ()
) -> Cluster:
    """A cluster in memory as the environment describes it; `rules` are behaviours beside its own."""
    return Cluster(spec_of(environment, seed, rules), clock_start=start)


def open_embedded(
    directory: Path, environment: Environment, clock: Clock, patience_seconds: float = PATIENCE_SECONDS
) -> EmbeddedBackend:
    """The environment's cluster as it is kept in `directory`, after playing what fell due meanwhile.

    One process at a time has it open. Others let go of it between their passes, so it is waited for;
    raises `Unreachable` where that takes longer than `patience_seconds`.
    """
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(InUse),
            stop=stop_after_delay(patience_seconds),
            wait=wait_fixed(0.05),
            reraise=True,
        ):
            with attempt:
                return EmbeddedBackend(Cluster.open(directory, spec_of(environment), clock=clock))
    except InUse as error:
        raise Unreachable(f"{environment.name}: {error}") from None
    raise AssertionError("unreachable: tenacity re-raises the last InUse")


def spec_of(environment: Environment, seed: int = 0, rules: Iterable[Mapping[str, Any]] = ()) -> ClusterSpec:
    """The cluster that `cluster: embedded` asks for; its nodes are named after the environment."""
    return ClusterSpec(
        name=environment.name,
        seed=seed,
        nodes=(NodePool(name=environment.name, count=environment.cluster.nodes),),
        behaviours=tuple(_plain(rule) for rule in (*environment.cluster.behaviours, *rules)),
    )


def _plain(value: Any) -> Any:
    """Without the read-only views in which a catalog hands out its values: a spec is kept as JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _refused(ref: Ref, error: ApiError) -> Refused:
    return Refused(ref, error.reason, error.message)
