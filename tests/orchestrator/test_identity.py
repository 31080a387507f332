"""A cluster of the right name that is another one is refused, until a person says otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.app import Reach, read_catalog, world
from gitrel.backends.kubernetes.access import AccessOptions
from gitrel.errors import Unreachable, UsageError
from gitrel.orchestrator.overview import why
from gitrel.orchestrator.wait import reconcile_retrying
from gitrel.orchestrator.world import World
from gitrel.rehearsal.fleet import Fleet
from gitrel.repo.git.creation import create
from gitrel.repo.model import ClusterRef
from gitrel.rollout.identities import recorded
from tests import small
from tests.orchestrator.support import town


def settle(it: World, fleet: Fleet) -> None:
    for _ in range(8):
        reconcile_retrying(it)
        fleet.advance_to(fleet.clock.now() + timedelta(minutes=20))


def test_the_cluster_of_an_environment_is_recorded(tmp_path: Path) -> None:
    """In the journal, with the UID that the cluster itself gives."""
    with town(tmp_path) as place:
        _, records = place.world.ledger.load()
        found = recorded(records.values())
        assert found == {name: place.cluster(name).identity() for name in small.ENVIRONMENTS}


def test_another_cluster_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    """Both UIDs are told, nothing is written to it, and `adopt` makes it the environment's from then on."""
    with town(tmp_path) as place:
        uid, busy = (place.cluster(name).identity() for name in ("quiet", "busy"))
    catalog, _ = read_catalog(tmp_path)
    other = Fleet(catalog, small.START + timedelta(days=1), seed=7)

    with world(tmp_path, actor=small.AUTHOR, clock=other.clock, connect=other.connect) as it:
        report = reconcile_retrying(it)
        assert set(report.unreachable) == {"quiet", "busy"}
        why = report.unreachable["quiet"]
        assert uid in why
        assert "--adopt quiet" in why
        new = other.connect(catalog.environments["quiet"])
        assert new.identity() in why
        assert new.list("apps/v1", "Deployment", "shop") == []

    reach = Reach(adopt=frozenset({"quiet"}))
    with world(tmp_path, actor=small.AUTHOR, clock=other.clock, connect=other.connect, reach=reach) as it:
        report = reconcile_retrying(it)
        assert set(report.unreachable) == {"busy"}
        settle(it, other)
        assert len(new.list("apps/v1", "Deployment", "shop")) == 1

    with world(tmp_path, actor=small.AUTHOR, clock=other.clock, connect=other.connect) as it:
        assert set(reconcile_retrying(it).unreachable) == {"busy"}
        _, records = it.ledger.load()
        assert recorded(records.values()) == {"quiet": new.identity(), "busy": busy}


def test_the_cluster_next_door_is_another_one(tmp_path: Path) -> None:
    """Bundled clusters of one seed are told apart: one that is led to its neighbour's is refused."""
    with town(tmp_path) as place:
        fleet = place.fleet
    catalog, _ = read_catalog(tmp_path)
    swapped = {"quiet": catalog.environments["busy"], "busy": catalog.environments["quiet"]}

    with world(
        tmp_path, actor=small.AUTHOR, clock=fleet.clock, connect=lambda e: fleet.connect(swapped[e.name])
    ) as it:
        assert set(reconcile_retrying(it).unreachable) == {"quiet", "busy"}


def test_who_only_looks_is_told_the_truth_too(tmp_path: Path) -> None:
    """`why` would say how things stand in the wrong cluster."""
    with town(tmp_path):
        catalog, _ = read_catalog(tmp_path)
    other = Fleet(catalog, small.START + timedelta(days=1), seed=7)
    with world(tmp_path, actor=small.AUTHOR, clock=other.clock, connect=other.connect) as it:
        why(it, "web")
        with pytest.raises(Unreachable, match="which is recorded for quiet"):
            it.clusters.of(catalog.environments["quiet"])


def test_only_what_exists_can_be_adopted(tmp_path: Path) -> None:
    """A mistyped environment is told at once, and not by a cluster that is still refused."""
    with town(tmp_path) as place:
        fleet = Fleet(place.world.source.catalog(place.world.source.head())[0], small.START)
    reach = Reach(adopt=frozenset({"quiett"}))
    with (
        world(tmp_path, actor=small.AUTHOR, clock=fleet.clock, connect=fleet.connect, reach=reach) as it,
        pytest.raises(UsageError, match=r"no environment 'quiett' \(did you mean 'quiet'\?\)"),
    ):
        reconcile_retrying(it)


def test_all_contexts_are_looked_for_before_anything_is_written(tmp_path: Path) -> None:
    """Every region without its context is named at once, and no cluster is touched."""
    small.write(tmp_path)
    for name in small.ENVIRONMENTS:
        path = tmp_path / f"environments/{name}.yaml"
        text = path.read_text(encoding="utf-8")
        real = text.replace("{embedded: {nodes: 1}}", f"{{kubernetes: {{context: {name}}}}}")
        path.write_text(real, encoding="utf-8")
    create(tmp_path, message="Begin", author=small.AUTHOR, at=small.START)

    reach = Reach(AccessOptions(kubeconfig=str(tmp_path.parent / "none")))
    with world(tmp_path, actor=small.AUTHOR, reach=reach) as it, pytest.raises(UsageError) as error:
        reconcile_retrying(it)
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["busy", "quiet"]
    assert all("there is no kubeconfig" in line for line in lines)


def test_an_environment_that_moves_to_another_cluster_is_connected_anew(tmp_path: Path) -> None:
    """A commit that names another context takes effect in a daemon that has been running for weeks."""
    with town(tmp_path) as place:
        catalog, _ = place.world.source.catalog(place.world.source.head())
        environment = catalog.environments["quiet"]
        before = place.world.clusters.of(environment)
        assert place.world.clusters.of(environment) is before

        moved = replace(environment, cluster=ClusterRef("kubernetes", "elsewhere"))
        assert place.world.clusters.of(moved) is not before
