"""Defaults of a pod's spec, alike for pods and for the templates of everything that makes pods.

The rules of `pkg/apis/core/v1/defaults.go`.
"""

from __future__ import annotations

import re
from typing import Any

from gitrel.cluster.kinds.filling import changed, each, filled, remembered
from gitrel.kube.identity import Object

_SPEC = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_HTTP_GET = {"path": "/", "scheme": "HTTP"}
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z|\Z", re.ASCII)
"""The last part of an image's name; of one that cannot be read the tag is not known."""
_MODE = {"defaultMode": 0o644}
_VOLUME_SOURCES = {
    "secret": lambda source: filled(source, _MODE),
    "configMap": lambda source: filled(source, _MODE),
    "downwardAPI": lambda source: changed(filled(source, _MODE), "items", each(_downward_item)),
    "projected": lambda source: changed(filled(source, _MODE), "sources", each(_projected_source)),
    "hostPath": lambda source: filled(source, {"type": ""}),
}


def _default_spec(spec: Object) -> Object:
    spec = filled(spec, _SPEC)
    if account := spec.get("serviceAccountName"):
        # The older name of the field is written beside the newer one (`core/v1/conversion.go`).
        spec = spec if spec.get("serviceAccount") == account else {**spec, "serviceAccount": account}
    for key in ("initContainers", "containers", "ephemeralContainers"):
        spec = changed(spec, key, each(default_container))
    if spec.get("hostNetwork"):
        for key in ("initContainers", "containers"):
            spec = changed(spec, key, each(_with_host_ports))
    return changed(spec, "volumes", each(_default_volume))


default_pod_spec = remembered(_default_spec)


def default_template(template: Object) -> Object:
    """A PodTemplateSpec; its metadata is always written out, even where there is none."""
    return changed(filled(template, {"metadata": {}}), "spec", default_pod_spec)


def default_container(container: Object) -> Object:
    container = filled(
        container,
        {
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull_policy(container.get("image") or ""),
        },
    )
    container = changed(container, "ports", each(lambda port: filled(port, {"protocol": "TCP"})))
    container = changed(container, "env", each(_default_env))
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        container = changed(container, probe, _default_probe)
    return changed(container, "lifecycle", _default_lifecycle)


def pull_policy(image: str) -> str:
    """Always for `:latest` or no tag at all, IfNotPresent for any other tag or a digest."""
    if "@" in image or _REPOSITORY.match(image.rpartition("/")[2].partition(":")[0]) is None:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def default_resources(resources: Object) -> Object:
    """A limit without a request is a request too (SetDefaults_Pod)."""
    limits = resources.get("limits")
    if not limits:
        return resources
    requests = resources.get("requests") or {}
    return changed({**resources, "requests": requests}, "requests", lambda old: filled(old, limits))


def _default_env(variable: Object) -> Object:
    return changed(variable, "valueFrom", _default_field_ref)


def _default_field_ref(source: Object) -> Object:
    return changed(source, "fieldRef", lambda ref: filled(ref, {"apiVersion": "v1"}))


def _default_handler(handler: Object) -> Object:
    handler = changed(handler, "httpGet", lambda get: filled(get, _HTTP_GET))
    return changed(handler, "grpc", lambda grpc: filled(grpc, {"service": ""}))


def _default_probe(probe: Object) -> Object:
    # Zero means "not said" in this API, as in Go.
    said = {key: value for key, value in probe.items() if value != 0 or key not in _PROBE}
    return filled(_default_handler(said if len(said) != len(probe) else probe), _PROBE)


def _default_lifecycle(lifecycle: Object) -> Object:
    lifecycle = changed(lifecycle, "postStart", _default_handler)
    return changed(lifecycle, "preStop", _default_handler)


def _with_host_ports(container: Object) -> Object:
    def host_port(port: Object) -> Object:
        return port if port.get("hostPort") else {**port, "hostPort": port.get("containerPort", 0)}

    return changed(container, "ports", each(host_port))


def _default_volume(volume: Object) -> Object:
    if len(volume) == 1:
        # A volume that names no source is an empty directory.
        return {**volume, "emptyDir": {}}
    for source, default in _VOLUME_SOURCES.items():
        volume = changed(volume, source, default)
    return volume


def _downward_item(item: Object) -> Object:
    return _default_field_ref(item)


def _projected_source(source: Object) -> Object:
    source = changed(source, "serviceAccountToken", lambda token: filled(token, {"expirationSeconds": 3600}))
    return changed(source, "downwardAPI", lambda api: changed(api, "items", each(_downward_item)))


def all_containers(spec: Object) -> list[tuple[str, Any]]:
    """(field path, container) of every init and main container, in that order."""
    return [
        (f"{key}[{index}]", container)
        for key in ("initContainers", "containers")
        for index, container in enumerate(spec.get(key) or ())
    ]
