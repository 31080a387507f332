"""One container's state between two looks: read from its status, moved by events, written back as its status.

Nothing is remembered elsewhere: whatever decides a later step (which run this is, when it began, how long its
restart was put off) stands in the containerStatus, so a cluster read back from disk goes on as if it had
never stopped. Times are whole seconds since 1970, as the stamps are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

from gitrel.cluster.kubelet import instants
from gitrel.cluster.kubelet.behaviours import Behaviour, Behaviours, Role

State = Literal["waiting", "running", "terminated"]


@dataclass(slots=True)
class Container:
    """Mutable on purpose: it lives for the length of one look at a pod and is never shared."""

    spec: Mapping[str, Any]
    role: Role
    behaviour: Behaviour
    restart_policy: str
    """The pod's restartPolicy as it applies to this container: `Always` for a sidecar; init containers take
    OnFailure where the pod restarts at all, for they end once they succeed."""
    pod_uid: str
    state: State = "waiting"
    reason: str = ""
    message: str = ""
    begun: int = 0
    finished: int = 0
    exit_code: int = 0
    restarts: int = 0
    ready: bool = False
    started: bool = False
    last: Mapping[str, Any] | None = field(default=None)
    """The terminated state of the run before."""
    shown_image: str = ""
    """The image in the status: that of the last run, or the one being waited for."""

    @property
    def name(self) -> str:
        name: str = self.spec["name"]
        return name

    @property
    def image(self) -> str:
        image: str = self.spec.get("image") or ""
        return image

    @property
    def image_changed(self) -> bool:
        """Whether somebody set another image since the kubelet last acted on it."""
        return self.shown_image not in ("", self.image)

    @property
    def never_ran(self) -> bool:
        return self.state == "waiting" and self.last is None

    def wait(self, reason: str, message: str = "") -> None:
        self.state, self.reason, self.message = "waiting", reason, message
        self.shown_image = self.image
        self.ready = self.started = False

    def begin(self, at: int) -> None:
        """Enters a run; one that follows another counts as a restart."""
        if self.state == "terminated":
            self.last = self.terminated()
        if self.last is not None:
            self.restarts += 1
        self.state, self.begun, self.reason, self.message = "running", at, "", ""
        self.shown_image = self.image
        self.ready = self.started = False

    def end(self, at: int, exit_code: int, reason: str, message: str = "") -> None:
        self.state, self.finished, self.exit_code = "terminated", at, exit_code
        self.reason, self.message = reason, message
        # A finished init container stays ready: it has done its part (kubelet
        # `convertToAPIContainerStatuses`).
        self.ready = self.role == "init" and exit_code == 0
        self.started = False

    def terminated(self) -> dict[str, Any]:
        """`state.terminated` of the run that has ended."""
        ended: dict[str, Any] = {"exitCode": self.exit_code, "reason": self.reason}
        if self.finished:
            ended["startedAt"] = instants.stamp(self.begun)
            ended["finishedAt"] = instants.stamp(self.finished)
            ended["containerID"] = self._container_id()
        return ended | ({"message": self.message} if self.message else {})

    def _container_id(self) -> str:
        """The same for the same run of the same container, different for every other."""
        run = f"{self.pod_uid}/{self.name}/{self.restarts}".encode()
        return f"containerd://{blake2b(run, digest_size=32).hexdigest()}"

    def status(self) -> dict[str, Any]:
        """The containerStatus."""
        ran = self.state != "waiting" or self.last is not None
        status: dict[str, Any] = {
            "name": self.name,
            "state": {self.state: self._state()},
            "lastState": {"terminated": self.last} if self.last is not None else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.shown_image or self.image,
            "imageID": _image_id(self.shown_image or self.image) if ran else "",
            "started": self.started,
        }
        if self.state == "waiting" and self.last is not None:
            status["containerID"] = self.last.get("containerID", "")
        elif self.state == "running" or self.finished:
            status["containerID"] = self._container_id()
        return status

    def _state(self) -> dict[str, Any]:
        if self.state == "running":
            return {"startedAt": instants.stamp(self.begun)}
        if self.state == "terminated":
            return self.terminated()
        return {"reason": self.reason} | ({"message": self.message} if self.message else {})


@lru_cache(maxsize=4096)
def _image_id(image: str) -> str:
    """A digest that stays the same for the same reference, as if nobody ever moved a tag."""
    if "@" in image:
        return image
    path, colon, tag = image.rpartition(":")
    name = path if colon and "/" not in tag else image
    return f"{name}@sha256:{blake2b(image.encode(), digest_size=32).hexdigest()}"


def load_all(pod: Mapping[str, Any], behaviours: Behaviours) -> list[Container]:
    """The pod's containers in the order in which they start: init containers and sidecars, then the main
    ones.
    """
    spec, status = pod["spec"], pod.get("status") or {}
    policy = spec.get("restartPolicy") or "Always"
    uid = pod["metadata"]["uid"]
    known = {
        row["name"]: row
        for field_name in ("initContainerStatuses", "containerStatuses")
        for row in status.get(field_name) or ()
    }
    containers = []
    for container in spec.get("initContainers") or ():
        sidecar = container.get("restartPolicy") == "Always"
        own_policy = "Always" if sidecar else "Never" if policy == "Never" else "OnFailure"
        behaviour = behaviours.of(container.get("image") or "")
        containers.append(Container(container, "sidecar" if sidecar else "init", behaviour, own_policy, uid))
    for container in spec["containers"]:
        behaviour = behaviours.of(container.get("image") or "")
        containers.append(Container(container, "main", behaviour, policy, uid))
    for container in containers:
        if row := known.get(container.name):
            _recall(container, row)
    return containers


def _recall(container: Container, status: Mapping[str, Any]) -> None:
    container.restarts = status.get("restartCount") or 0
    container.ready, container.started = bool(status.get("ready")), bool(status.get("started"))
    container.shown_image = status.get("image") or ""
    container.last = (status.get("lastState") or {}).get("terminated")
    state = status.get("state") or {}
    if running := state.get("running"):
        container.state, container.begun = "running", int(instants.read(running["startedAt"]))
    elif ended := state.get("terminated"):
        container.state, container.exit_code = "terminated", ended["exitCode"]
        if ended.get("finishedAt"):
            container.begun = int(instants.read(ended["startedAt"]))
            container.finished = int(instants.read(ended["finishedAt"]))
        container.reason, container.message = ended.get("reason", ""), ended.get("message", "")
    else:
        waiting = state.get("waiting") or {}
        container.reason, container.message = waiting.get("reason", ""), waiting.get("message", "")
