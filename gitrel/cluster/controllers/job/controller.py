"""The Job controller: creates and deletes pods, counts those that end, and says when it is over.

Kubernetes `pkg/controller/job`. A key's name is the Job's, or one of two errands: `<job>/batched` asks for a
sync in a second (a change of a pod: many come together), `<pod>/orphan` frees a pod whose Job is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import batches, claiming, instants, podstate
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.cluster.controllers.echo import Echo
from gitrel.cluster.controllers.job import plan, podbuild, tracking, verdict
from gitrel.cluster.controllers.job.spec import (
    FAILURE_TARGET,
    FINALIZER,
    SUCCESS_CRITERIA_MET,
    SUSPENDED,
    completions,
    is_finished,
    is_suspended,
    is_tracked,
    status_of,
)
from gitrel.cluster.controllers.job.tally import Tally, calculate_tally
from gitrel.cluster.controllers.job.verdict import Verdict
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, controller_of

JOBS = "jobs.batch"
BATCH = timedelta(seconds=1)
_BATCHED = "/batched"
_ORPHAN = "/orphan"


class JobController:
    name = "job"

    def __init__(self) -> None:
        self._echo = Echo()

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {JOBS: self._job_keys, "pods": _pod_keys}

    def _job_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        return () if self._echo.sounding else _job_keys(change, read)

    def reconcile(self, key: Key, context: Context) -> None:
        name, _, errand = key.name.partition("/")
        own = Key(key.namespace, name)
        if errand == "orphan":
            _free_orphan(own, context)
        elif errand:
            context.requeue_at(own, context.now + BATCH)
        else:
            job = context.read.get(JOBS, *key)
            if job is not None and not is_finished(job):
                _Sync(job, key, context, self._echo).run()


def _job_keys(change: Change, read: Reader) -> Iterable[Key]:
    """A changed spec is looked at now, a changed status with the next batch."""
    metadata = change.new["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    if change.type == "DELETED":
        return [_orphan_key(pod) for pod in read.owned_by("pods", metadata["uid"]) if is_tracked(pod)]
    old = change.old["metadata"] if change.old else {}
    if change.type == "MODIFIED" and old.get("generation") == metadata.get("generation"):
        return (Key(key.namespace, key.name + _BATCHED),)
    return (key,)


def _pod_keys(change: Change, read: Reader) -> Iterable[Key]:
    for key in _WAKE_BY_POD(change, read):
        if read.get(JOBS, *key) is not None:
            yield Key(key.namespace, key.name + _BATCHED)
    if change.type != "DELETED" and is_tracked(change.new) and _job_of(change.new, read) is None:
        yield _orphan_key(change.new)


_WAKE_BY_POD = claiming.keys_of_matching(JOBS, "Job", claiming.label_selector)


def _orphan_key(pod: Object) -> Key:
    return Key(pod["metadata"]["namespace"], pod["metadata"]["name"] + _ORPHAN)


def _job_of(pod: Object, read: Reader) -> Object | None:
    owner = controller_of(pod)
    if owner is None or owner["kind"] != "Job":
        return None
    job = read.get(JOBS, pod["metadata"]["namespace"], owner["name"])
    return job if job is not None and job["metadata"]["uid"] == owner["uid"] else None


def _free_orphan(key: Key, context: Context) -> None:
    """Nobody will count it any more: it need not be kept."""
    pod = context.read.get("pods", *key)
    if pod is not None and is_tracked(pod) and _job_of(pod, context.read) is None:
        context.write.update("pods", _untracked(pod))


def _untracked(pod: Object) -> Object:
    left = [name for name in pod["metadata"]["finalizers"] if name != FINALIZER]
    return replaced(pod, ("metadata", "finalizers"), left)


class _Sync:
    """One pass over one unfinished Job. `status` is what it will be."""

    def __init__(self, job: Object, key: Key, context: Context, echo: Echo) -> None:
        self._job = job
        self._key = key
        self._context = context
        self._echo = echo
        self._now = context.now
        self._reference = claiming.controller_reference("batch/v1", "Job", job)
        self._status: dict[str, Any] = dict(status_of(job))

    def run(self) -> None:
        pods = self._sync_claims()
        tally = calculate_tally(self._job, pods)
        self._start()
        found = verdict.decide(self._job, tally, self._now)
        failure: ApiError | None = None
        active, deleted = len(tally.active), 0
        if found is not None:
            # It is over: what still runs is stopped.
            deleted = self._delete_active(tally)
            active -= deleted
        else:
            # It goes on: create what is missing, delete what is too many.
            if not podstate.is_deleting(self._job):
                active, deleted, failure = self._manage(tally)
            if verdict.is_complete(self._job, tally.succeeded, active):
                found = verdict.COMPLETED
            elif not podstate.is_deleting(self._job):
                self._tell_suspended()
        self._status |= {
            "active": active,
            "ready": self._count_ready(),
            "terminating": tally.terminating + deleted,
        }
        self._track(tally, found)
        if (deadline := verdict.deadline_at(self._job)) is not None and found is None:
            self._context.requeue_at(self._key, deadline)
        if failure is not None:
            raise failure

    def _sync_claims(self) -> Sequence[Object]:
        read, selector = self._context.read, claiming.label_selector(self._job)
        candidates: Iterable[Object] = read.owned_by("pods", self._job["metadata"]["uid"])
        if labels := selector.get("matchLabels"):
            candidates = claiming.candidates("pods", self._job, labels, read)
        claim = claiming.calculate_claim(self._job, selector, candidates)
        adopted = tuple(_tracked(pod) for pod in claim.adopt)
        claim = claiming.Claim(claim.keep, adopted, claim.release)
        return claiming.sync_claim("pods", claim, self._reference, self._context.write)

    def _start(self) -> None:
        """The clock of `activeDeadlineSeconds` starts with the first sync that may create pods."""
        if "startTime" not in self._status and not is_suspended(self._job):
            self._status["startTime"] = instants.stamp(self._now)
            self._job = {**self._job, "status": dict(self._status)}

    # --- pods ---------------------------------------------------------------------------------------------

    def _manage(self, tally: Tally) -> tuple[int, int, ApiError | None]:
        """(active pods now, pods deleted, the first failure)."""
        planned = plan.calculate_plan(self._job, tally, self._now)
        if planned.look_at is not None:
            self._context.requeue_at(self._key, planned.look_at)
        for pod in planned.delete:
            # Freed first: a pod that the Job itself takes away is neither a success nor a failure.
            if is_tracked(pod):
                self._context.write.update("pods", _untracked(pod))
            self._delete(pod)
        created, failure = self._create(planned.create, tally)
        deleted = len(planned.delete)
        return len(tally.active) - deleted + created, deleted, failure

    def _create(self, wanted: Sequence[int | None], tally: Tally) -> tuple[int, ApiError | None]:
        def create(position: int) -> None:
            index = wanted[position]
            replaced_pod = tally.delayed.get(index) if index is not None else None
            pod = podbuild.build_pod(self._job, self._reference, index, replaced_pod)
            try:
                name = self._context.write.create("pods", pod)["metadata"]["name"]
            except ApiError as error:
                if not batches.is_namespace_terminating(error):
                    self._tell("Warning", "FailedCreate", f"Error creating: {error.message}")
                raise
            self._tell("Normal", "SuccessfulCreate", f"Created pod: {name}")

        created, failure = batches.sync_in_batches(len(wanted), create)
        return created, None if failure is None or batches.is_namespace_terminating(failure) else failure

    def _delete_active(self, tally: Tally) -> int:
        """They keep their finalizer: they are still to be counted."""
        for pod in tally.active:
            self._delete(pod)
        return len(tally.active)

    def _delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        try:
            self._context.write.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except ApiError as error:
            if error.code != 404:
                raise
            return
        self._tell("Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    def _count_ready(self) -> int:
        """Of the pods that are left after this sync's deletions."""
        pods = self._context.read.owned_by("pods", self._job["metadata"]["uid"])
        return sum(podstate.is_active(pod) and podstate.is_ready(pod) for pod in pods)

    # --- the status ---------------------------------------------------------------------------------------

    def _tell(self, type_: Any, reason: str, message: str) -> None:
        self._context.write.event(self._job, type_, reason, message)

    def _tell_suspended(self) -> None:
        """A suspension ends the Job's time, and a resumption starts it anew."""
        conditions = list(self._status.get("conditions") or ())
        current = next((c["status"] for c in conditions if c["type"] == SUSPENDED), "False")
        wanted = "True" if is_suspended(self._job) else "False"
        if current == wanted:
            return
        done = "Suspended" if wanted == "True" else "Resumed"
        message = f"Job {done.lower()}"
        new = tracking.new_condition(SUSPENDED, wanted, f"Job{done}", message, self._now)
        self._status["conditions"] = [c for c in conditions if c["type"] != SUSPENDED] + [new]
        if wanted == "False":
            self._status["startTime"] = instants.stamp(self._now)
        else:
            self._status.pop("startTime", None)
        self._tell("Normal", done, message)

    def _track(self, tally: Tally, found: Verdict | None) -> None:
        """Notes what has ended, frees it, counts it; and finishes when nothing is left."""
        notes = tracking.note(self._job, self._status, tally, found)
        status = notes.status
        if found is not None:
            type_ = SUCCESS_CRITERIA_MET if found.succeeded else FAILURE_TARGET
            conditions = tracking.with_condition(status.get("conditions"), type_, found, self._now)
            status = {**status, "conditions": conditions}
        self._write(status)
        self._free(notes.release)
        still = {
            pod["metadata"]["uid"]
            for pod in self._context.read.owned_by("pods", self._job["metadata"]["uid"])
            if is_tracked(pod)
        }
        status = tracking.settle(status, still)
        finished = tracking.finish(status, found, self._now) if found is not None and notes.all else None
        self._write(finished or status)
        if finished is not None and found is not None:
            self._tell_finished(finished, found)

    def _free(self, pods: Iterable[Object]) -> None:
        for pod in pods:
            current = self._context.read.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            if current is not None and is_tracked(current):
                self._context.write.update("pods", _untracked(current))

    def _write(self, status: Mapping[str, Any]) -> None:
        """Counters at zero are left out, as Go's `omitempty` does; `ready` and `terminating` are pointers."""
        omitted = ("active", "succeeded", "failed", "completedIndexes")
        shown = {k: v for k, v in status.items() if v or k not in omitted}
        stored = self._context.read.get(JOBS, *self._key)
        if stored is not None and shown != status_of(stored):
            with self._echo:
                self._context.write.update_status(JOBS, replaced(stored, ("status",), shown))

    def _tell_finished(self, status: Mapping[str, Any], found: Verdict) -> None:
        wanted = completions(self._job)
        if not found.succeeded:
            self._tell("Warning", found.reason, found.message)
            return
        if wanted is not None and status.get("succeeded", 0) > wanted:
            message = "Too many succeeded pods running after completion count reached"
            self._tell("Warning", "TooManySucceededPods", message)
        self._tell("Normal", "Completed", "Job completed")


def _tracked(pod: Object) -> Object:
    """An adopted pod is held until it is counted, as one of the Job's own."""
    finalizers = pod["metadata"].get("finalizers") or []
    return pod if is_tracked(pod) else replaced(pod, ("metadata", "finalizers"), [*finalizers, FINALIZER])
