"""A pod on a node of its own, and everything that its status ever showed, each line with its second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.kubelet.behaviours import parse
from gitrel.cluster.kubelet.kubelet import Kubelet
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, get, pod

IMAGE = "example.org/app:1"


class Story:
    """`lines` grows with every change of a container's visible state: `(second, container, what)`."""

    def __init__(self, *rules: Mapping[str, Any], nodes: int = 1) -> None:
        behaviours = parse([{"image": "*", **rule} for rule in rules])
        self.cluster: WatchedCluster = cluster(lambda: Kubelet(behaviours), nodes=nodes)
        self.cluster.settle()
        self.begun = self.cluster.now
        self.lines: list[tuple[int, str, str]] = []
        self.cluster.store.subscribe(self._tell)

    @property
    def second(self) -> int:
        return int((self.cluster.now - self.begun).total_seconds())

    def _tell(self, change: Change) -> None:
        if change.resource != "pods":
            return
        name = change.new["metadata"]["name"]
        if change.type == "DELETED":
            self.lines.append((self.second, name, "gone"))
            return
        before, after = visible(change.old), visible(change.new)
        for who, what in after.items():
            if before.get(who) != what:
                self.lines.append((self.second, who, what))

    def start(self, name: str = "web", node: str = "node-0", containers: Any = None, **spec: Any) -> None:
        """Creates a pod and binds it at once."""
        if containers is not None:
            spec["containers"] = containers
        self.cluster.writer.create("pods", pod(name, **spec))
        self.cluster.writer.bind("default", name, node)
        self.cluster.settle()

    def play(self, seconds: float) -> Story:
        self.cluster.advance(timedelta(seconds=seconds))
        return self

    def pod(self, name: str = "web") -> Object:
        return get(self.cluster, "pods", "default", name)

    def of(self, who: str) -> list[tuple[int, str]]:
        """What was seen of one container (or of the pod, by its name), with the seconds."""
        return [(second, what) for second, subject, what in self.lines if subject == who]

    def events(self) -> list[str]:
        return [event["reason"] for event in self.cluster.reader.list("events")]

    def close(self) -> None:
        """Nothing was edited in place."""
        self.cluster.verify()


def visible(obj: Object | None) -> dict[str, str]:
    """What people see of a pod: its phase and readiness, and the state of each container."""
    status = (obj or {}).get("status") or {}
    seen = {}
    if obj is not None and "startTime" in status:
        ready = next((c["status"] for c in status["conditions"] if c["type"] == "Ready"), "False")
        seen[obj["metadata"]["name"]] = status["phase"] + (" ready" if ready == "True" else "")
    for field in ("initContainerStatuses", "containerStatuses"):
        for row in status.get(field) or ():
            seen[row["name"]] = _state(row)
    return seen


def _state(row: Mapping[str, Any]) -> str:
    state = row["state"]
    if "running" in state:
        return f"running #{row['restartCount']}" + (" ready" if row["ready"] else "")
    if "terminated" in state:
        return f"exit {state['terminated']['exitCode']} {state['terminated']['reason']}"
    return str(state["waiting"]["reason"])


def container(name: str = "app", **more: Any) -> Object:
    return {"name": name, "image": IMAGE, **more}


def containers(*names: str) -> Sequence[Object]:
    return [container(name) for name in names]
