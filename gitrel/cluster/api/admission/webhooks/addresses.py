"""Where a webhook listens: at its URL, or behind a Service.

Nothing listens on the addresses of the bundled cluster's Services. A Service leads somewhere when an
EndpointSlice of it names an address of this machine (127.0.0.0/8, ::1), as one that is written by hand does,
or when the Service carries the annotation `gitrel.dev/webhook-address: 127.0.0.1:9443`. Only this machine is
ever called by way of a Service: an invented address of a pod may well be somebody's real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from gitrel.cluster.api.admission.webhooks.calls import Unreachable
from gitrel.cluster.controllers.controller import Reader
from gitrel.kube.identity import Object

ANNOTATION = "gitrel.dev/webhook-address"
_OF_SERVICE = "kubernetes.io/service-name"


class Where(NamedTuple):
    """`address` is None where the URL says it all."""

    url: str
    address: tuple[str, int] | None = None


def where(client: Mapping[str, Any], timeout_seconds: int, read: Reader) -> Where | Unreachable:
    """From a webhook's `clientConfig`."""
    timeout = f"timeout={timeout_seconds}s"
    service = client.get("service")
    if service is None:
        parts = urlsplit(client["url"])
        return Where(urlunsplit(parts._replace(query=f"{parts.query}&{timeout}" if parts.query else timeout)))
    host, port = f"{service['name']}.{service['namespace']}.svc", service.get("port") or 443
    path = "/" + (service.get("path") or "").lstrip("/")
    url = f"https://{host}:{port}{path}?{timeout}"
    found = _address(service, port, read)
    return Unreachable(f'Post "{url}": {found}') if isinstance(found, str) else Where(url, found)


def _address(service: Mapping[str, Any], port: int, read: Reader) -> tuple[str, int] | str:
    """Where to connect, or why that is not known."""
    name, namespace = service["name"], service["namespace"]
    obj = read.get("services", namespace, name)
    if obj is None:
        return f'service "{name}" not found'
    if told := (obj["metadata"].get("annotations") or {}).get(ANNOTATION):
        return _told(told)
    row = next((row for row in obj["spec"].get("ports") or () if row["port"] == port), None)
    if row is None:
        return f'no service port {port} found for service "{name}"'
    if obj["spec"].get("type") == "ExternalName":
        return str(obj["spec"]["externalName"]), port
    addresses = list(_endpoints(obj, row.get("name") or "", read))
    if not addresses:
        return f'no endpoints available for service "{name}"'
    here = next((pair for pair in addresses if is_here(pair[0])), None)
    if here is None:
        return f"dial tcp {obj['spec'].get('clusterIP')}:{port}: connect: connection refused"
    return here


def _told(text: str) -> tuple[str, int] | str:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal():
        return f"annotation {ANNOTATION} has to be host:port, and is {text!r}"
    if not is_here(host):
        return f"annotation {ANNOTATION} has to name an address of this machine, and is {text!r}"
    return host, int(port)


def _endpoints(service: Object, port_name: str, read: Reader) -> Iterator[tuple[str, int]]:
    """Of every slice of the Service, those that are ready."""
    metadata = service["metadata"]
    slices = read.selected(
        "endpointslices.discovery.k8s.io", metadata["namespace"], {_OF_SERVICE: metadata["name"]}
    )
    for found in slices:
        ports = [p["port"] for p in found.get("ports") or () if (p.get("name") or "") == port_name]
        for endpoint in found.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                yield from ((address, port) for address in endpoint["addresses"] for port in ports)


def is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
