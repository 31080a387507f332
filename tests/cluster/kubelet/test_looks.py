"""A pod's life does not depend on how often anybody looks at it, nor on who remembers what in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.kubelet.behaviours import Behaviours, parse
from gitrel.cluster.kubelet.lifecycle import Addresses, advance

ADDRESSES = Addresses("172.18.0.2", lambda: "10.128.0.2")
START = 1_767_225_600
SPAN = 1500

probes = st.none() | st.fixed_dictionaries(
    {
        "periodSeconds": st.integers(1, 20),
        "initialDelaySeconds": st.integers(0, 20),
        "failureThreshold": st.integers(1, 3),
    }
)
rules = st.fixed_dictionaries(
    {"image": st.just("*")},
    optional={
        "pullSeconds": st.integers(0, 5),
        "startSeconds": st.integers(0, 5),
        "readyAfter": st.integers(0, 60),
        "neverReady": st.booleans(),
        "crash": st.fixed_dictionaries({"after": st.integers(0, 900), "again": st.integers(0, 30)}),
        "completeAfter": st.integers(1, 100),
        "stopSeconds": st.integers(0, 40),
        "pullFails": st.integers(0, 100) | st.booleans(),
    },
)
sick = st.fixed_dictionaries({"after": st.integers(0, 200), "for": st.integers(1, 100)})


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Any]:
    def container(name: str, **more: Any) -> dict[str, Any]:
        drawn = {kind: draw(probes) for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
        return {"name": name, "image": "a:1", **{k: v for k, v in drawn.items() if v}, **more}

    inits = [{"name": "init", "image": "a:1"}] if draw(st.booleans()) else []
    inits += [container("sidecar", restartPolicy="Always")] if draw(st.booleans()) else []
    metadata: dict[str, Any] = {"name": "web", "namespace": "default", "uid": "u-1"}
    if draw(st.booleans()):
        metadata |= {"deletionTimestamp": "2026-01-01T00:10:30Z", "deletionGracePeriodSeconds": 30}
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": "node-0",
            "restartPolicy": draw(st.sampled_from(["Always", "OnFailure", "Never"])),
            "initContainers": inits,
            "containers": [container("app")],
        },
    }


def _metadata_at(pod: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The deletion happens ten minutes into the pod's life, not before."""
    metadata = dict(pod["metadata"])
    if now < START + 600:
        metadata.pop("deletionTimestamp", None)
        metadata.pop("deletionGracePeriodSeconds", None)
    return metadata


def live(
    pod: Mapping[str, Any], behaviours: Behaviours, looks: Iterable[int], *, on_time: bool
) -> tuple[Any, float, bool]:
    """The status at the end, the next due instant, and whether it is gone; read back from JSON at each
    look.
    """
    extra = sorted({START, START + 600, *looks, START + SPAN})
    status: Any = {}
    due, gone = inf, False
    while extra and not gone:
        now: float = min(extra[0], due) if on_time else extra[0]
        extra = [look for look in extra if look > now]
        seen = {**pod, "metadata": _metadata_at(pod, now), "status": json.loads(json.dumps(status))}
        outcome = advance(seen, behaviours, now, ADDRESSES)
        status = outcome.status if outcome.status is not None else status
        due, gone = outcome.due, outcome.gone
        assert due > now, "a look leaves nothing due"
    return status, due, gone


@settings(deadline=None, max_examples=120)
@given(pods(), rules, st.none() | sick, st.lists(st.integers(START, START + SPAN), max_size=12))
def test_more_looks_change_nothing(
    pod: dict[str, Any], rule: dict[str, Any], unhealthy: Any, looks: list[int]
) -> None:
    """Looked at when something is due, or many times more: the same status, to the last stamp."""
    behaviours = parse([rule | ({"unhealthy": unhealthy} if unhealthy else {})])
    assert live(pod, behaviours, looks, on_time=True) == live(pod, behaviours, (), on_time=True)


@settings(deadline=None, max_examples=120)
@given(pods(), rules)
def test_a_late_look_catches_up(pod: dict[str, Any], rule: dict[str, Any]) -> None:
    """A kubelet that slept for minutes comes to the status, with the stamps, of one that was always awake."""
    behaviours = parse([rule])
    assert live(pod, behaviours, (), on_time=False) == live(pod, behaviours, (), on_time=True)
