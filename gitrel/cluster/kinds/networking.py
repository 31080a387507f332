"""Ingresses (`pkg/apis/networking/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def prepare_ingress(obj: Object) -> Object:
    return {**obj, "status": {"loadBalancer": {}}}


def validate_ingress(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid_value("spec", None, "either `defaultBackend` or `rules` must be specified")
    if backend := spec.get("defaultBackend"):
        yield from _backend_errors(backend, "spec.defaultBackend")
    if name := spec.get("ingressClassName"):
        for problem in name_problems(name, "subdomain"):
            yield invalid_value("spec.ingressClassName", name, problem)
    for index, row in enumerate(spec.get("tls") or ()):
        for place, host in enumerate(row.get("hosts") or ()):
            for problem in name_problems(host.removeprefix("*."), "subdomain"):
                yield invalid_value(f"spec.tls[{index}].hosts[{place}]", host, problem)
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule_errors(rule, f"spec.rules[{index}]")


def _rule_errors(rule: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    if host := rule.get("host"):
        for problem in name_problems(host.removeprefix("*."), "subdomain"):
            yield invalid_value(f"{at}.host", host, problem)
    if rule.get("http") is not None and not rule["http"].get("paths"):
        yield required(f"{at}.http.paths")
    for index, path in enumerate(get(rule, "http", "paths", default=())):
        field = f"{at}.http.paths[{index}]"
        type_ = path.get("pathType")
        if type_ is None:
            yield required(f"{field}.pathType", "pathType must be specified")
            continue
        yield from checks.one_of(type_, PATH_TYPES, f"{field}.pathType")
        route = path.get("path") or ""
        if not route.startswith("/") and (type_ in ("Exact", "Prefix") or route):
            yield invalid_value(f"{field}.path", route, "must be an absolute path")
        yield from _backend_errors(path.get("backend") or {}, f"{field}.backend")


def _backend_errors(backend: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is None and resource is None:
        yield invalid_value(at, "", "resource or service backend is required")
    elif service is not None and resource is not None:
        yield invalid_value(at, "", "cannot set both resource and service backends")
    elif service is not None:
        name = service.get("name")
        if not name:
            yield required(f"{at}.service.name")
        for problem in name_problems(name, "service") if name else ():
            yield invalid_value(f"{at}.service.name", name, problem)
        port = service.get("port") or {}
        if not port.get("name") and not port.get("number"):
            yield required(at, "port name or number is required")
        elif port.get("number"):
            yield from checks.port_number(port["number"], f"{at}.service.port.number")


KINDS = (
    Kind(
        "ingresses.networking.k8s.io", "networking.k8s.io/v1", "Ingress", short_names=("ing",),
        status=True, counted=spec_of, prepare=prepare_ingress, validate=validate_ingress,
    ),
)  # fmt: skip
