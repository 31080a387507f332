"""Which objects are gitrel's: the labels that every applied object carries, and what they allow.

Only an object whose labels *and* whose inventory say so is ever deleted. The membership label follows
Kubernetes' ApplySets (KEP-3659), so that other tools can tell too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from gitrel.kube.fields import get, removed, replaced
from gitrel.kube.identity import Object, labels_of

TOOL = "gitrel"
MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "gitrel.dev/component"
ENVIRONMENT = "gitrel.dev/environment"
PART_OF = "applyset.kubernetes.io/part-of"


def ownership(component: str, environment: str) -> dict[str, str]:
    """The labels that say whose an object is; also the selector that finds all of them."""
    return {MANAGED_BY: TOOL, COMPONENT: component, ENVIRONMENT: environment}


def applyset_id(name: str, namespace: str, kind: str = "ConfigMap", group: str = "") -> str:
    """The id of the ApplySet whose parent is the named object (KEP-3659, "Labels and annotations")."""
    digest = hashlib.sha256(f"{name}.{namespace}.{kind}.{group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def with_ownership(obj: Mapping[str, Any], component: str, environment: str, set_id: str) -> Object:
    """The object as it is applied: its own labels, and ours, which win."""
    labels = {**labels_of(obj), **ownership(component, environment), PART_OF: set_id}
    return replaced(obj, ("metadata", "labels"), labels)


def without_ownership(obj: Mapping[str, Any]) -> Object:
    """The object without our labels, as the release has it: they say where it is, not what it is."""
    ours = {MANAGED_BY, COMPONENT, ENVIRONMENT, PART_OF}
    labels = {key: value for key, value in labels_of(obj).items() if key not in ours}
    path = ("metadata", "labels")
    return replaced(obj, path, labels) if labels else removed(obj, path)


def is_owned(live: Mapping[str, Any], component: str, environment: str) -> bool:
    """Whether the live object's labels say that it belongs to the component in the environment."""
    labels = labels_of(live)
    return all(labels.get(key) == value for key, value in ownership(component, environment).items())


def owner_of(live: Mapping[str, Any]) -> tuple[str, str] | None:
    """(component, environment) that an object is labelled with, or None where it is nobody's."""
    labels = labels_of(live)
    if labels.get(MANAGED_BY) != TOOL or COMPONENT not in labels:
        return None
    return labels[COMPONENT], labels.get(ENVIRONMENT, "")


def is_terminating(live: Mapping[str, Any]) -> bool:
    return get(live, "metadata", "deletionTimestamp") is not None
