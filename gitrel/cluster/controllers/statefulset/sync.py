"""One pass over one StatefulSet: its revisions, its members from the lowest, the condemned from the highest.

A step answers whether the pass has to stop there; in parallel nothing stops it. What was done is counted by
the next pass: the pods that it made or deleted wake the controller again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import batches, history, podstate
from gitrel.cluster.controllers.controller import Context, Key
from gitrel.cluster.controllers.statefulset import members, storage
from gitrel.cluster.controllers.statefulset.status import calculate_status
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

SETS = "statefulsets.apps"
Step = Callable[[], bool]
"""Does what may be done for one member; True where nothing more may be done in this pass."""


class Pass:
    """`pods` are the members that are there, in any order."""

    def __init__(
        self, set_: Object, pods: Sequence[Object], reference: Mapping[str, Any], context: Context
    ) -> None:
        self._set = set_
        self._reference = reference
        self._context = context
        self._least: int = set_["spec"].get("minReadySeconds", 0)
        self._in_order = not members.is_parallel(set_)
        found = {_ordinal(pod, set_): pod for pod in pods}
        self._pods = [found[ordinal] for ordinal in sorted(found)]
        self._wanted = {ordinal: found.get(ordinal) for ordinal in members.ordinals(set_)}
        self._condemned = [pod for pod in reversed(self._pods) if _ordinal(pod, set_) not in self._wanted]

    def run(self) -> None:
        """Raises ApiError after the status was written."""
        context, set_ = self._context, self._set
        revisions = history.sync_claims(set_, self._reference, context)
        self._update, collisions = self._update_revision(revisions)
        said = get(set_, "status", "currentRevision")
        named = (one for one in revisions if one["metadata"]["name"] == said)
        self._current = next(named, self._update)
        failure: ApiError | None = None
        # One that is going away only counts.
        if not podstate.is_deleting(set_):
            try:
                self._work()
            except ApiError as error:
                failure = error
        self._write_status(collisions)
        self._truncate(revisions)
        if failure is not None:
            raise failure

    # --- revisions ----------------------------------------------------------------------------------------

    def _update_revision(self, revisions: Sequence[Object]) -> tuple[Object, int]:
        """The revision of the template as it is now: the newest, an earlier one again, or a new one."""
        data = history.data_of(self._set["spec"]["template"])
        collisions: int = get(self._set, "status", "collisionCount", default=0)
        equal = history.find_equal(revisions, data)
        if equal is None:
            number = history.next_number(revisions)
            return history.create(self._set, data, number, self._reference, self._context, collisions)
        if equal["data"] == revisions[-1]["data"]:
            return revisions[-1], collisions
        return history.renumbered(equal, history.next_number(revisions), self._context), collisions

    def _truncate(self, revisions: Sequence[Object]) -> None:
        live = {one["metadata"]["name"] for one in (self._current, self._update)}
        live |= {members.revision_of(pod) for pod in self._pods}
        limit = self._set["spec"].get("revisionHistoryLimit", 10)
        history.truncate(revisions, live, limit, self._context)

    # --- members ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        if self._stops([self._member(ordinal, pod) for ordinal, pod in self._wanted.items()]):
            return
        if self._stops([self._owners(pod) for pod in self._condemned]):
            return
        first = next(self._unavailable(), None)
        if self._stops([self._ending(pod, first) for pod in self._condemned]):
            return
        self._roll()

    def _stops(self, steps: Sequence[Step]) -> bool:
        if self._in_order:
            return any(step() for step in steps)
        _, failure = batches.sync_in_batches(len(steps), lambda index: steps[index]())
        if failure is not None:
            raise failure
        return False

    def _unavailable(self) -> Iterator[Object | None]:
        """Those that are not well, the lowest first, the wanted before the condemned."""
        for pod in (*self._wanted.values(), *reversed(self._condemned)):
            if members.is_unavailable(pod, self._least, self._context.now):
                yield pod

    def _member(self, ordinal: int, pod: Object | None) -> Step:
        def step() -> bool:
            # One that has ended is deleted, and made again when it is gone.
            if pod is not None and podstate.is_terminal(pod):
                if not podstate.is_deleting(pod):
                    self._delete(pod)
                return True
            # One that is missing is made.
            if pod is None:
                if not storage.has_stale_claim(self._set, ordinal, self._context):
                    self._create(ordinal)
                return True
            if podstate.phase(pod) == "Pending":
                storage.sync_claims(self._set, ordinal, self._context)
                storage.sync_owners(self._set, pod, ordinal, self._context)
            # In order, one that goes, or is not well yet, is waited for.
            if self._in_order and not self._is_well(pod):
                return True
            self._correct(ordinal, pod)
            return False

        return step

    def _is_well(self, pod: Object) -> bool:
        running = members.is_running_and_ready(pod) and not podstate.is_deleting(pod)
        return running and members.is_available(pod, self._least, self._context.now)

    def _create(self, ordinal: int) -> None:
        set_, name = self._set, f"{self._set['metadata']['name']}-{ordinal}"
        revision = self._current if self._stays_behind(ordinal) else self._update
        template, label = history.template_of(revision), revision["metadata"]["name"]
        try:
            storage.sync_claims(set_, ordinal, self._context)
            built = members.new_pod(set_, template, ordinal, label, self._reference)
            pod = self._context.write.create("pods", built)
        except ApiError as error:
            if error.reason != "AlreadyExists" and not batches.is_namespace_terminating(error):
                said = f"Create Pod {name} in StatefulSet {set_['metadata']['name']} failed error: "
                self._context.write.event(set_, "Warning", "FailedCreate", said + error.message)
            raise
        storage.sync_owners(set_, pod, ordinal, self._context)
        self._tell("create", name)

    def _stays_behind(self, ordinal: int) -> bool:
        """Whether a member below the partition is made as it was."""
        rolling = get(self._set, "spec", "updateStrategy", "rollingUpdate")
        start = members.ordinals(self._set).start
        if rolling is not None:
            return bool(ordinal < start + (rolling.get("partition") or 0))
        is_rolling = self._set["spec"]["updateStrategy"].get("type") == "RollingUpdate"
        return bool(is_rolling and ordinal < start + get(self._set, "status", "currentReplicas", default=0))

    def _correct(self, ordinal: int, pod: Object) -> None:
        """Puts a member's identity and storage right, where somebody changed them."""
        right = members.has_identity(pod) and members.has_storage(pod, self._set, ordinal)
        if right and storage.owners_are_right(self._set, pod, ordinal, self._context):
            return
        storage.sync_claims(self._set, ordinal, self._context)
        storage.sync_owners(self._set, pod, ordinal, self._context)
        if not right:
            fixed = members.with_storage(members.with_identity(pod, self._set, ordinal), self._set, ordinal)
            self._context.write.update("pods", fixed)
        self._tell("update", pod["metadata"]["name"])

    # --- the condemned, and the update ----------------------------------------------------------------------

    def _owners(self, pod: Object) -> Step:
        def step() -> bool:
            storage.sync_owners(self._set, pod, _ordinal(pod, self._set), self._context)
            return False

        return step

    def _ending(self, pod: Object, first: Object | None) -> Step:
        def step() -> bool:
            if podstate.is_deleting(pod):
                return True
            # In order, nothing goes while another one is not well.
            if self._in_order and pod is not first and not self._is_well(pod):
                return True
            self._delete(pod)
            return True

        return step

    def _roll(self) -> None:
        """Deletes the highest member of another revision, unless a higher one is not well yet.

        `maxUnavailable` is behind a gate that is closed by default in 1.36: one at a time.
        """
        strategy = self._set["spec"]["updateStrategy"]
        if strategy.get("type") == "OnDelete":
            return
        lowest = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        update = self._update["metadata"]["name"]
        for pod in reversed([*self._wanted.values()][lowest:]):
            if pod and members.revision_of(pod) != update and not podstate.is_deleting(pod):
                self._delete(pod)
                return
            if members.is_unavailable(pod, self._least, self._context.now):
                return

    def _delete(self, pod: Object) -> None:
        metadata, set_ = pod["metadata"], self._set
        try:
            self._context.write.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except ApiError as error:
            if error.code != 404:
                said = (
                    f"delete Pod {metadata['name']} in StatefulSet {set_['metadata']['name']} failed error: "
                )
                self._context.write.event(set_, "Warning", "FailedDelete", said + error.message)
                raise
        self._tell("delete", metadata["name"])

    def _tell(self, verb: str, pod: str) -> None:
        said = f"{verb.capitalize()} Pod {pod} in StatefulSet {self._set['metadata']['name']} successful"
        self._context.write.event(self._set, "Normal", f"Successful{verb.capitalize()}", said)

    # --- the status -----------------------------------------------------------------------------------------

    def _write_status(self, collisions: int) -> None:
        context, set_ = self._context, self._set
        names = self._current["metadata"]["name"], self._update["metadata"]["name"]
        status = calculate_status(set_, self._pods, *names, collisions, context.now)
        if status != set_.get("status"):
            context.write.update_status(SETS, replaced(set_, ("status",), status))
        instants = (podstate.available_at(pod, self._least) for pod in self._pods)
        later = [instant for instant in instants if instant is not None and instant > context.now]
        if self._least and later:
            metadata = set_["metadata"]
            context.requeue_at(Key(metadata["namespace"], metadata["name"]), min(later))


def _ordinal(pod: Object, set_: Object) -> int:
    found = members.ordinal_of(pod["metadata"]["name"], set_)
    assert found is not None, "members alone are claimed"
    return found
