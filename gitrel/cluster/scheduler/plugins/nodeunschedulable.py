"""NodeUnschedulable: a cordoned node takes only pods that tolerate being there all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gitrel.cluster.scheduler.snapshot import Mask, Snapshot
from gitrel.cluster.scheduler.template import Template
from gitrel.kube.taints import tolerates

REASON = "node(s) were unschedulable"
_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def fits(node: Mapping[str, Any], template: Template) -> bool:
    return not node["spec"].get("unschedulable") or tolerates(template.tolerations, _TAINT)


def filter_rows(snapshot: Snapshot, template: Template) -> Mask:
    if tolerates(template.tolerations, _TAINT):
        return np.ones(snapshot.size, dtype=bool)
    return ~snapshot.unschedulable[: snapshot.size]
