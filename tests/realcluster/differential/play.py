"""One script on one cluster: what it may do there, and the trace that comes of it.

A script names its moments (`settle("half way")`); at each the cluster comes to rest and is written down. Pods
that were told to go end there too, so a moment may have a sequel, `half way, when pods have gone`. Every
request that was refused is written down as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitrel.kube.identity import Object, controller_of
from tests.realcluster.differential import byhand, normal
from tests.realcluster.differential.client import APPLY, MERGE, STRATEGIC, Answer, path_of, resource_of
from tests.realcluster.differential.sides import PATIENCE_SECONDS, Side


@dataclass
class Trace:
    """What a script saw, in its order: moments and refusals by their names. Plain JSON values."""

    moments: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    """Why the script could not go on."""


class Play:
    """`expected` is the other cluster's trace: where this one is going, if both are alike."""

    def __init__(self, side: Side, namespace: str, expected: Trace | None, *, nodes_matter: bool) -> None:
        self.side = side
        self.namespace = namespace
        self.trace = Trace()
        self._expected = expected
        self._nodes_matter = nodes_matter
        self._since = 0
        self._nodes: list[str] = []

    # --- requests -----------------------------------------------------------------------------------------

    def _tell(self, what: str, answer: Answer) -> Answer:
        """A refusal is something that both have to agree on."""
        if not answer.ok:
            self.trace.moments[self._unused(f"refused: {what}")] = self._names().value(_refusal(answer.body))
        return answer

    def create(self, obj: Object) -> Answer:
        resource = resource_of(obj)
        answer = self.side.client.request("POST", path_of(resource, self.namespace), obj)
        return self._tell(f"create {resource}/{obj['metadata'].get('name')}", answer)

    def apply(self, obj: Object, manager: str, *, force: bool = False, subresource: str = "") -> Answer:
        resource, name = resource_of(obj), obj["metadata"]["name"]
        obj = {**obj, "metadata": {"namespace": self.namespace, **obj["metadata"]}}
        query = {"fieldManager": manager, "force": str(force).lower()}
        path = path_of(resource, self.namespace, name, subresource)
        answer = self.side.client.request("PATCH", path, obj, query, APPLY)
        return self._tell(f"apply {resource}/{name} as {manager}", answer)

    def patch(
        self, resource: str, name: str, body: Any, *, subresource: str = "", manager: str = "script"
    ) -> Answer:
        """A merge patch, but of a status a strategic one."""
        path = path_of(resource, self.namespace, name, subresource)
        type_ = STRATEGIC if subresource == "status" else MERGE
        answer = self.side.client.request("PATCH", path, body, {"fieldManager": manager}, type_)
        return self._tell(f"patch {resource}/{name}", answer)

    def scale(self, resource: str, name: str, replicas: int) -> Answer:
        return self.patch(resource, name, {"spec": {"replicas": replicas}}, subresource="scale")

    def delete(self, resource: str, name: str, **options: Any) -> Answer:
        """`options` are those of DeleteOptions."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        answer = self.side.client.request("DELETE", path_of(resource, self.namespace, name), body)
        return self._tell(f"delete {resource}/{name}", answer)

    def get(self, resource: str, name: str) -> Object:
        return self.side.client.request("GET", path_of(resource, self.namespace, name)).body

    def note(self, what: str, value: Any) -> None:
        """Writes down something that the script found out by itself."""
        self.trace.moments[self._unused(what)] = self._names().value(value)

    # --- nodes and pods -----------------------------------------------------------------------------------

    def add_node(self, name: str, labels: Mapping[str, str] = {}, taints: Any = (), room: Any = None) -> None:
        """It goes with the script. What it is really called, `node` tells."""
        self._nodes.append(self.node(name))
        self.side.add_node(byhand.node(self.node(name), labels, taints, room))

    def node(self, name: str) -> str:
        """A name that no other script's node ever had: pods may still stand on one that is gone."""
        return f"{self.namespace}-{name}"

    def pods(self, label: str = "") -> list[Object]:
        """Those that are there and not going, the oldest first; `label` as `key=value`."""
        key, _, value = label.partition("=")
        order = {
            seen.object["metadata"]["uid"]: place
            for place, seen in reversed(list(enumerate(self.side.recorder.history(self.namespace))))
        }
        found = [
            pod
            for (resource, _), pod in self.side.recorder.objects(self.namespace).items()
            if resource == "pods"
            and "deletionTimestamp" not in pod["metadata"]
            and (not label or (pod["metadata"].get("labels") or {}).get(key) == value)
        ]
        return sorted(found, key=lambda pod: order[pod["metadata"]["uid"]])

    def pending(self, label: str = "") -> list[Object]:
        """Those that have a node and did not start yet."""
        return [
            pod
            for pod in self.pods(label)
            if pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending"
        ]

    def run(self, *pods: Object, ready: bool = True) -> None:
        """They start, or change from ready to not ready or back."""
        for pod in pods:
            self._report(pod, byhand.running(pod, self.side.now(), ready=ready))

    def end(self, *pods: Object, exit_code: int = 0) -> None:
        """Their containers exit."""
        for pod in pods:
            self._report(pod, byhand.ended(pod, self.side.now(), exit_code))

    def _report(self, pod: Object, status: Object) -> None:
        name = pod["metadata"]["name"]
        self.patch("pods", name, {"status": status}, subresource="status")

    def run_all(self, label: str = "started", rounds: int = 12, where: str = "") -> None:
        """Starts whatever waits to be started, until nothing does; comes to rest in between."""
        for number in range(rounds):
            if not (waiting := self.pending(where)):
                return
            self.run(*waiting)
            self.settle(f"{label} {number + 1}")

    def run_each(self, label: str, rounds: int = 30) -> None:
        """The same, one pod at a time."""
        for number in range(rounds):
            if not (waiting := self.pending()):
                return
            self.run(waiting[0])
            self.settle(f"{label} {number + 1}")
        raise AssertionError(f"{label}: still pods to start after {rounds} rounds")

    # --- moments ------------------------------------------------------------------------------------------

    def settle(self, moment: str, *, reap: bool = True) -> None:
        """Comes to rest, and writes down how it is; then lets pods that are to go end, and does so again."""
        self._write_down(moment)
        going = self.going() if reap else []
        if going:
            self.finish(*going)
            self._write_down(f"{moment}, when pods have gone")

    def going(self) -> list[Object]:
        """Pods that were told to go, and wait for a kubelet."""
        return [
            pod
            for (resource, _), pod in self.side.recorder.objects(self.namespace).items()
            if resource == "pods" and pod["metadata"].get("deletionGracePeriodSeconds", 0) > 0
        ]

    def finish(self, *pods: Object) -> None:
        """What a kubelet does when the containers of a pod that was deleted have ended."""
        for pod in pods:
            path = path_of("pods", self.namespace, pod["metadata"]["name"])
            self.side.client.request("DELETE", path, byhand.AT_ONCE)

    def _write_down(self, moment: str) -> None:
        moment = self._unused(moment)
        expected = self._expected.moments.get(moment, {}) if self._expected else None
        look = None if expected is None else lambda: self._state() == expected
        self.side.settle(self.namespace, look)
        found = self.trace.moments[moment] = self._state()
        if expected is not None and found != expected:
            self._expected = None  # the ways have parted: nothing that follows is worth waiting for

    def _unused(self, moment: str) -> str:
        again, name = 1, moment
        while name in self.trace.moments:
            again += 1
            name = f"{moment} ({again})"
        return name

    def _names(self) -> normal.Names:
        history = self.side.recorder.history(self.namespace)
        return normal.Names(self.namespace, history, nodes_matter=self._nodes_matter)

    def _state(self) -> dict[str, Any]:
        objects = self.side.recorder.objects(self.namespace)
        return normal.state(objects, self._names())

    def wait(self, seconds: float, moment: str) -> None:
        """Lets time pass, then comes to rest."""
        self.side.pass_time(seconds)
        self.settle(moment)

    def mark(self) -> None:
        """From here on the most and the fewest pods are counted."""
        self._since = max(seen.revision for seen in self.side.recorder.history(self.namespace))

    # --- the whole ----------------------------------------------------------------------------------------

    def perform(self, script: Callable[[Play], None]) -> Trace:
        """Never raises for what a cluster does: the trace says how far it came."""
        try:
            self._enter()
            script(self)
            self._close()
        except (AssertionError, LookupError) as failure:
            self.trace.failure = f"{type(failure).__name__}: {failure}"
        finally:
            self._leave()
        return self.trace

    def _enter(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        assert self.create(namespace).ok
        self.side.settle(self.namespace, lambda: True)
        # Pods are refused until their service account is there.
        account = path_of("serviceaccounts", self.namespace, "default")
        there = self.side.recorder.wait(lambda: self.side.client.request("GET", account).ok, PATIENCE_SECONDS)
        assert there, "no service account was made"

    def _close(self) -> None:
        history, names = self.side.recorder.history(self.namespace), self._names()
        self.trace.moments["decisions"] = normal.decisions(history, names)
        if self._since:
            self.trace.moments["extremes"] = normal.extremes(history, self._since)

    def _leave(self) -> None:
        if self._nodes:
            # What still waits for a node would take, or fight for, the next script's.
            self.side.client.request("DELETE", path_of("pods", self.namespace), byhand.AT_ONCE)
        self.side.retire(self.namespace)
        for name in self._nodes:
            self.side.remove_node(name)


def _refusal(status: Object) -> Object:
    """A Status without its uid; the causes stand in the order of a Go map, and some of them twice."""
    said = {key: status.get(key) for key in ("code", "reason", "message", "details")}
    if details := said["details"]:
        causes = [dict(row) for row in sorted({tuple(row.items()) for row in details.get("causes") or ()})]
        said["details"] = {k: v for k, v in details.items() if k not in ("uid", "causes")} | {
            "causes": causes
        }
    return said


@dataclass(frozen=True, slots=True)
class Scenario:
    """`waits_for` names what the bundled cluster does not have yet; those `alone` share no nodes."""

    name: str
    script: Callable[[Play], None]
    waits_for: str = ""
    alone: bool = False

    @property
    def namespace(self) -> str:
        return self.name.replace("_", "-")[:60]


_LOCK = threading.Lock()
SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *, waits_for: str = "", alone: bool = False, name: str = ""
) -> Callable[[Callable[[Play], None]], Callable[[Play], None]]:
    """Enters a script in the list, by its function's name."""

    def enter(script: Callable[[Play], None]) -> Callable[[Play], None]:
        found = Scenario(name or script.__name__, script, waits_for, alone)
        assert found.name not in SCENARIOS, f"two scripts are called {found.name}"
        SCENARIOS[found.name] = found
        return script

    return enter


def owned(pods: Sequence[Object], owner: str) -> list[Object]:
    """Those whose controller is called so."""
    return [pod for pod in pods if (controller_of(pod) or {}).get("name") == owner]
