"""The loop: order, timers, retries. Controllers here do nothing but tell that they were asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.errors import not_found
from gitrel.cluster.cluster import EPOCH
from gitrel.cluster.controllers.controller import Context, Key, own_key
from gitrel.cluster.loop import Loop
from gitrel.cluster.randomness import Randomness
from tests.cluster.harness import WatchedCluster, cluster


class Diary:
    """Writes down (name, key, seconds since the start) of each reconcile, and does what it is told."""

    def __init__(
        self, name: str, pages: list[Any], then: Callable[[Key, Context], None] | None = None
    ) -> None:
        self.name = name
        self.watches = {"configmaps": own_key}
        self._pages = pages
        self._then = then

    def reconcile(self, key: Key, context: Context) -> None:
        self._pages.append((self.name, key.name, (context.now - EPOCH).total_seconds()))
        if self._then:
            self._then(key, context)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def touch(c: WatchedCluster, name: str) -> None:
    c.writer.create("configmaps", {"metadata": {"name": name, "namespace": "default"}})


def test_keys_are_drained_in_the_order_in_which_they_became_ready() -> None:
    """First come, first served; a change wakes controllers in their fixed order, and a key queues up once."""
    pages: list[Any] = []
    c = cluster(lambda: Diary("one", pages), lambda: Diary("two", pages))
    touch(c, "b")
    touch(c, "a")
    c.writer.update("configmaps", {"metadata": {"name": "b", "namespace": "default"}, "data": {"x": "y"}})
    assert c.settle() == 4
    assert [page[:2] for page in pages] == [("one", "b"), ("two", "b"), ("one", "a"), ("two", "a")]


def test_the_earliest_request_wins_until_the_key_is_looked_at() -> None:
    """A later wish does not put a timer off; looking at the key, for any reason, forgets the old wish."""
    pages: list[Any] = []

    def wish(key: Key, context: Context) -> None:
        if len(pages) == 1:
            context.requeue_at(key, at(20))
            context.requeue_at(key, at(10))
            context.requeue_at(key, at(30))

    c = cluster(lambda: Diary("one", pages, wish))
    touch(c, "a")
    c.advance(timedelta(minutes=1))
    assert [page[2] for page in pages] == [0, 10]


def test_a_timer_in_the_past_is_due_now() -> None:
    """It is looked at in the same settling, at the same instant."""
    pages: list[Any] = []

    def wish(key: Key, context: Context) -> None:
        if len(pages) == 1:
            context.requeue_at(key, at(-5))

    c = cluster(lambda: Diary("one", pages, wish))
    touch(c, "a")
    c.settle()
    assert [page[2] for page in pages] == [0, 0]


def test_a_failing_key_is_tried_again_ever_later() -> None:
    """An ApiError is retried after 5 ms, then twice as long each time; a success forgets the failures."""
    pages: list[Any] = []

    def fail(key: Key, context: Context) -> None:
        if len(pages) <= 4 or len(pages) == 6:
            raise not_found("pods", "x")

    c = cluster(lambda: Diary("one", pages, fail))
    touch(c, "a")
    c.advance(timedelta(minutes=1))
    assert [page[2] for page in pages] == [0, 0.005, 0.015, 0.035, 0.075]
    assert c.next_due() is None
    c.writer.update("configmaps", {"metadata": {"name": "a", "namespace": "default"}, "data": {"x": "y"}})
    c.advance(timedelta(minutes=1))
    assert [page[2] for page in pages[5:]] == [60, 60.005]


def test_a_step_is_one_reconcile() -> None:
    """With nothing ready it moves the clock to what is due next; at rest it says so."""
    pages: list[Any] = []

    def wish(key: Key, context: Context) -> None:
        if len(pages) == 1:
            context.requeue_at(key, at(7))

    c = cluster(lambda: Diary("one", pages, wish))
    touch(c, "a")
    assert [c.step(), c.step(), c.step()] == [True, True, False]
    assert [page[2] for page in pages] == [0, 7]


def test_timers_of_one_instant_fire_by_controller_then_by_age() -> None:
    """(due, the controller's place, sequence): a total order."""
    pages: list[Any] = []

    def wish(key: Key, context: Context) -> None:
        if context.now == EPOCH:
            context.requeue_at(key, at(5))

    c = cluster(lambda: Diary("one", pages, wish), lambda: Diary("two", pages, wish))
    for name in ("c", "a", "b"):
        touch(c, name)
    c.settle()
    pages.clear()
    c.advance(timedelta(seconds=5))
    assert [page[:2] for page in pages] == [(n, k) for n in ("one", "two") for k in "cab"]


REQUESTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=20)


@settings(max_examples=100, deadline=None)
@given(REQUESTS)
def test_every_key_fires_once_at_its_earliest_request(requests: list[tuple[str, int]]) -> None:
    """Whatever is asked for in whatever order, in order of time, and with none left over."""
    loop = Loop((), WatchedCluster(controllers=lambda _: ()).store, ())
    wanted: dict[str, int] = {}
    for name, seconds in requests:
        loop.requeue_at(0, Key("", name), at(seconds))
        wanted[name] = min(wanted.get(name, seconds), seconds)
    fired = []
    while (due := loop.next_due()) is not None:
        fired.append((due - EPOCH).total_seconds())
        loop.fire(due)
    assert fired == sorted(set(wanted.values()))
    assert len(loop.queue().ready) == len(wanted)


def test_streams_do_not_disturb_each_other() -> None:
    """What a stream gives does not depend on draws from others, and its whole state is a count."""
    alone, mixed = Randomness(5), Randomness(5)
    wanted = [alone.fraction("a") for _ in range(10)]
    got = []
    for _ in range(10):
        mixed.uid()
        got.append(mixed.fraction("a"))
    assert got == wanted
    resumed = Randomness(5, mixed.drawn)
    assert [resumed.draw("a"), resumed.uid()] == [mixed.draw("a"), mixed.uid()]
    assert all(0 <= value < 1 for value in wanted)
    assert Randomness(6).fraction("a") != wanted[0]


def test_no_uid_is_met_in_two_clusters() -> None:
    """Two clusters of one seed draw alike, but for uids: those follow from the name too, also in a copy."""
    east, west = Randomness(5, name="east"), Randomness(5, name="west")
    mine, theirs = [{one.uid() for _ in range(10)} for one in (east, west)]
    assert len(mine | theirs) == 20
    assert east.fraction("a") == west.fraction("a")
    assert east.copy().uid() == east.uid()
    assert Randomness(5, name="east").uid() in mine
