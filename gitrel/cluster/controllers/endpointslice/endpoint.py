"""One pod as an endpoint of one Service: its address, its ports, and whether traffic may go there.

Kubernetes `podToEndpoint` and `getEndpointPorts` (`staging/src/k8s.io/endpointslice/utils.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gitrel.cluster.controllers import podstate
from gitrel.kube.identity import Object, labels_of

Endpoint = Mapping[str, Any]
ZONE = "topology.kubernetes.io/zone"


class Port(NamedTuple):
    """One port as clients see it; slices are grouped by the whole list of these."""

    name: str
    protocol: str
    port: int | None
    app_protocol: str | None

    def as_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"name": self.name, "protocol": self.protocol}
        if self.port is not None:
            row["port"] = self.port
        if self.app_protocol is not None:
            row["appProtocol"] = self.app_protocol
        return row


Ports = tuple[Port, ...]


def ports_of(slice_: Object) -> Ports:
    return tuple(
        sorted(
            Port(row.get("name", ""), row.get("protocol", "TCP"), row.get("port"), row.get("appProtocol"))
            for row in slice_.get("ports") or ()
        )
    )


def is_listed(pod: Object) -> bool:
    """Pods that are terminating stay listed; those without an address, or at their end, do not."""
    return bool((pod.get("status") or {}).get("podIP")) and not podstate.is_terminal(pod)


def resolve_ports(service: Object, pod: Object) -> Ports:
    """The Service's ports on this pod; a name that the pod does not have is left out."""
    found = []
    for row in service["spec"].get("ports") or ():
        protocol = row.get("protocol", "TCP")
        number = _target(row.get("targetPort", row["port"]), protocol, pod)
        if number is not None:
            found.append(Port(row.get("name", ""), protocol, number, row.get("appProtocol")))
    return tuple(sorted(found))


def _target(target: int | str, protocol: str, pod: Object) -> int | None:
    """A name is looked for among the containers, then among the sidecars."""
    if isinstance(target, int):
        return target
    for container in _serving_containers(pod["spec"]):
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                number: int = port["containerPort"]
                return number
    return None


def _serving_containers(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    yield from spec.get("containers") or ()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def calculate_endpoint(
    service: Object, pod: Object, node: Object | None, address_type: str
) -> Endpoint | None:
    """None when the pod has no address of that family."""
    addresses = [ip for ip in _addresses(pod) if (":" in ip) == (address_type == "IPv6")]
    if not addresses:
        return None
    metadata, spec = pod["metadata"], pod["spec"]
    serving, terminating = podstate.is_ready(pod), podstate.is_deleting(pod)
    ready = bool(service["spec"].get("publishNotReadyAddresses")) or (serving and not terminating)
    endpoint: dict[str, Any] = {
        "addresses": addresses,
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
    if name := spec.get("nodeName"):
        endpoint["nodeName"] = name
    if node is not None and (zone := labels_of(node).get(ZONE)):
        endpoint["zone"] = zone
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = spec["hostname"]
    return endpoint


def _addresses(pod: Object) -> list[str]:
    status = pod["status"]
    return [row["ip"] for row in status.get("podIPs") or ()] or [status["podIP"]]


def identity(endpoint: Endpoint) -> tuple[Any, ...]:
    """What makes two endpoints the same place, whatever its conditions are now."""
    target = endpoint.get("targetRef") or {}
    addresses = tuple(sorted(endpoint["addresses"]))
    return addresses, endpoint.get("hostname"), target.get("namespace"), target.get("name")


def says_the_same(old: Object, new: Object) -> bool:
    """Whether a change of a pod can change nothing in any slice."""
    if not is_listed(old) and not is_listed(new):
        return True
    before, after = old["metadata"], new["metadata"]
    return (
        before.get("labels") == after.get("labels")
        and before.get("deletionTimestamp") == after.get("deletionTimestamp")
        and is_listed(old) == is_listed(new)
        and podstate.is_ready(old) == podstate.is_ready(new)
        and _addresses(old) == _addresses(new)
        and old["spec"] == new["spec"]
    )
