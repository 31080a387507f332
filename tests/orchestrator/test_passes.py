"""Passes on a real repository and virtual clusters: pacing, undoing, healing, pruning, and refusing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.errors import GateClosed, InvalidRepository, UsageError
from gitrel.kube.fields import replaced
from gitrel.orchestrator import commands
from gitrel.orchestrator.overview import matrix, why
from gitrel.rehearsal.faults import Crash, Outage
from gitrel.repo.edit import PutFile, parse_trailers
from gitrel.rollout.state import Phase
from gitrel.rollout.verify import verify
from tests.orchestrator.support import Town, town

SOAK = timedelta(minutes=20)
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"


def config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as it:
        yield it


def test_a_promotion_moves_pointers_by_commits_with_trailers(place: Town) -> None:
    """Each environment gets its own commit on the branch, which says which rollout moved it and why."""
    commands.promote(place.world, "web", "v2", reason="a new page")
    place.settle()
    assert place.pointers() == {"quiet": "v2", "busy": "v2"}
    moves = [parse_trailers(message) for message in place.messages()[1:]]
    assert [(m["Gitrel-Component"], m["Gitrel-Environment"], m["Gitrel-Version"]) for m in moves] == [
        ("web", "quiet", "v2"),
        ("web", "busy", "v2"),
    ]
    assert place.image("busy") == "example.com/web:v2"
    assert verify(place.world.ledger.history()) is None


def test_what_left_the_release_is_pruned(place: Town) -> None:
    """The ConfigMap of v1 goes once v2 is applied; one that nobody gave to gitrel stays."""
    cluster = place.cluster("quiet")
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": "shop"}}
    )
    commands.promote(place.world, "web", "v2")
    place.settle()
    names = [m["metadata"]["name"] for m in cluster.list("v1", "ConfigMap", "shop")]
    assert names == ["gitrel-web", "mine", "web-v2"]


def test_promoting_ahead_of_the_schedule_is_refused(place: Town) -> None:
    """`--to busy` before quiet has passed: the gate is named, and the instant at which it can open."""
    with pytest.raises(GateClosed, match="predecessors") as never:
        commands.promote(place.world, "web", "v2", "busy")
    assert never.value.due is None
    commands.promote(place.world, "web", "v2", "quiet")
    place.once()
    place.wait(timedelta(minutes=1))
    place.once()
    place.wait(timedelta(seconds=10))
    place.once()
    with pytest.raises(GateClosed) as soaking:
        commands.promote(place.world, "web", "v2", "busy")
    assert soaking.value.gate == "predecessors"
    due = soaking.value.due
    assert due is not None
    assert timedelta(minutes=15) < due - place.fleet.clock.now() <= SOAK
    assert place.pointers()["busy"] == "v1"
    place.settle()
    commands.promote(place.world, "web", "v2", "busy")
    place.settle()
    assert place.image("busy") == "example.com/web:v2"


def test_a_pointer_moved_by_hand_is_held_and_nothing_is_lost(place: Town) -> None:
    """What is in force stays applied and healed while the pointer is ahead; it goes on by itself when due."""
    place.point("busy", "v2")
    report = place.once()
    progress = report.rollouts["web"].environments["busy"]
    assert progress.phase is Phase.HELD
    assert "quiet" in progress.because
    assert place.image("busy") == "example.com/web:v1"
    (sentence,) = [one.sentence for one in why(place.world, "web", "busy")]
    assert "held" in sentence
    place.point("quiet", "v2")
    place.settle()
    assert place.image("quiet") == place.image("busy") == "example.com/web:v2"
    assert verify(place.world.ledger.history()) is None


def test_pointing_back_by_hand_is_an_undo(place: Town) -> None:
    """A release that has passed there before is not held by the order of the waves."""
    commands.promote(place.world, "web", "v2")
    place.settle()
    place.point("busy", "v1")
    place.once()
    assert place.image("busy") == "example.com/web:v1"


def test_drift_is_healed(place: Town) -> None:
    """A field that somebody changed in the cluster comes back, and a deleted object too."""
    cluster = place.cluster("quiet")
    (deployment,) = cluster.list("apps/v1", "Deployment", "shop")
    edited = {k: v for k, v in replaced(deployment, ("spec", "replicas"), 5).items() if k != "status"}
    metadata = {"name": "web", "namespace": "shop"}
    cluster.apply({**edited, "metadata": metadata}, force=True)
    cluster.delete(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-v1", "namespace": "shop"}}
    )
    place.settle()
    (healed,) = cluster.list("apps/v1", "Deployment", "shop")
    assert healed["spec"]["replicas"] == 1
    assert "web-v1" in [m["metadata"]["name"] for m in cluster.list("v1", "ConfigMap", "shop")]


def test_a_pass_with_nothing_to_do_writes_nothing(place: Town) -> None:
    """Neither the journal, nor the branch, nor a cluster changes."""
    before = place.world.ledger.head(), place.world.source.head(), place.cluster("busy").changed_since("")[0]
    report = place.once()
    assert report.outcomes == ()
    after = place.world.ledger.head(), place.world.source.head(), place.cluster("busy").changed_since("")[0]
    assert after == before


def test_a_failing_release_goes_back_by_a_commit(tmp_path: Path) -> None:
    """The crash is seen in the first region; its pointer goes back, and the other one never moves."""
    crash = Crash(timedelta(minutes=10), image="example.com/web:v2")
    with town(tmp_path, crash) as place:
        commands.promote(place.world, "web", "v2")
        report = place.settle()
        assert report.rollouts["web"].status == "rolled-back"
        assert place.pointers() == {"quiet": "v1", "busy": "v1"}
        assert place.image("quiet") == "example.com/web:v1"
        subjects = [message.partition("\n")[0] for message in place.messages()[1:]]
        assert subjects == ["Point web in quiet at v2", "Point web in quiet at v1"]
        assert verify(place.world.ledger.history()) is None
        with pytest.raises(GateClosed, match="rejected"):
            commands.promote(place.world, "web", "v2")


def test_a_rollback_is_immediate(place: Town) -> None:
    """One command puts every environment back at once, without waves."""
    commands.promote(place.world, "web", "v2")
    place.settle()
    commands.rollback(place.world, "web", reason="support calls")
    place.once()
    assert place.image("quiet") == place.image("busy") == "example.com/web:v1"
    assert place.pointers() == {"quiet": "v1", "busy": "v1"}


def test_an_unreachable_cluster_stops_nobody_else(tmp_path: Path) -> None:
    """It is told, nothing passes there, and the pass goes on for the others."""
    with town(tmp_path, Outage("busy", timedelta(), timedelta(hours=1))) as place:
        commands.promote(place.world, "web", "v2", "quiet")
        report = place.once()
        assert report.unreachable == {"busy": "cluster busy does not answer"}
        assert place.image("quiet") == "example.com/web:v2"


def test_a_broken_component_is_left_as_it_is(place: Town) -> None:
    """Its errors are told with file and line, nothing of it is touched, and another component goes on."""
    place.commit(
        PutFile("apps/other/component.yaml", b"spec: [\n"),
        PutFile("apps/other/v1/other-configmap.yaml", b"apiVersion: v1\nkind: ConfigMap\n"),
    )
    commands.promote(place.world, "web", "v2", "quiet")
    report = place.once()
    assert place.image("quiet") == "example.com/web:v2"
    assert [p.file for p in report.problems if p.severity == "error"] == ["apps/other/component.yaml"]
    assert matrix(place.world).broken == ("other",)


def test_a_broken_pipeline_stops_everything(place: Town) -> None:
    """Nothing is done on a schedule that cannot be read."""
    place.write("environments/pipeline.yaml", "kind: Pipeline\n")
    with pytest.raises(InvalidRepository, match=r"environments/pipeline\.yaml"):
        place.once()


def test_a_component_that_is_gone_is_not_removed_in_silence(place: Town) -> None:
    """Its objects stay, and the matrix names it."""
    place.remove("apps/web")
    place.write(
        "apps/other/v1/other-configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: o}\n"
    )
    place.once()
    assert place.image("busy") == "example.com/web:v1"
    assert matrix(place.world).orphaned == ("web",)


def test_a_changed_parameter_is_paced_like_any_release(place: Town) -> None:
    """A template edited in a released version reaches one environment after the other."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-v1}\ndata: {where: here}\n"
    place.write("apps/web/v1/web-configmap.yaml", text)
    report = place.once()
    phases = {name: p.phase for name, p in report.rollouts["web"].environments.items()}
    assert phases == {"quiet": Phase.APPLYING, "busy": Phase.QUEUED}
    place.settle()
    assert verify(place.world.ledger.history()) is None


@pytest.mark.parametrize(
    ("component", "version", "to", "says"),
    [
        ("nobody", "v2", None, "there is no component 'nobody' (have: web)"),
        ("web", "v9", None, "web has no version 'v9' (have: v1, v2)"),
        ("web", "v2", "mars", "web is not deployed to 'mars' (have: busy, quiet)"),
        ("web", "--all", None, "web has no version '--all' (have: v1, v2)"),
    ],
)
def test_names_that_do_not_exist_are_told(
    place: Town, component: str, version: str, to: str | None, says: str
) -> None:
    """A name is data: it is looked up, and what there is instead is said."""
    with pytest.raises(UsageError) as error:
        commands.promote(place.world, component, version, to)
    assert says in str(error.value)


def test_a_release_is_not_applied_while_one_of_its_objects_is_being_deleted(place: Town) -> None:
    """The digest is recorded only once every object of the release is there and stays."""
    cluster = place.cluster("quiet")
    held = config_map("web-v2") | {"data": {"old": "yes"}}
    held["metadata"] = {"name": "web-v2", "namespace": "shop", "finalizers": ["example.com/wait"]}
    cluster.apply(held)
    cluster.delete(config_map("web-v2"))
    commands.promote(place.world, "web", "v2", "quiet")
    report = place.once()
    (outcome,) = report.waiting
    assert not report.errors
    assert "ConfigMap shop/web-v2 is being deleted, waits for example.com/wait" in outcome.waiting
    assert place.once().rollouts["web"].environments["quiet"].phase is Phase.APPLYING
    cluster.apply(config_map("web-v2") | {"data": {"old": "yes"}}, force=True)
    place.settle()
    assert place.pointers()["quiet"] == "v2"
    (found,) = [m for m in cluster.list("v1", "ConfigMap", "shop") if m["metadata"]["name"] == "web-v2"]
    assert found["data"] == {"where": "quiet"}


def test_a_refused_secret_is_told_without_its_value(tmp_path: Path) -> None:
    """A Secret in a foreign namespace is refused before anything is decided; its value stays unsaid."""
    with town(tmp_path) as place:
        secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: elsewhere-canary-value}\n"
        place.write("apps/web/v2/web-secret.yaml", secret + "stringData: {token: canary-value-1234}\n")
        with pytest.raises(InvalidRepository) as error:
            commands.promote(place.world, "web", "v2", "quiet")
        assert "canary-value-1234" not in str(error.value)
