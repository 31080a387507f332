"""What a cluster is asked to tell how well a release is: its objects' pods and, where it is not well, why.

Events are read only for a release that is not well: they explain, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import cast

from gitrel.backends.backend import Backend, OwnClock, Refused
from gitrel.delivery.health import release_health
from gitrel.kube.identity import Object, Ref
from gitrel.render.manifest import Rendered
from gitrel.repo.model import HealthRule
from gitrel.rollout.seen import Health


def health_in(
    backend: Backend,
    rendered: Rendered,
    live: Mapping[Ref, Object],
    rules: Iterable[HealthRule],
    now: datetime,
) -> Health:
    """The health of an applied release, with the cluster's own words for what is wrong. `live` are its
    objects as they were just read. Raises Unreachable, and Refused where pods may not be read.

    What the cluster says is judged by its own clock; instants in the answer are of ours.
    """
    pods, rules = list(pods_of(backend, rendered)), tuple(rules)
    skew = _skew(backend)
    found = release_health(rendered.manifests, live, pods, now + skew, rules=rules)
    if found.status != "current":
        events = list(_events(backend, rendered))
        found = release_health(rendered.manifests, live, pods, now + skew, events=events, rules=rules)
    if not skew:
        return found
    return replace(found, since=_ours(found.since, skew), given_up=_ours(found.given_up, skew))


def _skew(backend: Backend) -> timedelta:
    # A protocol's instance check takes as long as reading an object does; that of its class is remembered.
    return cast(OwnClock, backend).skew() if _has_own_clock(type(backend)) else timedelta()


@cache
def _has_own_clock(kind: type) -> bool:
    return issubclass(kind, OwnClock)


def _ours(instant: datetime | None, skew: timedelta) -> datetime | None:
    return None if instant is None else instant - skew


def pods_of(backend: Backend, rendered: Rendered) -> Iterator[Object]:
    """The pods that the release's workloads select."""
    for manifest in rendered.manifests:
        spec = manifest.object.get("spec") or {}
        selector = (spec.get("selector") or {}) if "template" in spec else {}
        if labels := selector.get("matchLabels"):
            yield from backend.list("v1", "Pod", manifest.ref.namespace, labels, recent=True)


def _events(backend: Backend, rendered: Rendered) -> Iterator[Object]:
    """The events of the release's namespaces. Without the right to read them less is explained."""
    for namespace in sorted({manifest.ref.namespace for manifest in rendered.manifests} - {""}):
        try:
            yield from backend.list("v1", "Event", namespace)
        except Refused:
            continue
