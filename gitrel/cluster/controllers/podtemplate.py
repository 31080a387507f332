"""From a pod template to a pod: the part of it that every controller does the same way.

Kubernetes `GetPodFromTemplate` (`pkg/controller/controller_utils.go`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.identity import Object

NAME_MAX = 253


def name_prefix(owner_name: str) -> str:
    """`web-` for `web`; the bare name where a dash more would be too long."""
    return f"{owner_name}-" if len(owner_name) < NAME_MAX else owner_name


def new_pod(template: Mapping[str, Any], owner: Object, reference: Mapping[str, Any]) -> Object:
    """A pod of `template` for `owner`, to be named by the server; shares the template's spec."""
    metadata: dict[str, Any] = {
        "generateName": name_prefix(owner["metadata"]["name"]),
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [dict(reference)],
    }
    for field in ("labels", "annotations", "finalizers"):
        if value := (template.get("metadata") or {}).get(field):
            metadata[field] = value
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
