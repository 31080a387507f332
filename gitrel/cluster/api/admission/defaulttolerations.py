"""DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready or out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.kinds.filling import remembered
from gitrel.kube.identity import Object

TOLERATED_SECONDS = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _with_tolerations(spec: Object) -> Object:
    tolerations = list(spec.get("tolerations") or ())
    missing = [taint for taint in _TAINTS if not any(_tolerates(row, taint) for row in tolerations)]
    for taint in missing:
        row = {"key": taint, "operator": "Exists", "effect": "NoExecute"}
        tolerations.append({**row, "tolerationSeconds": TOLERATED_SECONDS})
    return {**spec, "tolerations": tolerations} if missing else spec


_patient = remembered(_with_tolerations)


def _tolerates(toleration: Mapping[str, Any], taint: str) -> bool:
    key, effect = toleration.get("key"), toleration.get("effect")
    return (not key or key == taint) and effect in (None, "", "NoExecute")


def _admit(attributes: Attributes, pod: Object) -> Object:
    spec = pod["spec"]
    new = _patient(spec)
    return pod if new is spec else {**pod, "spec": new}


PLUGINS = (Plugin("DefaultTolerationSeconds", {"pods": ("CREATE", "UPDATE")}, admit=_admit),)
