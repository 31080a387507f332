"""AlwaysPullImages: every container pulls its image anew, so that nobody runs what only others may read.

Off unless it is asked for, as in Kubernetes.
"""

from __future__ import annotations

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.kinds.filling import changed, each, remembered
from gitrel.kube.identity import Object

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def _always(container: Object) -> Object:
    if container.get("imagePullPolicy") == "Always":
        return container
    return {**container, "imagePullPolicy": "Always"}


def _pulling(spec: Object) -> Object:
    for key in _CONTAINERS:
        spec = changed(spec, key, each(_always))
    return spec


_pull = remembered(_pulling)


def _admit(attributes: Attributes, pod: Object) -> Object:
    return changed(pod, "spec", _pull)


PLUGINS = (Plugin("AlwaysPullImages", {"pods": ("CREATE", "UPDATE")}, admit=_admit),)
