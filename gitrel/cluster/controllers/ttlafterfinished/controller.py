"""The TTL-after-finished controller: a Job that asks for it goes some seconds after its end.

Kubernetes `pkg/controller/ttlafterfinished`. The instant hangs on the terminal condition's transition, so
changing `ttlSecondsAfterFinished` moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.identity import Object

JOBS = "jobs.batch"


class TtlAfterFinishedController:
    name = "ttlafterfinished"

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {JOBS: _finished_keys}

    def reconcile(self, key: Key, context: Context) -> None:
        job = context.read.get(JOBS, *key)
        due = calculate_due(job) if job else None
        if job is None or due is None:
            return
        if due > context.now:
            context.requeue_at(key, due)
            return
        # In the foreground, so that its pods are gone before it is; by UID, so that a successor is safe.
        context.write.delete(JOBS, *key, uid=job["metadata"]["uid"], propagation="Foreground")


def _finished_keys(change: Change, read: Reader) -> Iterable[Key]:
    if change.type == "DELETED" or calculate_due(change.new) is None:
        return ()
    return own_key(change, read)


def calculate_due(job: Object) -> datetime | None:
    """When the Job is to be deleted; None while it runs, and for one that may stay or is going already."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or is_deleting(job):
        return None
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return instants.read(condition["lastTransitionTime"]) + timedelta(seconds=seconds)
    return None
