"""Small builders for scheduling tests: nodes, pods, and a cycle over them without a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitrel.cluster.scheduler.cycle import Cycle
from gitrel.cluster.scheduler.snapshot import Snapshot
from gitrel.cluster.scheduler.template import Template, Templates
from gitrel.kube.identity import Object


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: int = 110, **more: Any) -> Object:
    """`labels`, `taints`, `unschedulable`, `images` and further resources (`extended`) may be given."""
    offered = {"cpu": cpu, "memory": memory, "pods": str(pods), **(more.get("extended") or {})}
    labels = {"kubernetes.io/hostname": name, **(more.get("labels") or {})}
    spec = {key: more[key] for key in ("taints", "unschedulable") if key in more}
    status = {"allocatable": offered, "images": more.get("images") or []}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def pod(
    name: str, *, labels: Mapping[str, str] | None = None, node: str | None = None, **spec: Any
) -> Object:
    """`cpu` and `memory` are the request of its one container; anything else goes into the spec."""
    requests = {key: spec.pop(key) for key in ("cpu", "memory") if key in spec}
    spec.setdefault("containers", [{"name": "a", "image": "a:1", "resources": {"requests": requests}}])
    if node is not None:
        spec["nodeName"] = node
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": dict(labels or {})}
    return {"metadata": metadata, "spec": spec}


class World:
    """A snapshot that can be asked where a pod would go, and why nowhere."""

    def __init__(self, nodes: Iterable[Object], placed: Iterable[Object] = ()) -> None:
        self.templates = Templates()
        self.snapshot = Snapshot()
        self.namespaces: dict[str, Mapping[str, str]] = {"default": {}, "other": {"team": "b"}}
        self.cycle = Cycle(self.snapshot, self.namespaces)
        for one in nodes:
            self.snapshot.put_node(one)
        for one in placed:
            self.place(one)

    def place(self, placed: Object) -> None:
        self.snapshot.put_pod(placed, self.templates.of(placed))

    def template(self, wanted: Object) -> Template:
        return self.templates.of(wanted)

    def find(self, wanted: Object, spreads: Any = ()) -> str | None:
        return self.cycle.find(self.templates.of(wanted), wanted["metadata"]["uid"], lambda: tuple(spreads))

    def why(self, wanted: Object) -> str:
        return self.cycle.explain(self.templates.of(wanted)).message

    def feasible(self, wanted: Object) -> set[str]:
        mask = self.cycle._feasible(self.templates.of(wanted))
        return {name for name, row in self.snapshot.rows.items() if mask[row]}

    def scores(self, wanted: Object, spreads: Any = ()) -> dict[str, int]:
        template = self.templates.of(wanted)
        mask = self.cycle._feasible(template)
        totals = self.cycle._score(template, mask, lambda: tuple(spreads))
        return {name: int(totals[row]) for name, row in self.snapshot.rows.items() if mask[row]}
