"""What the scheduler knows between passes. All of it can be read back from the objects, and is when it is not
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

from gitrel.clock import parse_instant
from gitrel.cluster.controllers.controller import Key, Reader
from gitrel.cluster.scheduler.cycle import Cycle
from gitrel.cluster.scheduler.defaults import DefaultSpreads
from gitrel.cluster.scheduler.pods import is_ours, is_placed, key_of
from gitrel.cluster.scheduler.queue import Entry, Queue, entry_of
from gitrel.cluster.scheduler.refusal import Refusal
from gitrel.cluster.scheduler.snapshot import Snapshot
from gitrel.cluster.scheduler.template import Template, Templates
from gitrel.kube import conditions
from gitrel.kube.identity import Object, labels_of


class Memory:
    """A snapshot of the nodes, the queue of pods, and what was worked out from them."""

    def __init__(self, read: Reader) -> None:
        self.templates = Templates()
        self.snapshot = Snapshot()
        self.queue = Queue()
        self.spreads = DefaultSpreads()
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.cycle = Cycle(self.snapshot, self.namespaces)
        self.nominated: dict[Key, Object] = {}
        """Pods that wait for others to leave the node that they were promised."""
        self._explained: tuple[Template, tuple[int, int], Refusal] | None = None
        for namespace in read.list("namespaces"):
            self.namespaces[namespace["metadata"]["name"]] = labels_of(namespace)
        for service in read.list("services"):
            self.spreads.put_service(service)
        for node in read.list("nodes"):
            self.snapshot.put_node(node)
        for pod in read.list("pods"):
            if is_placed(pod):
                self.snapshot.put_pod(pod, self.templates.of(pod))
            elif is_ours(pod):
                self._recall(pod, read)

    def _recall(self, pod: Object, read: Reader) -> None:
        """Puts a pod where it stood in the queue: in line, or waiting since its last attempt."""
        self.note_nominated(pod)
        scheduled = conditions.find((pod.get("status") or {}).get("conditions"), "PodScheduled")
        if scheduled is None or scheduled.get("reason") == "SchedulingGated":
            self.queue.put(entry_of(pod, self.templates.of(pod)))
        else:
            attempts, tried_at = _attempts(pod, scheduled, read)
            self.queue.put_back(entry_of(pod, self.templates.of(pod), attempts, tried_at))

    def note_nominated(self, pod: Object) -> None:
        if (pod.get("status") or {}).get("nominatedNodeName"):
            self.nominated[key_of(pod)] = pod
        else:
            self.nominated.pop(key_of(pod), None)

    @contextmanager
    def promises_kept(self, entry: Entry) -> Iterator[None]:
        """Within it, the room that was promised to pods of as much worth counts as taken."""
        kept = []
        for key, pod in self.nominated.items():
            if key == entry.key or (pod["spec"].get("priority") or 0) < entry.priority:
                continue
            there = {**pod, "spec": {**pod["spec"], "nodeName": pod["status"]["nominatedNodeName"]}}
            if there["spec"]["nodeName"] in self.snapshot.rows:
                self.snapshot.put_pod(there, self.templates.of(pod))
                kept.append(key)
        try:
            yield
        finally:
            for key in kept:
                self.snapshot.remove_pod(*key)

    def entry(self, pod: Object) -> Entry:
        return entry_of(pod, self.templates.of(pod))

    def explain(self, template: Template) -> Refusal:
        """Why no node takes a pod of the template. Equal pods that fail in a row ask once."""
        state = (self.snapshot.version, len(self.snapshot.journal))
        if self._explained is None or self._explained[:2] != (template, state):
            self._explained = (template, state, self.cycle.explain(template))
        return self._explained[2]

    def minds_other_pods(self) -> bool:
        """Whether a pod that appears somewhere can make room for one that waits."""
        return any(template.minds_other_pods for template in self.queue.waiting)

    def tries(self, now: float) -> tuple[list[Entry], list[Entry], float]:
        """(pods to try, pods to try only because there seems to be room, when a pod there is room for gets
        free).
        """
        must = [*self.queue.active.values(), *self.queue.flushed(now)]
        taken = {entry.key for entry in must}
        may: list[Entry] = []
        free_at = inf
        for template, group in self.queue.waiting.items():
            if not self.cycle.is_feasible(template):
                continue
            for entry in group.values():
                if entry.key in taken:
                    continue
                if entry.free_at <= now:
                    may.append(entry)
                else:
                    free_at = min(free_at, entry.free_at)
        return must, may, free_at


def _attempts(pod: Object, scheduled: Mapping[str, Any], read: Reader) -> tuple[int, float]:
    """How often the pod was tried and when last, from the events that each failure left."""
    count, last = 0, scheduled["lastTransitionTime"]
    for event in read.list("events", pod["metadata"]["namespace"]):
        about = event.get("involvedObject") or {}
        if about.get("uid") == pod["metadata"]["uid"] and event.get("reason") == "FailedScheduling":
            count += event.get("count") or 1
            last = max(last, event.get("lastTimestamp") or "")
    return max(count, 1), parse_instant(last).timestamp()
