"""A kubelet's part, played for tests: pods are placed, start, end and stop as their image's name says.

`example.org/app:1` becomes ready; `broken` never does; `job` succeeds; `crash` fails; a pod that is being
deleted stops at the end of its grace. How long each takes is set at the top, so that tests can assert *when*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from gitrel.clock import format_instant, parse_instant
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.kube.identity import Object


class PodStarter:
    """`start_seconds` from creation to ready, `run_seconds` from there to the end of what ends."""

    name = "podstarter"

    def __init__(self, start_seconds: int = 2, run_seconds: int = 5, stop_seconds: int = 1) -> None:
        self.start = timedelta(seconds=start_seconds)
        self.run = timedelta(seconds=run_seconds)
        self.stop = timedelta(seconds=stop_seconds)

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {"pods": own_key}

    def reconcile(self, key: Key, context: Context) -> None:
        pod = context.read.get("pods", *key)
        if pod is None:
            return
        if not pod["spec"].get("nodeName"):
            context.write.bind(*key, "node-0")
            return
        metadata = pod["metadata"]
        phase = (pod.get("status") or {}).get("phase")
        if "deletionTimestamp" in metadata:
            asked = parse_instant(metadata["deletionTimestamp"]) - timedelta(
                seconds=metadata["deletionGracePeriodSeconds"]
            )
            if self._is_due(key, asked + self.stop, context):
                context.write.delete("pods", *key, grace_seconds=0)
            return
        if phase in ("Succeeded", "Failed"):
            return
        ready_at = parse_instant(metadata["creationTimestamp"]) + self.start
        if not self._is_due(key, ready_at, context):
            return
        image = pod["spec"]["containers"][0]["image"]
        if phase == "Pending":
            self._write(pod, "Running", "broken" not in image, context)
        elif ("job" in image or "crash" in image) and self._is_due(key, ready_at + self.run, context):
            self._write(pod, "Failed" if "crash" in image else "Succeeded", False, context)

    def _is_due(self, key: Key, due: datetime, context: Context) -> bool:
        if due > context.now:
            context.requeue_at(key, due)
        return due <= context.now

    def _write(self, pod: Object, phase: str, ready: bool, context: Context) -> None:
        now = format_instant(context.now.replace(microsecond=0))
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now}
        status: dict[str, Any] = {**pod["status"], "phase": phase, "conditions": [condition]}
        if phase in ("Succeeded", "Failed"):
            ended = {"exitCode": 0 if phase == "Succeeded" else 1, "finishedAt": now}
            status["containerStatuses"] = [
                {"name": container["name"], "restartCount": 0, "state": {"terminated": ended}}
                for container in pod["spec"]["containers"]
            ]
        else:
            # Any address will do, as long as it is the pod's own.
            number = crc32(pod["metadata"]["uid"].encode()) % 65536
            status["podIP"] = f"10.0.{number // 256}.{number % 256}"
            status["podIPs"] = [{"ip": status["podIP"]}]
        context.write.update_status("pods", {**pod, "status": status})
