"""What a cluster is made of: its seed, its nodes and its address ranges. A value, written down once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

KUBERNETES_VERSION = "1.36"


@dataclass(frozen=True, slots=True)
class NodePool:
    """`count` equal nodes, named `<name>-0`, `<name>-1`, …; quantities as Kubernetes writes them."""

    name: str = "node"
    count: int = 3
    cpu: str = "8"
    memory: str = "32Gi"
    ephemeral_storage: str = "100Gi"
    pods: int = 110
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """The same spec, the same start and the same calls give the same log, byte for byte."""

    name: str = "gitrel"
    seed: int = 0
    nodes: Sequence[NodePool] = (NodePool(),)
    service_cidr: str = "10.96.0.0/12"
    node_port_first: int = 30000
    node_port_last: int = 32767
    behaviours: Sequence[Mapping[str, Any]] = ()
    """What images do: rules as they stand in YAML (`kubelet/behaviours.py`); the last that matches wins."""
    without: Sequence[str] = ()
    """Names of controllers that do not run, such as `scheduler` and `kubelet`."""
    enable_admission: Sequence[str] = ()
    disable_admission: Sequence[str] = ()
    """Admission plugins by Kubernetes' names, as `kube-apiserver --enable-admission-plugins` has them."""
    authorization: str = "AlwaysAllow"
    """As `kube-apiserver --authorization-mode`: AlwaysAllow, RBAC, or both, separated by a comma."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a cluster's file."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> ClusterSpec:
        return cls(**{**saved, "nodes": tuple(NodePool(**pool) for pool in saved["nodes"])})

    def made_like(self, other: ClusterSpec) -> bool:
        """Whether both make the same cluster; what runs in it, and how images behave, may differ."""
        running: dict[str, Any] = dict.fromkeys(
            ("behaviours", "without", "enable_admission", "disable_admission"), ()
        )
        running["authorization"] = ""
        return orjson.dumps({**self.as_json(), **running}) == orjson.dumps({**other.as_json(), **running})
