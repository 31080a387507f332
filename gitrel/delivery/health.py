"""How well a whole release is: the statuses of its objects, and what its own pods say.

Only what runs the wanted template counts. A pod of the old revision that crashes says nothing about the new
one, and one crashing pod of the new revision fails the release, even while a Deployment is still Available.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.delivery import symptoms
from gitrel.delivery.fields import holds
from gitrel.delivery.readiness import assess
from gitrel.delivery.readiness.pods import ready_since, restarts
from gitrel.delivery.readiness.status import instant, latest, number
from gitrel.kube import selectors
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, Ref, labels_of
from gitrel.kube.masking import Masker
from gitrel.render.manifest import Manifest
from gitrel.repo.model import HealthRule
from gitrel.rollout.seen import Health

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a release without any object, or without any instant, is Current."""

Pods = Sequence[Mapping[str, Any]]


def release_health(
    manifests: Iterable[Manifest],
    live: Mapping[Ref, Object],
    pods: Iterable[Object],
    now: datetime,
    *,
    events: Iterable[Mapping[str, Any]] = (),
    rules: Iterable[HealthRule] = (),
) -> Health:
    """The health of one applied release.

    `live` holds its objects as they are now, `pods` all pods that its workloads select (others are left
    out here), `events` what the cluster has told lately, `rules` the component's own rules. `failed` wins
    over `in-progress` wins over `current`; `since` is the latest instant at which an object of the release
    became Current, never later than `now`. No secret of the release shows in `because`.
    """
    manifests = tuple(manifests)
    own = _own_pods(manifests, tuple(pods), live)
    count = sum(map(restarts, own))
    by_kind = {(rule.group, rule.kind): rule for rule in rules}
    statuses = [
        (ref, assess(live.get(ref), now, by_kind.get((ref.group, ref.kind))))
        for ref in (manifest.ref for manifest in manifests)
    ]
    unwell = [(ref, status) for ref, status in statuses if status.word != "current"]
    worst = [*symptoms.fatal(own)]
    worst += (f"{ref}: {status.message}" for ref, status in unwell if status.word == "failed")
    if unwell or worst:
        reasons = worst or [f"{ref}: {status.message}" for ref, status in unwell[:1]]
        reasons += _why(own, live, events)
        masker = Masker(manifest.object for manifest in manifests)
        # Masked before it is cut: half a secret would not be found any more.
        because = "; ".join(symptoms.clipped(masker.text(reason)) for reason in reasons)
        given_up = latest(*(status.since for _, status in unwell if status.word == "failed"))
        return Health("failed" if worst else "in-progress", because, None, count, given_up)
    since = latest(
        *(status.since for _, status in statuses),
        *(_applied_at(live[ref]) for ref, _ in statuses),
        *map(ready_since, own),
    )
    return Health("current", "everything is current", min(since or LONG_AGO, now), count)


def _why(pods: Pods, live: Mapping[Ref, Object], events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What keeps the release from getting well, the pods' own words first."""
    yield from symptoms.stuck(pods)
    applied = {
        uid: (ref, _applied_at(obj)) for ref, obj in live.items() if (uid := get(obj, "metadata", "uid"))
    }
    yield from symptoms.warnings(events, pods, applied)
    yield from symptoms.budgets(live.values())


def _own_pods(manifests: Iterable[Manifest], pods: Pods, live: Mapping[Ref, Object]) -> Pods:
    """The pods that run the release's templates, and its bare pods; terminating ones are left out."""
    remaining = {_pod_key(pod): pod for pod in pods if get(pod, "metadata", "deletionTimestamp") is None}
    own: list[Mapping[str, Any]] = []
    for manifest in manifests:
        if manifest.ref.kind == "Pod" and (bare := live.get(manifest.ref)):
            own.append(bare)
            continue
        if not (selector := _selector_of(manifest)):
            continue
        selected = [
            key
            for key, pod in remaining.items()
            if key[0] == manifest.ref.namespace and selectors.matches(selector, labels_of(pod))
        ]
        current = [key for key in selected if _runs_template(manifest.object, remaining[key])]
        if not current and _is_rolled_out(live.get(manifest.ref)):
            # Something between the manifest and the pod rewrites it, an admission webhook say: the
            # controller says that all pods are updated, so all of them are the release's.
            current = selected
        own += [remaining.pop(key) for key in current]
    return own


def _pod_key(pod: Mapping[str, Any]) -> tuple[str, str]:
    return get(pod, "metadata", "namespace", default=""), get(pod, "metadata", "name", default="")


def _selector_of(manifest: Manifest) -> selectors.Selector:
    """What the workload selects its pods by; empty for what has none."""
    spec = manifest.object.get("spec")
    if not isinstance(spec, Mapping) or not isinstance(get(spec, "template"), Mapping):
        return ()
    return selectors.from_object(spec.get("selector")) or selectors.from_labels(
        get(spec, "template", "metadata", "labels")
    )


def _runs_template(workload: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether the pod is what the template makes: everything that the template writes is so in the pod.

    Tolerations and affinity are left out: admission and the DaemonSet controller rewrite them.
    """
    template = get(workload, "spec", "template")
    spec = {k: v for k, v in (template.get("spec") or {}).items() if k not in ("tolerations", "affinity")}
    return holds(spec, pod.get("spec")) and all(
        holds(get(template, "metadata", field), get(pod, "metadata", field))
        for field in ("labels", "annotations")
    )


def _is_rolled_out(workload: Mapping[str, Any] | None) -> bool:
    """Whether the controller has seen the wanted generation and says that no old pod is left."""
    generation = get(workload, "metadata", "generation")
    if workload is None or get(workload, "status", "observedGeneration") != generation:
        return False
    if workload.get("kind") == "DaemonSet":
        scheduled = number(workload, "status", "currentNumberScheduled")
        return number(workload, "status", "updatedNumberScheduled") == scheduled
    return bool(
        get(workload, "status", "updatedReplicas", default=0)
        == get(workload, "status", "replicas", default=0)
    )


def _applied_at(obj: Mapping[str, Any]) -> datetime | None:
    """When the object last changed by our hand: its creation, or the apply that the server recorded."""
    times = [instant(get(obj, "metadata", "creationTimestamp"))]
    for entry in get(obj, "metadata", "managedFields") or ():
        if (
            isinstance(entry, Mapping)
            and entry.get("manager") == FIELD_OWNER
            and not entry.get("subresource")
        ):
            times.append(instant(entry.get("time")))
    return latest(*times)
