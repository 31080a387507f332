"""The bundled Kubernetes: API, controllers, scheduler and kubelet in one process, on a clock of its own.

from gitrel.cluster import Cluster, ClusterSpec, NodePool
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitrel.cluster.cluster import Cluster
    from gitrel.cluster.spec import ClusterSpec, NodePool

__all__ = ["Cluster", "ClusterSpec", "NodePool"]
_PLACES = {
    "Cluster": "gitrel.cluster.cluster",
    "ClusterSpec": "gitrel.cluster.spec",
    "NodePool": "gitrel.cluster.spec",
}


def __getattr__(name: str) -> Any:
    """On demand: a module of this room is used without starting all of it."""
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
