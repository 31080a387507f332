"""Order, back-off and flush, without a cluster."""

from __future__ import annotations

from math import inf

from gitrel.cluster.controllers.controller import Key
from gitrel.cluster.scheduler.queue import Entry, Queue, backoff_seconds, in_order
from gitrel.cluster.scheduler.template import Templates
from tests.cluster.scheduler.worlds import pod

TEMPLATE = Templates().of(pod("a"))


def entry(
    name: str, *, priority: int = 0, revision: int = 1, attempts: int = 0, tried_at: float = 0.0
) -> Entry:
    return Entry(
        Key("default", name), name, priority, revision, TEMPLATE, attempts=attempts, tried_at=tried_at
    )


def test_back_off_doubles_from_one_to_ten_seconds() -> None:
    """1, 2, 4, 8, 10, 10 …, and no overflow after years."""
    assert [backoff_seconds(attempts) for attempts in (1, 2, 3, 4, 5, 6, 100_000)] == [1, 2, 4, 8, 10, 10, 10]


def test_the_order_is_total() -> None:
    """Priority first, then the revision, then the name."""
    entries = [entry("d"), entry("c"), entry("b", revision=0), entry("a", priority=1, revision=9)]
    assert [one.key.name for one in in_order(entries)] == ["a", "b", "c", "d"]


def test_a_flush_gives_each_pod_out_once() -> None:
    """At five minutes after its last try; a pod that was dropped or tried since does not come."""
    queue = Queue()
    for name in ("a", "b", "c"):
        queue.put_back(entry(name, attempts=1, tried_at=100))
    queue.drop(Key("default", "b"))
    queue.put_back(entry("c", attempts=2, tried_at=200))
    assert queue.next_flush() == 400
    assert queue.flushed(399) == []
    assert [one.key.name for one in queue.flushed(400)] == ["a"]
    assert queue.flushed(400) == []
    assert queue.next_flush() == 500


def test_a_changed_pod_is_tried_anew() -> None:
    """An update by its owner takes it out of waiting, with its attempts forgotten."""
    queue = Queue()
    queue.put_back(entry("a", attempts=5, tried_at=100))
    queue.put(entry("a"))
    assert queue.waiting == {}
    assert queue.next_flush() == inf
    assert list(queue.active) == [Key("default", "a")]
