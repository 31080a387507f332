"""The EndpointSlice controller: for each Service with a selector, the slices that list its pods.

Kubernetes `pkg/controller/endpointslice` and `staging/src/k8s.io/endpointslice/reconciler.go`. The slices of
a Service that is gone are the garbage collector's: they carry an owner reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.batches import is_namespace_terminating
from gitrel.cluster.controllers.claiming import controller_reference
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.echo import Echo
from gitrel.cluster.controllers.endpointslice.endpoint import (
    Endpoint,
    Ports,
    calculate_endpoint,
    is_listed,
    ports_of,
    resolve_ports,
    says_the_same,
)
from gitrel.cluster.controllers.endpointslice.packing import calculate_packing
from gitrel.cluster.controllers.endpointslice.selecting import SERVICES, ServiceFile, selector_of
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.identity import Object, controller_of, labels_of

SLICES = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"


class EndpointSliceController:
    name = "endpointslice"

    def __init__(self) -> None:
        self._services = ServiceFile()
        self._echo = Echo()

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {SERVICES: self._service_keys, "pods": self._pod_keys, SLICES: self._slice_keys}

    def _service_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        self._services.follow(change)
        return own_key(change, read)

    def _pod_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        old, new = change.old, change.new
        if change.type == "MODIFIED" and old is not None:
            if says_the_same(old, new):
                return ()
            if labels_of(old) != labels_of(new):
                return (*self._services.keys(old, read), *self._services.keys(new, read))
        return self._services.keys(new, read) if is_listed(new) or change.type != "ADDED" else ()

    def _slice_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        """Wakes the Service of a slice that somebody else changed or took away."""
        labels = labels_of(change.new)
        if not self._echo.sounding and labels.get(MANAGED_BY) == MANAGER and labels.get(SERVICE_NAME):
            yield Key(change.new["metadata"]["namespace"], labels[SERVICE_NAME])

    def reconcile(self, key: Key, context: Context) -> None:
        service = context.read.get(SERVICES, *key)
        if service is None or not selector_of(service) or is_deleting(service):
            return
        ours = {SERVICE_NAME: key.name, MANAGED_BY: MANAGER}
        existing = [s for s in context.read.selected(SLICES, key.namespace, ours) if not is_deleting(s)]
        pods = [p for p in context.read.selected("pods", key.namespace, selector_of(service)) if is_listed(p)]
        with self._echo:
            _sync_slices(service, existing, pods, context)


def _sync_slices(
    service: Object, existing: Sequence[Object], pods: Sequence[Object], context: Context
) -> None:
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    for family in families:
        slices = [s for s in existing if s["addressType"] == family]
        _sync_family(service, family, slices, pods, context)
    # Slices of a family that the Service no longer has.
    for stray in existing:
        if stray["addressType"] not in families:
            _delete(stray, context)


def _sync_family(
    service: Object, family: str, existing: Sequence[Object], pods: Sequence[Object], context: Context
) -> None:
    by_name = {s["metadata"]["name"]: s for s in existing}
    desired = _group_endpoints(service, family, pods, context.read)
    # Slices of another Service of this name that is gone, or of ports that nobody has any more, are spare.
    present: dict[Ports, dict[str, Sequence[Endpoint]]] = {ports: {} for ports in desired}
    spare: list[str] = []
    for name, slice_ in by_name.items():
        group = present.get(ports_of(slice_))
        if group is None or not _is_owned(slice_, service):
            spare.append(name)
        else:
            group[name] = slice_.get("endpoints") or ()
    wanted: list[tuple[Ports, Sequence[Endpoint]]] = []
    for ports, endpoints in desired.items():
        packing = calculate_packing(present[ports], endpoints)
        spare += packing.deleted
        wanted += [(ports, contents) for contents in packing.created]
        for name, kept in {**present[ports], **packing.updated}.items():
            if name not in packing.deleted:
                _update(by_name[name], service, ports, kept, context)
    # A Service without any endpoint still has one slice: that tells it from one nobody has looked at.
    if len(spare) == len(existing) and not wanted:
        wanted.append(((), ()))
    _write_new(service, family, wanted, [by_name[name] for name in spare], context)


def _group_endpoints(
    service: Object, family: str, pods: Sequence[Object], read: Reader
) -> dict[Ports, list[Endpoint]]:
    """The endpoints by their ports: named target ports may resolve to another number on each pod."""
    groups: dict[Ports, list[Endpoint]] = {}
    for pod in pods:
        node_name = pod["spec"].get("nodeName")
        node = read.get("nodes", "", node_name) if node_name else None
        group = groups.setdefault(resolve_ports(service, pod), [])
        endpoint = calculate_endpoint(service, pod, node, family)
        if endpoint is not None:
            group.append(endpoint)
    return groups


def _is_owned(slice_: Object, service: Object) -> bool:
    owner = controller_of(slice_)
    return owner is not None and owner["uid"] == service["metadata"]["uid"]


def _build(service: Object, family: str, ports: Ports, endpoints: Sequence[Endpoint]) -> Object:
    metadata = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": _labels(service),
            "ownerReferences": [controller_reference("v1", "Service", service)],
        },
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": [port.as_json() for port in ports],
    }


def _labels(service: Object) -> dict[str, str]:
    """The Service's own labels, and those by which its slices are found."""
    labels = {key: value for key, value in labels_of(service).items() if key != HEADLESS}
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def _write_new(
    service: Object,
    family: str,
    wanted: Sequence[tuple[Ports, Sequence[Endpoint]]],
    spare: Sequence[Object],
    context: Context,
) -> None:
    """A slice that would be deleted is given the new contents instead: one write less for everybody."""
    reusable = [slice_ for slice_ in spare if _is_owned(slice_, service)]
    for index, (ports, endpoints) in enumerate(wanted):
        if index < len(reusable):
            _update(reusable[index], service, ports, endpoints, context)
        else:
            _create(_build(service, family, ports, endpoints), context)
    reused = {slice_["metadata"]["uid"] for slice_ in reusable[: len(wanted)]}
    for slice_ in spare:
        if slice_["metadata"]["uid"] not in reused:
            _delete(slice_, context)


def _create(slice_: Object, context: Context) -> None:
    """A namespace that is going away needs no slices."""
    try:
        context.write.create(SLICES, slice_)
    except ApiError as error:
        if not is_namespace_terminating(error):
            raise


def _update(
    slice_: Object, service: Object, ports: Ports, endpoints: Sequence[Endpoint], context: Context
) -> None:
    """Writes the slice where its contents, its ports or its labels differ."""
    fields: dict[str, Any] = {"endpoints": list(endpoints), "ports": [port.as_json() for port in ports]}
    labels = _labels(service)
    same = labels_of(slice_) == labels and (slice_.get("endpoints") or []) == fields["endpoints"]
    if not same or ports_of(slice_) != ports:
        metadata = {**slice_["metadata"], "labels": labels}
        context.write.update(SLICES, {**slice_, "metadata": metadata, **fields})


def _delete(slice_: Object, context: Context) -> None:
    metadata = slice_["metadata"]
    context.write.delete(SLICES, metadata["namespace"], metadata["name"], uid=metadata["uid"])
