"""Whoever waits for what only a person can do is told so, at once and with a code of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.errors import NeedsPerson, TimedOut
from gitrel.orchestrator import commands
from gitrel.orchestrator.wait import POLL, next_look, reconcile_until_done
from gitrel.orchestrator.world import PassReport, Scope
from gitrel.repo.edit import PutFile, PutLink
from tests.orchestrator.support import Town, town

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: NAME}
spec: {dependsOn: [NEEDS]}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as it:
        yield it


def waited(place: Town, *components: str, timeout: timedelta | None = None) -> PassReport:
    """`reconcile --wait` on the town's clock; a wait that does not end within two days fails the test."""
    limit = place.fleet.clock.now() + timedelta(days=2)

    def wait(report: PassReport) -> None:
        assert place.fleet.clock.now() < limit, "it waits for ever"
        place.fleet.advance_to(next_look(report, place.world.clusters.connected(), POLL))

    return reconcile_until_done(place.world, Scope(frozenset(components)), timeout, wait)


def with_two_more(place: Town) -> None:
    """api needs `needed`, and neither runs anywhere yet."""
    for name, needs in (("api", "needed"), ("needed", "")):
        place.commit(
            PutFile(f"apps/{name}/component.yaml", filled(COMPONENT, name, needs)),
            PutFile(f"apps/{name}/v1/{name}-configmap.yaml", filled(CONFIG, name)),
            *(PutLink(f"apps/{name}/{environment}", "v1") for environment in ("quiet", "busy")),
        )


def filled(text: str, name: str, needs: str = "") -> bytes:
    return text.replace("NAME", name).replace("NEEDS", needs).encode()


@pytest.mark.parametrize("timeout", [None, timedelta(hours=5)], ids=["without a timeout", "with one"])
def test_a_dependency_that_was_never_installed(place: Town, timeout: timedelta | None) -> None:
    """A wait for api alone ends at once; one for both goes on, because the other is on its way."""
    with_two_more(place)
    began = place.fleet.clock.now()
    with pytest.raises(NeedsPerson) as told:
        waited(place, "api", timeout=timeout)
    assert told.value.exit_code == 8
    assert str(told.value).splitlines() == [
        "waiting is of no use; somebody has to do something:",
        "api: quiet needed is not deployed in quiet yet: "
        "release that one there first, or take it out of dependsOn or of the set",
        "api: busy waits for this change to pass quiet: "
        "see `gitrel rollout why api`, then `retry`, `rollback` or release a fix",
    ]
    assert place.fleet.clock.now() == began
    assert waited(place, timeout=timeout).rollouts["api"].status == "passed"


def test_a_pointer_moved_ahead_by_hand(place: Town) -> None:
    """It is held until somebody takes the version through the waves or points back."""
    place.point("busy", "v2")
    with pytest.raises(NeedsPerson, match="`gitrel promote web v2` takes it there wave by wave, or po"):
        waited(place)
    place.point("busy", "v1")
    assert waited(place).rollouts["web"].status in ("passed", "idle")


def test_a_rollout_that_is_paused(place: Town) -> None:
    """What has started is waited for; then the wait says who can go on."""
    commands.promote(place.world, "web", "v2")
    place.once()
    commands.pause(place.world, "web", reason="lunch")
    with pytest.raises(NeedsPerson, match=r"paused by .*: lunch: `gitrel rollout resume web`"):
        waited(place)
    _, records = place.world.ledger.load()
    assert {name: one.phase.value for name, one in records["web"].environments.items()} == {
        "quiet": "passed",
        "busy": "queued",
    }


def test_what_a_cluster_refuses_for_a_minute(place: Town) -> None:
    """The same no for a minute ends the wait, long before the deadline; what it says is told. A timeout that
    is shorter comes first."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-v2}\ndata: {a: b}\n"
    taken = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "web-v2",
            "namespace": "shop",
            "labels": {"applyset.kubernetes.io/part-of": "applyset-of-somebody-else"},
        },
    }
    place.write("apps/web/v2/web-configmap.yaml", text)
    place.cluster("quiet").apply(taken)
    commands.promote(place.world, "web", "v2")
    with pytest.raises(TimedOut):
        waited(place, timeout=timedelta(seconds=30))
    began = place.fleet.clock.now()
    with pytest.raises(NeedsPerson, match=r"web in quiet: .*ConfigMap shop/web-v2 belongs to"):
        waited(place, timeout=timedelta(hours=5))
    assert timedelta(minutes=1) <= place.fleet.clock.now() - began < timedelta(minutes=2)


def test_what_goes_on_by_itself_is_waited_for(place: Town) -> None:
    """A soak, a turn, a cluster that was away: none of them ends the wait."""
    commands.promote(place.world, "web", "v2")
    assert waited(place).rollouts["web"].status == "passed"
