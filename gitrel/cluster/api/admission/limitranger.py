"""LimitRanger: defaults for what containers ask for, and bounds on what containers, pods and claims get.

`plugin/pkg/admission/limitranger/admission.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.quantity import written
from gitrel.kube import quantities
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, annotations_of

_ANNOTATION = "kubernetes.io/limit-ranger"

Amounts = Mapping[str, Any]


def _limits(ranges: Sequence[Object], type_: str) -> Iterator[Mapping[str, Any]]:
    for found in ranges:
        for limit in (found.get("spec") or {}).get("limits") or ():
            if limit.get("type") == type_:
                yield limit


# --- defaults ---------------------------------------------------------------------------------------------


def _admit(attributes: Attributes, pod: Object) -> Object:
    ranges = attributes.read.list("limitranges", attributes.namespace)
    if not ranges or attributes.operation != "CREATE":
        return pod
    for limit in _limits(ranges, "Container"):
        pod = _with_defaults(pod, limit.get("default") or {}, limit.get("defaultRequest") or {})
    return pod


def _with_defaults(pod: Object, limits: Amounts, requests: Amounts) -> Object:
    told: list[str] = []
    spec = dict(pod["spec"])
    for key, what in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(key):
            spec[key] = [_completed(c, what, limits, requests, told) for c in spec[key]]
    if not told:
        return pod
    note = f"LimitRanger plugin set: {'; '.join(told)}"
    annotations = {**annotations_of(pod), _ANNOTATION: note}
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "spec": spec}


def _completed(container: Object, what: str, limits: Amounts, requests: Amounts, told: list[str]) -> Object:
    resources = container.get("resources") or {}
    new = dict(resources)
    for key, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        missing = {name: defaults[name] for name in defaults if name not in (resources.get(key) or {})}
        if missing:
            new[key] = {**(resources.get(key) or {}), **missing}
            told.append(f"{', '.join(sorted(missing))} {word} for {what} {container.get('name', '')}")
    return {**container, "resources": new} if new != resources else container


# --- bounds -----------------------------------------------------------------------------------------------


def _validate_pod(attributes: Attributes, pod: Object) -> None:
    ranges = attributes.read.list("limitranges", attributes.namespace)
    if not ranges:
        return
    problems: list[str] = []
    spec = pod["spec"]
    for limit in _limits(ranges, "Container"):
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            resources = container.get("resources") or {}
            problems += _problems(limit, resources.get("requests") or {}, resources.get("limits") or {})
    for limit in _limits(ranges, "Pod"):
        problems += _problems(limit, _total(spec, "requests"), _total(spec, "limits"))
    _refuse(attributes, problems)


def _validate_claim(attributes: Attributes, claim: Object) -> None:
    ranges = attributes.read.list("limitranges", attributes.namespace)
    problems: list[str] = []
    requests = get(claim, "spec", "resources", "requests", default={})
    for limit in _limits(ranges, "PersistentVolumeClaim"):
        for name, bound in (limit.get("min") or {}).items():
            if quantities.parse(requests.get(name, 0)) < quantities.parse(bound):
                asked = requests.get(name, "0")
                said = f"minimum {name} usage per PersistentVolumeClaim is {bound}"
                problems.append(f"{said}, but request is {asked}")
        for name, bound in (limit.get("max") or {}).items():
            if quantities.parse(requests.get(name, 0)) > quantities.parse(bound):
                said = f"maximum {name} usage per PersistentVolumeClaim is {bound}"
                problems.append(f"{said}, but request is {requests[name]}")
    _refuse(attributes, problems)


def _refuse(attributes: Attributes, problems: Sequence[str]) -> None:
    if problems:
        unique = list(dict.fromkeys(problems))
        raise attributes.forbidden(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")


def _problems(limit: Mapping[str, Any], requests: Amounts, limits: Amounts) -> Iterator[str]:
    type_ = limit["type"]
    for name, bound in (limit.get("min") or {}).items():
        yield from _too_little(f"minimum {name} usage per {type_} is {bound}", name, bound, requests, limits)
    for name, bound in (limit.get("max") or {}).items():
        yield from _too_much(f"maximum {name} usage per {type_} is {bound}", name, bound, requests, limits)
    for name, bound in (limit.get("maxLimitRequestRatio") or {}).items():
        said = f"{name} max limit to request ratio per {type_} is {bound}"
        yield from _too_far_apart(said, name, bound, requests, limits)


def _too_little(said: str, name: str, bound: Any, requests: Amounts, limits: Amounts) -> Iterator[str]:
    floor = quantities.parse(bound)
    if name not in requests:
        yield f"{said}.  No request is specified"
        return
    if quantities.parse(requests[name]) < floor:
        yield f"{said}, but request is {requests[name]}"
    elif name in limits and quantities.parse(limits[name]) < floor:
        yield f"{said}, but limit is {limits[name]}"


def _too_much(said: str, name: str, bound: Any, requests: Amounts, limits: Amounts) -> Iterator[str]:
    ceiling = quantities.parse(bound)
    if name not in limits:
        yield f"{said}.  No limit is specified"
        return
    if quantities.parse(limits[name]) > ceiling:
        yield f"{said}, but limit is {limits[name]}"
    elif name in requests and quantities.parse(requests[name]) > ceiling:
        yield f"{said}, but request is {requests[name]}"


def _too_far_apart(said: str, name: str, bound: Any, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = (quantities.parse(amounts.get(name, 0)) for amounts in (requests, limits))
    if not request:
        yield f"{said}, but no request is specified or request is 0"
    elif not limit:
        yield f"{said}, but no limit is specified or limit is 0"
    elif limit / request > quantities.parse(bound):
        yield f"{said}, but provided ratio is {float(limit / request):f}"


def _total(spec: Object, key: str) -> dict[str, str]:
    """What the containers ask for together: of a name only where every one of them names it."""
    lists = [(c.get("resources") or {}).get(key) or {} for c in spec.get("containers") or ()]
    names = set(lists[0]).intersection(*lists[1:]) if lists else set()
    sums: dict[str, str] = {}
    for name in sorted(names):
        total = sum((quantities.parse(amounts[name]) for amounts in lists), Fraction(0))
        sums[name] = written(total, like=str(lists[0][name]))
    return sums


PLUGINS = (
    Plugin("LimitRanger", {"pods": ("CREATE",)}, admit=_admit, validate=_validate_pod),
    Plugin("LimitRanger", {"pods/resize": ("UPDATE",)}, validate=_validate_pod),
    Plugin("LimitRanger", {"persistentvolumeclaims": ("CREATE", "UPDATE")}, validate=_validate_claim),
)
