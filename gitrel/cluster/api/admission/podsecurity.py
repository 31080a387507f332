"""PodSecurity: the level that a namespace's labels ask for, enforced, warned of, or only noted.

`k8s.io/pod-security-admission`. Pods are refused; the templates of workloads are only warned about, so that
one learns of it where one wrote it. The checks themselves are in `podstandards`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.podstandards import Level, violations
from gitrel.cluster.api.admission.sharing import shared
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, labels_of

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
_LEVELS: Mapping[str, Level] = {
    "privileged": "privileged", "baseline": "baseline", "restricted": "restricted",
}  # fmt: skip
_TEMPLATES = {
    "deployments.apps": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "replicationcontrollers": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
    "podtemplates": ("template",),
}

_checked = shared(lambda pod_spec, level: violations(pod_spec, level))


def _level(labels: dict[str, str], mode: str) -> tuple[Level, str]:
    """(level, version); a level that is not known is the strictest one, as in Kubernetes."""
    named = labels.get(PREFIX + mode)
    # One and the same string for each level: what was checked is remembered by identity.
    level = _LEVELS.get(named, "restricted") if named is not None else "privileged"
    return level, labels.get(f"{PREFIX}{mode}-version") or "latest"


def _labels(attributes: Attributes) -> dict[str, str]:
    place = attributes.read.get("namespaces", "", attributes.namespace)
    labels = labels_of(place) if place else {}
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}


def _said(spec: Object, labels: dict[str, str], mode: str) -> str:
    level, version = _level(labels, mode)
    if level == "privileged":
        return ""
    found: Sequence[str] = _checked(spec, level)
    return f'violate PodSecurity "{level}:{version}": {", ".join(found)}' if found else ""


def _validate_pod(attributes: Attributes, pod: Object) -> None:
    labels = _labels(attributes)
    if not labels:
        return
    spec = pod["spec"]
    if attributes.old is not None and attributes.old.get("spec") == spec:
        return
    if said := _said(spec, labels, "enforce"):
        raise attributes.forbidden(f"violates{said.removeprefix('violate')}")
    if said := _said(spec, labels, "warn"):
        attributes.warn(f"would {said}")


def _validate_template(attributes: Attributes, obj: Object) -> None:
    labels = _labels(attributes)
    if not labels:
        return
    template = get(obj, *_TEMPLATES[attributes.kind.resource])
    if template and (said := _said(template.get("spec") or {}, labels, "warn")):
        attributes.warn(f"would {said}")


def _validate_namespace(attributes: Attributes, obj: Object) -> None:
    """Levels and versions that nobody knows; and a warning about the pods that are there already."""
    labels = {key: value for key, value in labels_of(obj).items() if key.startswith(PREFIX)}
    old = labels_of(attributes.old) if attributes.old else {}
    problems = []
    for key, value in labels.items():
        mode, dash, rest = key.removeprefix(PREFIX).partition("-")
        if mode not in MODES or old.get(key) == value:
            continue
        field = f"metadata.labels[{key}]"
        if not dash and value not in _LEVELS:
            says = "must be one of privileged, baseline, restricted"
            problems.append(errors.invalid_value(field, value, says))
        elif rest == "version" and value != "latest" and not _is_version(value):
            says = 'must be "latest" or "v1.x"'
            problems.append(errors.invalid_value(field, value, says))
    if problems:
        raise errors.invalid("Namespace", "", attributes.name, problems)
    if attributes.operation == "UPDATE" and labels.get(f"{PREFIX}enforce") != old.get(f"{PREFIX}enforce"):
        _warn_of_pods(attributes, labels)


def _is_version(text: str) -> bool:
    return text.startswith("v1.") and text[3:].isdecimal()


def _warn_of_pods(attributes: Attributes, labels: dict[str, str]) -> None:
    level, version = _level(labels, "enforce")
    if level == "privileged":
        return
    bad: dict[str, list[str]] = {}
    for pod in attributes.read.list("pods", attributes.name):
        found = _checked(pod["spec"], level)
        if found:
            bad.setdefault(", ".join(said.partition(" (")[0] for said in found), []).append(
                pod["metadata"]["name"]
            )
    if not bad:
        return
    attributes.warn(
        f'existing pods in namespace "{attributes.name}" violate the new PodSecurity enforce level '
        f'"{level}:{version}"'
    )
    for why, names in sorted(bad.items()):
        rest = len(names) - 1
        more = f" (and {rest} other pod{'s' if rest > 1 else ''})" if rest else ""
        attributes.warn(f"{names[0]}{more}: {why}")


PLUGINS = (
    Plugin(
        "PodSecurity",
        {"pods": ("CREATE", "UPDATE"), "pods/ephemeralcontainers": ("UPDATE",)},
        validate=_validate_pod,
    ),
    Plugin(
        "PodSecurity",
        dict.fromkeys(_TEMPLATES, ("CREATE", "UPDATE")),
        validate=_validate_template,
    ),
    Plugin("PodSecurity", {"namespaces": ("CREATE", "UPDATE")}, validate=_validate_namespace),
)
