"""What the API server checks in code and a schema cannot say: the few rules that people break most often.

Everything else is left to the server's dry run; these are told before anything is written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitrel.kube.fields import get
from gitrel.render.source import Path

Broken = tuple[Path, str, str]
"""(path, what is wrong, what to do)"""

_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z", re.ASCII)
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_TEMPLATE = ("spec", "template")


def broken_rules(obj: Mapping[str, Any]) -> Iterator[Broken]:
    """Every rule that the object breaks. Its shape has been checked against the schema before."""
    for rule in (labels, annotations_size, *_BY_KIND.get((obj["apiVersion"], obj["kind"]), ())):
        yield from rule(obj)


def labels(obj: Mapping[str, Any]) -> Iterator[Broken]:
    places: tuple[tuple[str, ...], ...] = (("metadata", "labels"), (*_TEMPLATE, "metadata", "labels"))
    for base in places:
        for key, value in (get(obj, *base) or {}).items():
            if not _LABEL_NAME.match(key.rpartition("/")[2]):
                yield (*base, key), "a label's name has at most 63 letters, digits, '-', '_' and '.'", ""
            if isinstance(value, str) and not _LABEL_VALUE.match(value):
                what = "a label's value has at most 63 letters, digits, '-', '_' and '.'"
                yield (*base, key), what, "use an annotation for other text"


def annotations_size(obj: Mapping[str, Any]) -> Iterator[Broken]:
    """All annotations of an object together may have 256 KiB."""
    path = ("metadata", "annotations")
    size = sum(len(str(k).encode()) + len(str(v).encode()) for k, v in (get(obj, *path) or {}).items())
    if size > 256 * 1024:
        yield path, f"the annotations have {size:,} bytes; the limit is 262,144", "keep less in them"


def selector_matches_template(obj: Mapping[str, Any]) -> Iterator[Broken]:
    wanted = get(obj, "spec", "selector", "matchLabels") or {}
    given = get(obj, *_TEMPLATE, "metadata", "labels") or {}
    if not wanted and not get(obj, "spec", "selector", "matchExpressions"):
        yield ("spec", "selector"), "selects nothing", "write matchLabels"
    for key, value in wanted.items():
        if given.get(key) != value:
            what = f"the pods do not carry the label {key!r} that the selector wants"
            yield (*_TEMPLATE, "metadata", "labels"), what, "write the same labels in both"


def _containers_at(*base: str) -> Callable[[Mapping[str, Any]], Iterator[Broken]]:
    def containers(obj: Mapping[str, Any]) -> Iterator[Broken]:
        if not get(obj, *base, "containers"):
            yield (*base, "containers"), "a pod needs at least one container", "write one"
        seen: set[str] = set()
        for field in ("initContainers", "containers"):
            for index, container in enumerate(get(obj, *base, field) or ()):
                path: Path = (*base, field, index)
                name = container.get("name")
                if name in seen:
                    yield (*path, "name"), f"two containers are called {name!r}", "rename one"
                seen.add(name)
                if not container.get("image"):
                    yield (*path, "image"), "a container needs an image", "write image"

    return containers


def config_size(obj: Mapping[str, Any]) -> Iterator[Broken]:
    """ConfigMaps and Secrets may hold 1 MiB."""
    size = sum(
        len(str(value))
        for field in ("data", "binaryData", "stringData")
        for value in (obj.get(field) or {}).values()
    )
    if size > 1024 * 1024:
        yield ("data",), f"{size:,} characters; the limit is 1,048,576", "split it, or use a volume"


def service_ports(obj: Mapping[str, Any]) -> Iterator[Broken]:
    ports = get(obj, "spec", "ports") or ()
    needs_ports = get(obj, "spec", "type") != "ExternalName" and get(obj, "spec", "clusterIP") != "None"
    if not ports and needs_ports:
        yield ("spec", "ports"), "a Service needs at least one port", "write spec.ports"
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield ("spec", "ports", index, "name"), "of several ports each needs a name", "write name"


def autoscaler_bounds(obj: Mapping[str, Any]) -> Iterator[Broken]:
    low, high = get(obj, "spec", "minReplicas", default=1), get(obj, "spec", "maxReplicas")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield ("spec", "minReplicas"), "is more than spec.maxReplicas", "swap them"


_POD_TEMPLATE = _containers_at("spec", "template", "spec")
_BY_KIND: Mapping[tuple[str, str], tuple[Callable[[Mapping[str, Any]], Iterator[Broken]], ...]] = {
    **dict.fromkeys(
        [("apps/v1", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")],
        (selector_matches_template, _POD_TEMPLATE),
    ),
    ("batch/v1", "Job"): (_POD_TEMPLATE,),
    ("batch/v1", "CronJob"): (_containers_at("spec", "jobTemplate", "spec", "template", "spec"),),
    ("v1", "Pod"): (_containers_at("spec"),),
    ("v1", "Service"): (service_ports,),
    ("v1", "ConfigMap"): (config_size,),
    ("v1", "Secret"): (config_size,),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): (autoscaler_bounds,),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): (autoscaler_bounds,),
}
