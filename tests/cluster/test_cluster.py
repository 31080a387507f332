"""The composition root: controllers run, time moves only when asked, the same seed gives the same log."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from gitrel.clock import parse_instant
from gitrel.cluster.controllers.controller import Context, Key, own_key
from gitrel.cluster.loop import Restless
from gitrel.kube.fields import replaced
from tests.cluster.harness import cluster, get


class Labeller:
    """Labels each ConfigMap `seen: yes`, and ten seconds later `old: yes`."""

    name = "labeller"
    watches: ClassVar = {"configmaps": own_key}

    def reconcile(self, key: Key, context: Context) -> None:
        obj = context.read.get("configmaps", *key)
        if obj is None:
            return
        labels = obj["metadata"].get("labels") or {}
        if "seen" not in labels:
            context.write.update("configmaps", replaced(obj, ("metadata", "labels"), {"seen": "yes"}))
            context.write.event(obj, "Normal", "Seen", "saw it")
        elif "old" not in labels:
            due = parse_instant(obj["metadata"]["creationTimestamp"]) + timedelta(seconds=10)
            if context.now < due:
                context.requeue_at(key, due)
            else:
                context.write.update(
                    "configmaps", replaced(obj, ("metadata", "labels"), {**labels, "old": "yes"})
                )


def test_a_controller_runs_on_the_virtual_clock() -> None:
    """settle() drains at a standing clock; a timer fires at its own instant, not when time is moved past
    it.
    """
    c = cluster(Labeller)
    c.writer.create("configmaps", {"metadata": {"name": "a", "namespace": "default"}})
    c.settle()
    assert get(c, "configmaps", "default", "a")["metadata"]["labels"] == {"seen": "yes"}
    assert c.next_due() == c.now + timedelta(seconds=10)
    seen_at = []
    c.store.subscribe(lambda change: seen_at.append(c.now))
    start = c.now
    c.advance(timedelta(minutes=1))
    assert seen_at == [start + timedelta(seconds=10)]
    assert c.now == start + timedelta(minutes=1)
    assert c.next_due() is None
    c.verify()


class Quarreller:
    """Undoes its own work for ever."""

    name = "quarreller"
    watches: ClassVar = {"configmaps": own_key}

    def reconcile(self, key: Key, context: Context) -> None:
        obj = context.read.get("configmaps", *key)
        assert obj is not None
        flipped = str(obj["metadata"].get("labels", {}).get("up") != "True")
        context.write.update("configmaps", replaced(obj, ("metadata", "labels"), {"up": flipped}))


def test_a_controller_that_never_rests_is_named() -> None:
    """An endless loop at one instant stops with the controller's name instead of hanging."""
    c = cluster(Quarreller)
    c.writer.create("configmaps", {"metadata": {"name": "a", "namespace": "default"}})
    with pytest.raises(Restless, match="quarreller never comes to rest on default/a"):
        c.settle()
