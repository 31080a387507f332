"""Jobs that run around a release: before anything of it is applied, after it is ready, or when it failed.

A hook's Job is named for the release, so that it runs once however often a pass is made. How far a hook is
stands in the cluster: in its Job, and in the inventory, which remembers the ones that are over when their
Jobs are gone. The Job's own backoffLimit says how often it tries; a hook whose Job failed runs again only
when somebody starts the release anew (`attempt`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from gitrel.delivery.labels import COMPONENT, ENVIRONMENT, MANAGED_BY, TOOL, is_terminating
from gitrel.delivery.readiness.status import conditions, instant, number
from gitrel.kube.directives import HOOK, NEEDED, Moment, directives_of
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object, Ref, annotations_of, labels_of, ref_of
from gitrel.kube.ordering import apply_key
from gitrel.render.manifest import Manifest, Rendered

RELEASE = "gitrel.dev/release"
"""An annotation on a hook's Job: the digest of the release that it runs for."""
ATTEMPT = "gitrel.dev/attempt"
"""An annotation on a hook's Job: when the release was started there, which a retry does anew."""
NAME_MAX = 63
"""The pods of a Job carry its name as a label."""
DIGEST_SHOWN = 10
Word = Literal["due", "running", "failed", "done"]


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of one release. `job` is the Job to make; `again` the one of an earlier attempt, to be removed
    first. `message` says what it does or why it failed, `since` when it was done by the Job's own conditions.
    """

    moment: Moment
    job: Object
    order: int
    word: Word
    message: str = ""
    since: datetime | None = None
    again: Object | None = None

    @property
    def ref(self) -> Ref:
        return ref_of(self.job)

    @property
    def attempt(self) -> str:
        return annotations_of(self.job).get(ATTEMPT, "")

    @property
    def key(self) -> str:
        """What the inventory remembers it by. What runs at each failure is another one at each attempt."""
        return f"{self.ref.name} {self.attempt}" if self.moment == "on-failure" else self.ref.name

    def __str__(self) -> str:
        return f"the {self.moment} hook {self.ref}"


def is_hook(obj: Mapping[str, Any]) -> bool:
    """Whether it is a Job that runs around the release, rather than an object of it."""
    return obj.get("kind") == "Job" and bool(directives_of(obj).hook)


def is_needed(obj: Mapping[str, Any]) -> bool:
    """Whether it is an object of the release that is applied before the hooks run: they need it."""
    return obj.get("kind") in NEEDED and directives_of(obj).hook == "before"


def without_hooks(rendered: Rendered) -> Rendered:
    """The release as it is applied and pruned: its digest still covers the hooks."""
    objects = tuple(manifest for manifest in rendered.manifests if not is_hook(manifest.object))
    return rendered if len(objects) == len(rendered.manifests) else replace(rendered, manifests=objects)


def hooks_of(rendered: Rendered, moment: Moment, attempt: str = "") -> tuple[Hook, ...]:
    """The hooks of one moment, in the order in which they run, all due."""
    found = []
    for manifest in rendered.manifests:
        directives = directives_of(manifest.object)
        if directives.hook == moment and is_hook(manifest.object):
            job = _job(manifest, rendered, moment, attempt)
            found.append(Hook(moment, job, directives.order, "due"))
    return tuple(sorted(found, key=lambda hook: (hook.order, apply_key(hook.ref))))


def _job(manifest: Manifest, rendered: Rendered, moment: Moment, attempt: str) -> Object:
    """The Job as it is made: of gitrel, and of no ApplySet, because nothing but its own rule removes it."""
    suffix = "-" + rendered.digest.removeprefix("sha256:")[:DIGEST_SHOWN]
    name = manifest.ref.name[: NAME_MAX - len(suffix)].rstrip("-.") + suffix
    ours = {MANAGED_BY: TOOL, COMPONENT: rendered.component, ENVIRONMENT: rendered.environment, HOOK: moment}
    notes = {RELEASE: rendered.digest} | ({ATTEMPT: attempt} if attempt else {})
    named = replaced(manifest.object, ("metadata", "name"), name)
    labelled = replaced(named, ("metadata", "labels"), {**labels_of(manifest.object), **ours})
    return replaced(labelled, ("metadata", "annotations"), {**annotations_of(manifest.object), **notes})


def judged(
    hooks: Iterable[Hook],
    live: Mapping[Ref, Object],
    remembered: Collection[str],
    pods: Iterable[Mapping[str, Any]] = (),
) -> tuple[Hook, ...]:
    """The hooks with how far each is. `remembered` are the keys of those that are over; `pods` tell why a Job
    failed."""
    pods = tuple(pods)
    return tuple(_judged(hook, live.get(hook.ref), remembered, pods) for hook in hooks)


def _judged(
    hook: Hook, live: Object | None, remembered: Collection[str], pods: Sequence[Mapping[str, Any]]
) -> Hook:
    if hook.key in remembered:
        return replace(hook, word="done")
    if live is None:
        return hook
    found = conditions(live)
    if is_terminating(live):
        return replace(hook, word="running", message=f"{hook} of an earlier attempt is being deleted")
    if found.get("Complete", {}).get("status") == "True":
        if hook.moment == "on-failure" and _attempt(live) != hook.attempt:
            return replace(hook, again=live)
        return replace(hook, word="done", since=instant(found["Complete"].get("lastTransitionTime")))
    if found.get("Failed", {}).get("status") == "True":
        if hook.attempt and _attempt(live) != hook.attempt:
            return replace(hook, again=live)
        # Nothing rests on what runs at a failure: it is over, however it ended.
        word: Word = "done" if hook.moment == "on-failure" else "failed"
        return replace(hook, word=word, message=f"{hook} failed: {why_failed(live, pods)}")
    counts = [f"{number(live, 'status', field)} {field}" for field in ("active", "failed")]
    return replace(hook, word="running", message=f"{hook} runs: {', '.join(counts)}")


def _attempt(live: Mapping[str, Any]) -> str:
    return annotations_of(live).get(ATTEMPT, "")


def failed_attempt(hook: Hook, live: Mapping[Ref, Object]) -> str:
    """The attempt of which the Job failed."""
    found = live.get(hook.ref)
    return _attempt(found) if found else ""


def why_failed(job: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> str:
    """What the latest of the Job's pods said at its end, and the Job's own reason."""
    condition = conditions(job).get("Failed", {})
    own = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
    uid = get(job, "metadata", "uid")
    mine = [pod for pod in pods if uid in _owners(pod)]
    mine.sort(key=lambda pod: str(get(pod, "metadata", "creationTimestamp", default="")))
    told = [text for pod in mine for text in _endings(pod)]
    return "; ".join([*told[-1:], own or "the Job failed"])


def _owners(pod: Mapping[str, Any]) -> Iterator[Any]:
    for owner in get(pod, "metadata", "ownerReferences") or ():
        yield owner.get("uid") if isinstance(owner, Mapping) else None


def _endings(pod: Mapping[str, Any]) -> Iterator[str]:
    """What each container that did not end well left: `migrate exited with 3: table is locked`."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in get(pod, "status", field) or ():
            for state in ("state", "lastState"):
                ended = get(status, state, "terminated")
                if isinstance(ended, Mapping) and ended.get("exitCode"):
                    said = str(ended.get("message") or ended.get("reason") or "").strip()
                    text = f"{status.get('name')} exited with {ended['exitCode']}"
                    yield f"{text}: {said}" if said else text


def next_up(hooks: Sequence[Hook]) -> tuple[Hook, ...]:
    """The hooks of the lowest order that are not all done; empty where everything is over."""
    open_orders = [hook.order for hook in hooks if hook.word != "done"]
    return tuple(hook for hook in hooks if open_orders and hook.order == min(open_orders))


def finished(job: Mapping[str, Any]) -> bool:
    found = conditions(job)
    return any(found.get(word, {}).get("status") == "True" for word in ("Complete", "Failed"))


def to_tidy(jobs: Iterable[Object], digest: str, remembered: Collection[str]) -> Iterator[Object]:
    """The hooks' Jobs that gitrel removes by now: those of earlier releases, and what asks to go at once.

    A Job that runs is never removed, and neither is one that failed for the release that is there.
    """
    for job in jobs:
        if HOOK not in labels_of(job) or is_terminating(job) or not finished(job):
            continue
        policy = directives_of(job).hook_delete
        over = annotations_of(job).get(RELEASE) != digest
        well = conditions(job).get("Complete", {}).get("status") == "True"
        known = str(get(job, "metadata", "name")) in remembered
        if (policy == "superseded" and over) or (policy == "succeeded" and (over or (well and known))):
            yield job
