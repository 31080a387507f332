"""Validation of a pod's spec, alike for pods and templates.

The checks of `pkg/apis/core/validation/validation.go` that people run into, with its words: what a container
needs, what must be unique, what must fit together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    not_found_value,
    required,
)
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.names import label_errors, name_problems, qualified_name_problems
from gitrel.cluster.kinds.podspec import all_containers
from gitrel.cluster.kinds.podsurroundings import surroundings_errors
from gitrel.kube import quantities

_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z", re.ASCII)
_ENV_SAYS = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
    "must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for "
    "validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
)
_HANDLERS = ("exec", "grpc", "httpGet", "sleep", "tcpSocket")
_TOLERATION_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def pod_spec_errors(
    spec: Mapping[str, Any] | None, at: str, *, extra_volumes: Sequence[str] = ()
) -> Iterator[FieldError]:
    spec = spec or {}
    volumes = [*extra_volumes, *(volume.get("name") for volume in spec.get("volumes") or ())]
    yield from _unique_names(spec.get("volumes") or (), f"{at}.volumes")
    if not spec.get("containers"):
        yield required(f"{at}.containers")
    seen: set[str] = set()
    for place, container in all_containers(dict(spec)):
        yield from _container_errors(container, f"{at}.{place}", volumes)
        name = container.get("name") or ""
        if name in seen:
            yield duplicate(f"{at}.{place}.name", name)
        seen.add(name)
    yield from _init_errors(spec.get("initContainers") or (), f"{at}.initContainers")
    yield from checks.one_of(
        spec.get("restartPolicy"), ("Always", "OnFailure", "Never"), f"{at}.restartPolicy", as_told=True
    )
    policies = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    yield from checks.one_of(spec.get("dnsPolicy"), policies, f"{at}.dnsPolicy", as_told=True)
    yield from checks.positive(spec, "activeDeadlineSeconds", at=at)
    yield from label_errors(spec.get("nodeSelector"), f"{at}.nodeSelector")
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        yield from toleration_errors(toleration, f"{at}.tolerations[{index}]")
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        yield from _spread_errors(constraint, f"{at}.topologySpreadConstraints[{index}]")
    yield from surroundings_errors(spec, at)
    if name := spec.get("serviceAccountName"):
        for problem in name_problems(name, "subdomain"):
            yield invalid_value(f"{at}.serviceAccountName", name, problem)


def _unique_names(items: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = item.get("name")
        if not name:
            yield required(f"{at}[{index}].name")
            continue
        for problem in name_problems(name, "label"):
            yield invalid_value(f"{at}[{index}].name", name, problem)
        if name in seen:
            yield duplicate(f"{at}[{index}].name", name)
        seen.add(name)


def _container_errors(container: Mapping[str, Any], at: str, volumes: Sequence[Any]) -> Iterator[FieldError]:
    name, image = container.get("name"), container.get("image") or ""
    if not name:
        yield required(f"{at}.name")
    else:
        for problem in name_problems(name, "label"):
            yield invalid_value(f"{at}.name", name, problem)
    if not image:
        yield required(f"{at}.image")
    elif image.strip() != image:
        yield invalid_value(f"{at}.image", image, "must not have leading or trailing whitespace")
    yield from checks.one_of(
        container.get("imagePullPolicy"), ("Always", "IfNotPresent", "Never"), f"{at}.imagePullPolicy"
    )
    yield from _port_errors(container.get("ports") or (), f"{at}.ports")
    yield from _env_errors(container.get("env") or (), f"{at}.env")
    yield from _mount_errors(container.get("volumeMounts") or (), f"{at}.volumeMounts", volumes)
    yield from resource_errors(container.get("resources") or {}, f"{at}.resources")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if found := container.get(probe):
            yield from _probe_errors(found, f"{at}.{probe}", readiness=probe == "readinessProbe")
    for hook, handler in (container.get("lifecycle") or {}).items():
        if hook in ("postStart", "preStop"):
            yield from _handler_errors(handler, f"{at}.lifecycle.{hook}")


def _init_errors(containers: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    for index, container in enumerate(containers):
        policy = container.get("restartPolicy")
        yield from checks.one_of(policy, ("Always",), f"{at}[{index}].restartPolicy")
        if policy == "Always":
            continue
        for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(key):
                says = "may not be set for init containers without restartPolicy=Always"
                yield forbidden_field(f"{at}[{index}].{key}", says)


def _port_errors(ports: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        field = f"{at}[{index}]"
        if not port.get("containerPort"):
            yield required(f"{field}.containerPort")
        else:
            yield from checks.port_number(port["containerPort"], f"{field}.containerPort")
        if port.get("hostPort"):
            yield from checks.port_number(port["hostPort"], f"{field}.hostPort")
        yield from checks.one_of(port.get("protocol"), ("SCTP", "TCP", "UDP"), f"{field}.protocol")
        name = port.get("name")
        if name:
            yield from port_name_errors(name, f"{field}.name")
            if name in seen:
                yield duplicate(f"{field}.name", name)
            seen.add(name)


def port_name_errors(name: str, field: str) -> Iterator[FieldError]:
    """IANA service names: at most 15 characters, at least one letter (IsValidPortName)."""
    if len(name) > 15:
        yield invalid_value(field, name, "must be no more than 15 characters")
    if not re.fullmatch(r"[-a-z0-9]+", name):
        says = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        yield invalid_value(field, name, says)
    if not re.search(r"[a-z]", name):
        yield invalid_value(field, name, "must contain at least one letter (a-z)")
    if "--" in name:
        yield invalid_value(field, name, "must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        yield invalid_value(field, name, "must not begin or end with a hyphen")


def _env_errors(env: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    for index, variable in enumerate(env):
        name = variable.get("name")
        if not name:
            yield required(f"{at}[{index}].name")
        elif not _ENV_NAME.match(name):
            yield invalid_value(f"{at}[{index}].name", name, _ENV_SAYS)
        source = variable.get("valueFrom")
        if source is not None and variable.get("value"):
            says = "may not be specified when `value` is not empty"
            yield invalid_value(f"{at}[{index}].valueFrom", "", says)
        elif source is not None and len(source) != 1:
            says = (
                "may not have more than one field specified at a time" if source else "must specify one of: "
            )
            if not source:
                says += "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            yield invalid_value(f"{at}[{index}].valueFrom", "", says)
        for key in ("configMapKeyRef", "secretKeyRef"):
            if (reference := (source or {}).get(key)) is not None:
                yield from _key_errors(reference, f"{at}[{index}].valueFrom.{key}")


def _key_errors(reference: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    for problem in name_problems(name, "subdomain"):
        yield invalid_value(f"{at}.name", name, problem)
    if not key:
        yield required(f"{at}.key")


def _mount_errors(
    mounts: Sequence[Mapping[str, Any]], at: str, volumes: Sequence[Any]
) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        name, path = mount.get("name"), mount.get("mountPath")
        if not name:
            yield required(f"{at}[{index}].name")
        if name not in volumes:
            yield not_found_value(f"{at}[{index}].name", name or "")
        if not path:
            yield required(f"{at}[{index}].mountPath")
        elif path in seen:
            yield invalid_value(f"{at}[{index}].mountPath", path, "must be unique")
        seen.add(path or "")


def resource_errors(resources: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from checks.quantity(amount, f"{at}.{group}[{name}]")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is None:
            continue
        try:
            over = quantities.parse(amount) > quantities.parse(limit)
        except ValueError:
            continue
        if over:
            says = f"must be less than or equal to {name} limit of {limit}"
            yield invalid_value(f"{at}.requests", amount, says)


def _probe_errors(probe: Mapping[str, Any], at: str, *, readiness: bool) -> Iterator[FieldError]:
    yield from _handler_errors(probe, at)
    numbers = (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    )
    yield from checks.non_negative(probe, *numbers, at=at)
    if not readiness and probe.get("successThreshold", 1) != 1:
        yield invalid_value(f"{at}.successThreshold", probe["successThreshold"], "must be 1")
    if readiness and probe.get("terminationGracePeriodSeconds") is not None:
        says = "must not be set for readinessProbes"
        yield invalid_value(
            f"{at}.terminationGracePeriodSeconds", probe["terminationGracePeriodSeconds"], says
        )


def _handler_errors(handler: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    chosen = [key for key in _HANDLERS if handler.get(key) is not None]
    if not chosen:
        yield required(at, "must specify a handler type")
    for extra in chosen[1:]:
        yield forbidden_field(f"{at}.{extra}", "may not specify more than 1 handler type")
    for key in ("httpGet", "tcpSocket"):
        action = handler.get(key)
        if action is None:
            continue
        port = action.get("port")
        if isinstance(port, str):
            yield from port_name_errors(port, f"{at}.{key}.port")
        else:
            yield from checks.port_number(port, f"{at}.{key}.port")
    command = handler.get("exec")
    if command is not None and not command.get("command"):
        yield required(f"{at}.exec.command")


def toleration_errors(toleration: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    if key := toleration.get("key"):
        for problem in qualified_name_problems(key):
            yield invalid_value(f"{at}.key", key, problem)
    operator = toleration.get("operator") or "Equal"
    yield from checks.one_of(operator, ("Equal", "Exists", "Lt", "Gt"), f"{at}.operator")
    effect = toleration.get("effect") or None
    yield from checks.one_of(effect, _TOLERATION_EFFECTS, f"{at}.effect", as_told=True)
    if not toleration.get("key") and operator != "Exists":
        says = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid_value(f"{at}.operator", operator, says)
    if operator == "Exists" and toleration.get("value"):
        says = "value must be empty when `operator` is 'Exists'"
        yield invalid_value(f"{at}.operator", toleration, says)
    if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
        says = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid_value(f"{at}.effect", toleration.get("effect", ""), says)


def _spread_errors(constraint: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    if constraint.get("maxSkew", 0) <= 0:
        yield invalid_value(f"{at}.maxSkew", constraint.get("maxSkew", 0), "must be greater than zero")
    if not constraint.get("topologyKey"):
        yield required(f"{at}.topologyKey", "can not be empty")
    actions = ("DoNotSchedule", "ScheduleAnyway")
    yield from checks.one_of(constraint.get("whenUnsatisfiable", ""), actions, f"{at}.whenUnsatisfiable")
    yield from checks.label_selector(constraint.get("labelSelector"), f"{at}.labelSelector")
