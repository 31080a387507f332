"""Drift from end to end: found with the hand that made it, put right by policy, and not fought over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gitrel.app import world
from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend, new_cluster
from gitrel.cli.matrix import matrix_listing
from gitrel.clock import VirtualClock, format_instant
from gitrel.cluster.cluster import Cluster
from gitrel.events import Event
from gitrel.orchestrator.overview import Cell, matrix
from gitrel.orchestrator.wait import reconcile_retrying, reconcile_until_done
from gitrel.orchestrator.world import PassReport, World
from gitrel.repo.git.creation import create
from gitrel.repo.model import Environment
from tests import small


@dataclass
class Street:
    """The small repository, installed; `quiet`'s cluster can be meddled with."""

    world: World
    clock: VirtualClock
    clusters: dict[str, Cluster]
    events: list[Event]

    def once(self, after: timedelta = timedelta(seconds=1)) -> PassReport:
        self.clock.advance(after)
        return reconcile_retrying(self.world)

    def meddle(self, image: str, manager: str = "kubectl-edit") -> None:
        api = self.clusters["quiet"].api.acting_as(manager)
        found = api.get("deployments.apps", "web", "shop")
        (container,) = found["spec"]["template"]["spec"]["containers"]
        template = found["spec"]["template"]
        pod = {**template["spec"], "containers": [{**container, "image": image}]}
        api.update({**found, "spec": {**found["spec"], "template": {**template, "spec": pod}}})

    def image(self) -> str:
        found = self.clusters["quiet"].api.get("deployments.apps", "web", "shop")
        image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def cell(self) -> Cell:
        """Of `quiet`, as `status` has it."""
        (row,) = matrix(self.world).rows
        return row.cells["quiet"]

    def heard(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


@contextmanager
def street(folder: Path, policy: str = "") -> Iterator[Street]:
    small.write(folder)
    if policy:
        path = folder / "environments/quiet.yaml"
        path.write_text(path.read_text(encoding="utf-8") + f"  driftPolicy: {policy}\n", encoding="utf-8")
    create(folder, message="Begin", author=small.AUTHOR, at=small.START)
    clock = VirtualClock(small.START)
    clusters: dict[str, Cluster] = {}

    def connect(environment: Environment) -> Backend:
        clusters[environment.name] = new_cluster(environment, start=clock.now())
        return EmbeddedBackend(clusters[environment.name], clock)

    with world(folder, actor=small.AUTHOR, clock=clock, connect=connect) as it:
        place = Street(it, clock, clusters, [])
        it.events.subscribe(place.events.append)
        for _ in range(12):
            place.once(timedelta(minutes=5))
        place.events.clear()
        yield place


def test_what_others_change_is_told_and_put_right(tmp_path: Path) -> None:
    """Field and manager, in one event; the next look finds that it holds again, and says so."""
    with street(tmp_path) as place:
        place.meddle("example.com/evil")
        place.once()
        (found,) = place.heard("drift.found")
        assert (found.component, found.environment) == ("web", "quiet")
        assert found.data["object"] == "Deployment.apps shop/web"
        assert found.data["fields"] == ["spec.template.spec.containers[0].image"]
        assert found.data["managers"] == ["kubectl-edit"]
        assert place.image() == "example.com/web:v1"
        assert [event.data["because"] for event in place.heard("environment.applied")] == ["drift"]
        place.once()
        assert len(place.heard("drift.gone")) == 1
        report = place.once(timedelta(hours=2))
        assert report.rollouts["web"].drift == {}


def shown(place: Street) -> str:
    """What the table of `status` has for `quiet`."""
    found = matrix(place.world)
    listing = matrix_listing(found, found.rows)
    (column,) = (one for one in listing.columns if one.title == "QUIET")
    return column.value(listing.items[0])


def test_status_tells_of_drift(tmp_path: Path) -> None:
    """From the journal alone: what, by whom and since when, until it is gone; in the table one word of it."""
    with street(tmp_path, "report") as place:
        assert (place.cell().drift, shown(place)) == ((), "v1")
        place.meddle("example.com/evil")
        place.once()
        (one,) = place.cell().drift
        assert (one.object, one.managers) == ("Deployment.apps shop/web", ("kubectl-edit",))
        assert shown(place) == "v1 drifted"
        (item,) = matrix_listing(matrix(place.world), matrix(place.world).rows).items
        (cell,) = [cell for cell in item["cells"] if cell["environment"] == "quiet"]
        assert cell["drift"] == [
            {
                "object": "Deployment.apps shop/web",
                "fields": ["spec.template.spec.containers[0].image"],
                "managers": ["kubectl-edit"],
                "since": format_instant(one.since),
                "mended": 0,
                "fought": False,
            }
        ]
        place.meddle("example.com/web:v1")
        place.once()
        assert (place.cell().drift, shown(place)) == ((), "v1")


def test_who_waits_is_not_told_of_drift_that_is_gone(tmp_path: Path) -> None:
    """What was put right is looked at once more before waiting ends."""
    with street(tmp_path) as place:
        place.meddle("example.com/evil")
        place.clock.advance(timedelta(seconds=1))

        def wait(report: PassReport) -> None:
            place.clock.advance(timedelta(seconds=1))

        report = reconcile_until_done(place.world, None, timedelta(minutes=5), wait)
        assert report.because["web"].endswith("nothing is left to do")
        assert (shown(place), place.image()) == ("v1", "example.com/web:v1")


def test_who_insists_is_named_and_left_alone(tmp_path: Path) -> None:
    """Five times in an hour; then the other one keeps its change, and everybody is told who it is."""
    with street(tmp_path) as place:
        for _ in range(60):
            if place.image() == "example.com/web:v1":
                place.meddle("example.com/evil", "other-controller")
            report = place.once(timedelta(seconds=20))
        assert len(place.heard("environment.applied")) == 5
        (fight,) = place.heard("drift.fought")
        assert fight.data["managers"] == ["other-controller"]
        assert "other-controller" in report.because["web"]
        assert "put right 5 times and given up" in report.because["web"]
        assert place.image() == "example.com/evil"
        (one,) = place.cell().drift
        assert (one.fought, one.managers, len(one.mended)) == (True, ("other-controller",), 5)
        assert shown(place) == "v1 fought-over"


def test_where_drift_is_only_reported_nothing_is_written(tmp_path: Path) -> None:
    """The environment's own word; the change stays, and stays told, in one event and not in one a pass."""
    with street(tmp_path, "report") as place:
        place.meddle("example.com/hotfix")
        for _ in range(5):
            report = place.once()
        assert place.image() == "example.com/hotfix"
        assert len(place.heard("drift.found")) == 1
        assert place.heard("environment.applied") == []
        assert "was changed by kubectl-edit" in report.because["web"]
