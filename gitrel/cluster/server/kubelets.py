"""log, exec, attach, port-forward and proxy: what an API server answers whose kubelets cannot be reached.

Everything that is checked before a kubelet is asked is checked here too; then the connection fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.api.errors import ApiError, bad_request, not_found
from gitrel.cluster.server import query, reading
from gitrel.cluster.server.call import Call
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_PORT = 10250


async def log(call: Call) -> None:
    pod = reading.existing(call)
    container = _container(call, pod, of_log=True)
    where = f"https://{_address(call, pod)}/containerLogs/{call.namespace}/{call.target.name}/{container}"
    raise _internal(f'Get "{where}": {_refused(call, pod)}')


async def connect(call: Call) -> None:
    """exec, attach and portforward alike."""
    pod = reading.existing(call)
    await call.engine.ask(lambda: _admitted(call, pod))
    if call.target.subresource != "portforward":
        phase = get(pod, "status", "phase")
        if phase in ("Succeeded", "Failed"):
            verb = "exec into" if call.target.subresource == "exec" else "attach to"
            raise bad_request(f"cannot {verb} a container in a completed pod; current phase is {phase}")
        _container(call, pod, of_log=False)
    refused = _refused(call, pod)
    if not call.exchange.header(b"upgrade"):
        raise bad_request("Upgrade request required")
    raise _internal(f"error dialing backend: {refused}")


async def proxy(call: Call) -> None:
    """Of a pod, a service or a node: whoever is behind it cannot be reached."""
    scheme, name, port = _proxied(call.target.name)
    obj = call.store.get(call.kind.resource, call.namespace, name)
    if obj is None:
        raise not_found(call.kind.resource, name)
    match call.kind.resource:
        case "pods":
            host = get(obj, "status", "podIP", default="")
            port = port or _first_port(obj)
        case "services":
            host, port = _endpoint(call, obj, port)
        case _:
            host, _, own = _node_address(call, name).rpartition(":")
            port = port or own
    if not host:
        raise bad_request("address not allowed")
    port = port or ("443" if scheme == "https" else "80")
    refused = f"dial tcp {host}:{port}: connect: connection refused"
    raise _unavailable(f"error trying to reach service: {refused}")


def _proxied(name: str) -> tuple[str, str, str]:
    """`https:name:port`, `name:port` or `name` → scheme, name, port."""
    parts = name.split(":")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    return "", parts[0], parts[1] if len(parts) == 2 else ""


def _first_port(pod: Object) -> str:
    for container in pod["spec"].get("containers") or ():
        for row in container.get("ports") or ():
            return str(row["containerPort"])
    return ""


def _endpoint(call: Call, service: Object, port: str) -> tuple[str, str]:
    """Address and port of one that is ready. Raises ApiError 503 as the API server words it."""
    name = service["metadata"]["name"]
    ports = get(service, "spec", "ports", default=())
    wanted = next((row for row in ports if not port or port in (row.get("name"), str(row["port"]))), None)
    if wanted is None:
        raise _unavailable(f'no service port "{port}" found for service "{name}"')
    labels = {"kubernetes.io/service-name": name}
    for piece in call.store.selected("endpointslices.discovery.k8s.io", call.namespace, labels):
        ready = [e for e in piece.get("endpoints") or () if get(e, "conditions", "ready", default=True)]
        for row in piece.get("ports") or ():
            if ready and row.get("name", "") == wanted.get("name", ""):
                return ready[0]["addresses"][0], str(row["port"])
    raise _unavailable(f'no endpoints available for service "{name}"')


def _unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)


_KINDS = {"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"}
_FLAGS = ("stdin", "stdout", "stderr", "tty")


def _admitted(call: Call, pod: Object) -> None:
    """Webhooks and policies may refuse a connection; they see its options. Raises ApiError."""
    asked = query.parsed(call.exchange.query)
    options: Object = {"kind": _KINDS[call.target.subresource], "apiVersion": "v1"}
    options |= {flag: True for flag in _FLAGS if query.switch(asked, flag)}
    if container := query.text(asked, "container"):
        options["container"] = container
    if command := asked.get("command"):
        options["command"] = list(command)
    request = call.request(query.NO_WRITE_OPTIONS)
    call.cluster.handler.admit("CONNECT", "pods", call.target.subresource, pod, options, None, request)


def _container(call: Call, pod: Object, *, of_log: bool) -> str:
    """The container that is meant. Raises ApiError 400 where that is not clear."""
    asked = query.text(query.parsed(call.exchange.query), "container")
    spec = pod["spec"]
    names = [c["name"] for c in spec.get("containers") or ()]
    inits = [c["name"] for c in spec.get("initContainers") or ()]
    name = call.target.name
    if asked:
        if asked not in (*names, *inits):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) == 1:
        return str(names[0])
    preferred = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if preferred in names and not of_log:
        return str(preferred)
    others = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
    raise bad_request(
        f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]{others}"
    )


def _address(call: Call, pod: Object) -> str:
    """Where the pod's kubelet listens. Raises ApiError 400 for a pod that no node hosts."""
    node = pod["spec"].get("nodeName")
    if not node:
        raise bad_request(f"pod {call.target.name} does not have a host assigned")
    return _node_address(call, node)


def _node_address(call: Call, node: str) -> str:
    found: Mapping[str, Any] = call.store.get("nodes", "", node) or {}
    addresses = get(found, "status", "addresses", default=())
    host = next((row["address"] for row in addresses if row["type"] == "InternalIP"), node)
    port = get(found, "status", "daemonEndpoints", "kubeletEndpoint", "Port", default=_PORT)
    return f"{host}:{port}"


def _refused(call: Call, pod: Object) -> str:
    return f"dial tcp {_address(call, pod)}: connect: connection refused"


def _internal(message: str) -> ApiError:
    return ApiError(500, "InternalError", message)
