"""The scheduler as a controller: keeps its picture of the cluster up to date, and places the pods that are in
line.

One key stands for the whole queue. A pass tries every pod that is due, in order, and asks to be called again
when a pod that waits can next be tried. Numbers are crunched by numpy, which is loaded when there is a first
pod to place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from gitrel.clock import format_instant
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.cluster.scheduler.pods import is_leaving, is_ours, is_placed, is_same, key_of
from gitrel.cluster.scheduler.queue import Entry, in_order
from gitrel.cluster.scheduler.template import Spread, Template
from gitrel.kube import conditions
from gitrel.kube.identity import Object, labels_of

if TYPE_CHECKING:
    from gitrel.cluster.scheduler.memory import Memory
    from gitrel.cluster.scheduler.refusal import Refusal

QUEUE = Key("", "queue")
GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"


class Scheduler:
    """One instance serves one cluster."""

    name = "scheduler"

    def __init__(self) -> None:
        self._memory: Memory | None = None
        self.watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
            "pods": self._see_pod,
            "nodes": self._see_node,
            "services": self._see_service,
            "namespaces": self._see_namespace,
        }

    # --- what changed -------------------------------------------------------------------------------------

    def _see_pod(self, change: Change, read: Reader) -> Iterable[Key]:
        memory, old, pod = self._memory, change.old, change.new
        if memory is None:
            return () if change.type != "DELETED" and pod["spec"].get("nodeName") else (QUEUE,)
        if old is not None and change.type == "MODIFIED" and is_same(old, pod):
            return ()
        key = key_of(pod)
        if change.type != "DELETED" and is_placed(pod):
            memory.queue.drop(key)
            moved = memory.snapshot.put_pod(pod, memory.templates.of(pod))
            return (QUEUE,) if moved and memory.queue.waiting and memory.minds_other_pods() else ()
        if change.type != "DELETED" and is_ours(pod):
            memory.queue.put(memory.entry(pod))
            return (QUEUE,)
        memory.queue.drop(key)
        memory.nominated.pop(key, None)
        gone = memory.snapshot.remove_pod(*key)
        return (QUEUE,) if gone and memory.queue.waiting else ()

    def _see_node(self, change: Change, read: Reader) -> Iterable[Key]:
        memory = self._memory
        if memory is None:
            return (QUEUE,)
        if change.type == "DELETED":
            memory.snapshot.remove_node(change.new["metadata"]["name"])
        elif not memory.snapshot.put_node(change.new):
            return ()
        return (QUEUE,) if memory.queue.waiting else ()

    def _see_service(self, change: Change, read: Reader) -> Iterable[Key]:
        """Services only make some nodes better liked, so they never make room for anybody."""
        if self._memory is not None:
            if change.type == "DELETED":
                self._memory.spreads.remove_service(change.new)
            else:
                self._memory.spreads.put_service(change.new)
        return ()

    def _see_namespace(self, change: Change, read: Reader) -> Iterable[Key]:
        """The labels of namespaces count in terms about other pods."""
        memory = self._memory
        if memory is None:
            return ()
        name = change.new["metadata"]["name"]
        if change.type == "DELETED":
            memory.namespaces.pop(name, None)
        else:
            memory.namespaces[name] = labels_of(change.new)
        return (QUEUE,) if memory.queue.waiting and memory.minds_other_pods() else ()

    # --- one pass -----------------------------------------------------------------------------------------

    def reconcile(self, key: Key, context: Context) -> None:
        memory = self._recall(context)
        if memory is None:
            return
        now = context.now.timestamp()
        must, may, free_at = memory.tries(now)
        optional = {entry.key for entry in may}
        full: set[Template] = set()
        for entry in in_order([*must, *may]):
            if entry.gated:
                self._hold_back(memory, entry, context)
            elif entry.key not in optional:
                refusal = self._place(memory, entry, context)
                if refusal is not None:
                    self._put_back(memory, entry, refusal, context)
            elif entry.template not in full and self._place(memory, entry, context) is not None:
                full.add(entry.template)  # earlier ones took the room; nobody needs to hear of it
        due = min(free_at, memory.queue.next_flush())
        if due != inf:
            context.requeue_at(QUEUE, datetime.fromtimestamp(due, UTC))

    def _place(self, memory: Memory, entry: Entry, context: Context) -> Refusal | None:
        """Binds the pod to the best node. None where that worked, else why it did not."""
        from gitrel.cluster.scheduler.refusal import Refusal

        namespace, name = entry.key

        def defaults() -> tuple[Spread, ...]:
            pod = context.read.get("pods", namespace, name)
            return memory.spreads.of(pod, entry.template, context.read) if pod is not None else ()

        with memory.promises_kept(entry):
            node = memory.cycle.find(entry.template, entry.uid, defaults)
            if node is None:
                return memory.explain(entry.template)
        try:
            bound = context.write.bind(namespace, name, node)
        except ApiError as error:
            return Refusal(f"binding rejected: {error}")
        memory.nominated.pop(entry.key, None)
        what = f"Successfully assigned {namespace}/{name} to {node}"
        context.write.event(bound, "Normal", "Scheduled", what)
        return None

    def _put_back(self, memory: Memory, entry: Entry, refusal: Refusal, context: Context) -> None:
        """Tells why the pod waits, and counts the attempt: its event is the record of it.

        Pods of less worth may have been told to go; then it waits for the node that they leave.
        """
        pod = context.read.get("pods", *entry.key)
        if pod is None:
            memory.queue.drop(entry.key)
            return
        tried_at = float(int(context.now.timestamp()))
        memory.queue.put_back(replace(entry, attempts=entry.attempts + 1, tried_at=tried_at))
        node, message = self._make_room(memory, entry, pod, refusal, context)
        context.write.event(pod, "Warning", "FailedScheduling", message)
        memory.note_nominated(_set_unscheduled(pod, "Unschedulable", message, context, node))

    def _make_room(
        self, memory: Memory, entry: Entry, pod: Object, refusal: Refusal, context: Context
    ) -> tuple[str, str]:
        """The node that pods of less worth were told to leave, or none; and what to tell of it all."""
        from gitrel.cluster.scheduler import preemption
        from gitrel.cluster.scheduler.refusal import NEVER, UNDER_WAY

        if pod["spec"].get("preemptionPolicy") == "Never":
            return "", refusal.told(NEVER)
        nominated = (pod.get("status") or {}).get("nominatedNodeName") or ""
        for other in context.read.on_node(nominated) if nominated else ():
            if is_placed(other) and is_leaving(other) and preemption.priority(other) < entry.priority:
                return nominated, refusal.told(UNDER_WAY)
        found = preemption.find(memory, entry, refusal, context.read)
        if isinstance(found, dict):
            return "", refusal.told(refusal.helpless(found))
        for victim in found.victims:
            _evict(victim, pod, found.node, context)
        return found.node, refusal.message

    def _hold_back(self, memory: Memory, entry: Entry, context: Context) -> None:
        """A pod with scheduling gates is not tried; taking them away changes its spec, which puts it in
        line.
        """
        memory.queue.drop(entry.key)
        pod = context.read.get("pods", *entry.key)
        if pod is not None:
            _set_unscheduled(pod, "SchedulingGated", GATED_MESSAGE, context)

    def _recall(self, context: Context) -> Memory | None:
        """What is known, read from the objects at the first pass; None while there is no pod at all."""
        if self._memory is None and context.read.list("pods"):
            from gitrel.cluster.scheduler.memory import Memory

            self._memory = Memory(context.read)
        return self._memory


def _evict(victim: Object, pod: Object, node: str, context: Context) -> None:
    """Says on the victim why it goes, and deletes it; one that is going already is left alone."""
    if is_leaving(victim):
        return
    status = victim.get("status") or {}
    rows = conditions.with_condition(
        status.get("conditions"),
        "DisruptionTarget",
        "True",
        now=format_instant(context.now.replace(microsecond=0)),
        reason="PreemptionByScheduler",
        message="default-scheduler: preempting to accommodate a higher priority pod",
        observedGeneration=victim["metadata"].get("generation", 0),
    )
    metadata = victim["metadata"]
    context.write.update_status("pods", {**victim, "status": {**status, "conditions": rows}})
    context.write.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
    told = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
    context.write.event(victim, "Normal", "Preempted", told)


def _set_unscheduled(pod: Object, reason: str, message: str, context: Context, node: str = "") -> Object:
    """Writes the PodScheduled condition, and the node that is promised, where they say something new."""
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    if node:
        status["nominatedNodeName"] = node
    old = conditions.find(status.get("conditions"), "PodScheduled")
    same = old is not None and (old.get("reason"), old.get("message")) == (reason, message)
    if same and status == pod.get("status"):
        return pod
    now = format_instant(context.now.replace(microsecond=0))
    generation = pod["metadata"].get("generation", 0)
    rows = conditions.with_condition(
        status.get("conditions"),
        "PodScheduled",
        "False",
        now=now,
        reason=reason,
        message=message,
        lastProbeTime=None,
        **({} if reason == "SchedulingGated" else {"observedGeneration": generation}),
    )
    return context.write.update_status("pods", {**pod, "status": {**status, "conditions": rows}})
