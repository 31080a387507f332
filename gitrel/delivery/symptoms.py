"""Why pods do not run, in their own words and counted: `ImagePullBackOff app:2.0 on 3 of 5 pods`.

The pods' own reasons say most; the cluster's warnings say the rest, such as a quota that lets no pod be
made or a probe that does not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gitrel.delivery.readiness.pods import container_statuses, image_of
from gitrel.delivery.readiness.status import conditions, instant, latest
from gitrel.kube.fields import get
from gitrel.kube.identity import Ref, ref_of

FATAL_REASONS = frozenset(("CrashLoopBackOff", "InvalidImageName"))
"""Reasons of a waiting container that fail the release; the others may still pass by themselves."""
PULL_REASONS = frozenset(
    ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName")
)
STUCK_REASONS = PULL_REASONS - FATAL_REASONS | frozenset(
    ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
)
TOLD_ELSEWHERE = frozenset(("BackOff", "Failed", "FailedScheduling", "InspectFailed"))
"""Reasons of warnings that say what the pod's own status says better."""
WARNINGS_MAX = 3
TEXT_MAX = 300
"""Characters of one reason: a container may end with a novel."""

_NEVER = datetime.min.replace(tzinfo=UTC)

Pods = Sequence[Mapping[str, Any]]


def fatal(pods: Pods) -> Iterator[str]:
    """What the release does not come back from."""
    yield from _waiting(pods, FATAL_REASONS)


def stuck(pods: Pods) -> Iterator[str]:
    """What keeps pods from running, though it may still pass."""
    named = list(_waiting(pods, STUCK_REASONS))
    yield from named
    messages = Counter(message for pod in pods if (message := _unplaced(pod)))
    for message, count in sorted(messages.items()):
        reason, _, words = message.partition(": ")
        yield f"{reason} {count} of {len(pods)} pods" + (f": {words}" if words else "")
    yield from _ended(pods)
    if not named and not messages:
        yield from _unready(pods)


def _waiting(pods: Pods, reasons: frozenset[str]) -> Iterator[str]:
    """For each reason and container on how many pods, with the commonest detail."""
    found: dict[tuple[str, str], list[str]] = {}
    for pod in pods:
        seen = set()
        for status in container_statuses(pod):
            reason = get(status, "state", "waiting", "reason")
            if reason in reasons:
                name = str(status.get("name", ""))
                key = reason, (image_of(pod, name) if reason in PULL_REASONS else name)
                if key not in seen:
                    seen.add(key)
                    found.setdefault(key, []).append(_detail(status, reason))
    for (reason, what), details in sorted(found.items()):
        ((detail, _),) = Counter(sorted(details)).most_common(1)
        where = f"{reason} {what} on {len(details)} of {len(pods)} pods"
        yield f"{where}: {detail}" if detail else where


def _detail(status: Mapping[str, Any], reason: str) -> str:
    """How a crashing container last ended; what a container that cannot be made lacks."""
    if reason == "CrashLoopBackOff":
        return ending(get(status, "lastState", "terminated") or get(status, "state", "terminated"))
    if reason in PULL_REASONS:
        return ""  # the kubelet says the image once more, in words that change with every try
    return str(get(status, "state", "waiting", "message", default=""))


def ending(terminated: Any) -> str:
    """`exit code 1 (Error): cannot read /etc/web.yaml`, of a container that has ended."""
    if not isinstance(terminated, Mapping) or not isinstance(terminated.get("exitCode"), int):
        return ""
    reason = terminated.get("reason")
    message = str(terminated.get("message") or "").strip()
    words = f"exit code {terminated['exitCode']}" + (f" ({reason})" if reason else "")
    return f"{words}: {message}" if message else words


def _unplaced(pod: Mapping[str, Any]) -> str:
    """`Unschedulable: <the scheduler's message>`; a gated pod says so."""
    scheduled = conditions(pod).get("PodScheduled", {})
    reason = scheduled.get("reason")
    if scheduled.get("status") != "False" or reason not in ("Unschedulable", "SchedulingGated"):
        return ""
    return f"{reason}: {scheduled.get('message') or 'no node fits'}"


def _ended(pods: Pods) -> Iterator[str]:
    """Pods that have failed as a whole: evicted, out of time, or with a container that is not restarted."""
    found = Counter(words for pod in pods if (words := _how_it_ended(pod)))
    for words, count in sorted(found.items()):
        yield f"Failed {count} of {len(pods)} pods: {words}"


def _how_it_ended(pod: Mapping[str, Any]) -> str:
    if get(pod, "status", "phase") != "Failed":
        return ""
    if reason := get(pod, "status", "reason"):
        return f"{reason}: {get(pod, 'status', 'message', default='')}".removesuffix(": ")
    endings = (ending(get(status, "state", "terminated")) for status in container_statuses(pod))
    return next((words for words in endings if words and not words.startswith("exit code 0")), "")


def _unready(pods: Pods) -> Iterator[str]:
    """Containers that run and are not ready: nobody else has said why yet."""
    found = Counter(
        str(status.get("name", ""))
        for pod in pods
        for status in container_statuses(pod, init=False)
        if status.get("ready") is False and get(status, "state", "running") is not None
    )
    for name, count in sorted(found.items()):
        yield f"{name} runs but is not ready on {count} of {len(pods)} pods"


def warnings(
    events: Iterable[Mapping[str, Any]], pods: Pods, applied: Mapping[str, tuple[Ref, datetime | None]]
) -> Iterator[str]:
    """What the cluster warns of, newest first: once per reason for the pods, and per object and reason for
    the objects of the release. `applied` holds their names and since when they are as they are, by UID."""
    own = {get(pod, "metadata", "uid") for pod in pods} - {None}
    told: dict[tuple[str, str], tuple[datetime, str, set[str]]] = {}
    for event in sorted(events, key=_at, reverse=True):
        uid, reason = get(event, "involvedObject", "uid"), str(event.get("reason", ""))
        if event.get("type") != "Warning" or reason in TOLD_ELSEWHERE:
            continue
        if uid in own:
            subject = ""
        elif uid in applied and _at(event) >= (applied[uid][1] or _NEVER):
            subject = str(applied[uid][0])
        else:
            continue
        entry = told.setdefault((subject, reason), (_at(event), str(event.get("message", "")), set()))
        entry[2].add(uid)
    for (subject, reason), (_, message, uids) in list(told.items())[:WARNINGS_MAX]:
        where = f"{subject}: {reason}" if subject else f"{reason} on {len(uids)} of {len(pods)} pods"
        yield f"{where}: {message}"


def _at(event: Mapping[str, Any]) -> datetime:
    """When an event was last seen, by whichever of its fields says so."""
    fields = (event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp"))
    return latest(instant(get(event, "series", "lastObservedTime")), *map(instant, fields)) or _NEVER


def budgets(live: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Disruption budgets of the release that let no pod be evicted now: a drain of a node waits for them."""
    for obj in live:
        if obj.get("kind") != "PodDisruptionBudget" or not isinstance(obj.get("status"), Mapping):
            continue
        status = obj["status"]
        if status.get("disruptionsAllowed") == 0 and status.get("expectedPods"):
            healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            yield f"{ref_of(obj)} lets no pod be evicted: {healthy} are healthy, {wanted} must be"


def clipped(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_MAX else line[: TEXT_MAX - 1] + "…"
