"""NodeName: a pod that names its node goes there or nowhere.

Such a pod is bound from the start and never comes to the scheduler, so the rule serves whoever asks whether a
pod could be on a node (a DaemonSet, an admission check).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASON = "node(s) didn't match the requested node name"


def fits(node: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    wanted = pod["spec"].get("nodeName")
    return not wanted or wanted == node["metadata"]["name"]
