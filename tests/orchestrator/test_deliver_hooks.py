"""Hooks on the bundled cluster: once for each release, staged over passes, and decisive where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.kube.identity import Object, annotations_of
from gitrel.orchestrator import commands
from gitrel.orchestrator.notes import Notes
from gitrel.orchestrator.overview import matrix, why
from gitrel.orchestrator.reconcile import reconcile
from gitrel.rehearsal.faults import Crash
from gitrel.repo.edit import PutFile
from gitrel.rollout.state import Phase
from gitrel.rollout.verify import verify
from tests.orchestrator.support import Town, town

HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: NAME
  annotations: {gitrel.dev/hook: MOMENT}
spec:
  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      containers: [{name: NAME, image: "example.com/NAME:v2"}]
"""


def hook(name: str, moment: str, more: str = "") -> PutFile:
    text = HOOK.replace("NAME", name).replace("MOMENT", moment + more)
    return PutFile(f"apps/web/v2/{name}-job.yaml", text.encode())


def jobs(place: Town, environment: str = "quiet") -> list[Object]:
    return list(place.cluster(environment).list("batch/v1", "Job", "shop"))


def names(place: Town, environment: str = "quiet") -> list[str]:
    """The Jobs by the names that people gave them."""
    return [str(job["metadata"]["name"]).rpartition("-")[0] for job in jobs(place, environment)]


def phase(place: Town, environment: str = "quiet") -> Phase:
    return place.once().rollouts["web"].environments[environment].phase


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as it:
        yield it


def test_before_comes_before_everything_and_after_comes_after_readiness(place: Town) -> None:
    """No object of the release is applied while the first hook runs, and the soak begins after the last."""
    place.commit(hook("migrate", "before"), hook("check", "after"))
    commands.promote(place.world, "web", "v2", "quiet")
    report = place.once()
    (outcome,) = report.waiting
    assert names(place) == ["migrate"]
    place.once()
    assert "the before hook Job.batch shop/migrate-" in outcome.waiting
    assert not report.errors
    assert place.image("quiet") == "example.com/web:v1"
    (told,) = why(place.world, "web", "quiet")
    assert "is being applied: the before hook" in told.sentence
    assert "the before hook" in matrix(place.world).rows[0].cells["quiet"].sentence
    seen: list[tuple[Phase, list[str]]] = []
    for _ in range(60):
        place.wait(timedelta(seconds=1))
        seen.append((phase(place), names(place)))
        if seen[-1][0] is Phase.WATCHING:
            break
    assert place.image("quiet") == "example.com/web:v2"
    settling = [jobs for at, jobs in seen if at is Phase.SETTLING]
    assert settling[0] == ["migrate"]
    assert settling[-1] == ["check", "migrate"]
    assert (Phase.STEADYING, ["check", "migrate"]) in seen
    assert (Phase.STEADYING, ["migrate"]) not in seen
    place.settle()
    assert place.pointers()["quiet"] == "v2"
    assert verify(place.world.ledger.history()) is None


def test_a_hook_runs_once_for_each_release_and_environment(place: Town) -> None:
    """Healing, going back and coming again, and a Job that is gone do not run it a second time."""
    place.commit(hook("migrate", "before"))
    commands.promote(place.world, "web", "v2")
    place.settle()
    (first,) = jobs(place)
    assert names(place, "busy") == ["migrate"]
    place.cluster("quiet").delete(first)
    place.cluster("quiet").delete(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    )
    place.settle()
    assert place.image("quiet") == "example.com/web:v2"
    place.point("quiet", "v1")
    place.settle()
    place.point("quiet", "v2")
    place.settle()
    assert place.image("quiet") == "example.com/web:v2"
    assert jobs(place) == []


def test_a_failed_before_hook_fails_the_release_and_nothing_of_it_is_applied(tmp_path: Path) -> None:
    """The pod's own end is told, the environment goes back, and no object of the release was written."""
    with town(
        tmp_path, Crash(timedelta(seconds=1), image="example.com/migrate:*", code=3, environment="quiet")
    ) as place:
        place.commit(hook("migrate", "before"), hook("page", "on-failure"))
        commands.promote(place.world, "web", "v2")
        report = place.settle()
        rollout = report.rollouts["web"]
        assert rollout.status == "rolled-back"
        assert "the before hook Job.batch shop/migrate-" in rollout.because
        assert "migrate exited with 3" in rollout.because
        assert "BackoffLimitExceeded" in rollout.because
        assert place.image("quiet") == place.image("busy") == "example.com/web:v1"
        maps = place.cluster("quiet").list("v1", "ConfigMap", "shop")
        assert [one["metadata"]["name"] for one in maps] == ["gitrel-web", "web-v1"]
        assert names(place) == ["migrate", "page"]
        assert names(place, "busy") == []
        assert verify(place.world.ledger.history()) is None


def test_a_retry_runs_a_failed_hook_again(tmp_path: Path) -> None:
    """Only what failed: the Job of the earlier attempt gives way to a new one, which bears the new start."""
    with town(
        tmp_path, Crash(timedelta(seconds=1), image="example.com/migrate:*", code=3, environment="quiet")
    ) as place:
        place.commit(hook("prepare", "before"), hook("migrate", "before", ", gitrel.dev/order: '1'"))
        commands.promote(place.world, "web", "v2")
        place.settle()
        before = {str(job["metadata"]["name"]): job for job in jobs(place)}
        place.wait(timedelta(hours=1))
        commands.retry(place.world, "web")
        report = place.settle()
        after = {str(job["metadata"]["name"]): job for job in jobs(place)}
        assert before.keys() == after.keys()
        for name, job in after.items():
            again = job["metadata"]["uid"] != before[name]["metadata"]["uid"]
            assert again is name.startswith("migrate")
        assert report.rollouts["web"].status == "rolled-back"


def test_a_failed_after_hook_fails_the_release_at_once(tmp_path: Path) -> None:
    """The release was well and is taken back all the same, and what runs at a failure runs."""
    with town(
        tmp_path, Crash(timedelta(seconds=1), image="example.com/check:*", environment="quiet")
    ) as place:
        place.commit(hook("check", "after"), hook("page", "on-failure"))
        commands.promote(place.world, "web", "v2")
        started = place.fleet.clock.now()
        report = place.settle()
        assert report.rollouts["web"].status == "rolled-back"
        assert "the after hook Job.batch shop/check-" in report.rollouts["web"].because
        assert place.fleet.clock.now() - started < timedelta(minutes=5)
        place.wait(timedelta(minutes=1))
        place.once()
        assert place.image("quiet") == "example.com/web:v1"
        assert names(place) == ["check", "page"]
        uids = {job["metadata"]["uid"] for job in jobs(place)}
        for _ in range(3):
            place.wait(timedelta(hours=30))
            place.once()
        assert {job["metadata"]["uid"] for job in jobs(place)} == uids


def test_what_runs_at_a_failure_does_not_run_where_nothing_failed(place: Town) -> None:
    """It is no object of the release either: health does not ask for it, and drift does not miss it."""
    place.commit(hook("page", "on-failure"))
    commands.promote(place.world, "web", "v2")
    report = place.settle()
    assert report.rollouts["web"].status == "passed"
    assert names(place) == names(place, "busy") == []


def test_hooks_are_removed_as_they_ask(place: Town) -> None:
    """With the next release, at once after success, or never; none of them is ever pruned."""
    place.commit(
        hook("one", "before"),
        hook("two", "before", ", gitrel.dev/hook-delete: succeeded"),
        hook("three", "before", ", gitrel.dev/hook-delete: never"),
    )
    commands.promote(place.world, "web", "v2")
    place.settle()
    assert names(place) == ["one", "three"]
    for job in jobs(place):
        assert annotations_of(job)["gitrel.dev/release"].startswith("sha256:")
    place.write("apps/web/v2/web-configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n")
    place.settle()
    left = jobs(place)
    assert [str(job["metadata"]["name"]).partition("-")[0] for job in left] == ["one", "three", "three"]


def test_another_process_tells_what_is_waited_for(place: Town) -> None:
    """One pass of a CI job is enough: what it waits for is in the journal then, and the next job, which
    remembers nothing, writes it no second time."""
    place.commit(hook("migrate", "before"))
    commands.promote(place.world, "web", "v2", "quiet")
    (outcome,) = place.once().waiting
    (told,) = why(replace(place.world, notes=Notes()), "web", "quiet")
    assert outcome.waiting in told.sentence
    assert "the before hook Job.batch shop/migrate-" in outcome.waiting
    reconcile(replace(place.world, notes=Notes()))
    entries = len(list(place.world.ledger.history()))
    reconcile(replace(place.world, notes=Notes()))
    assert len(list(place.world.ledger.history())) == entries
    assert verify(place.world.ledger.history()) is None


def test_a_hook_that_never_ends_is_bounded_by_the_deadline(place: Town) -> None:
    """By one deadline, in jobs that remember nothing too: the pass that finds it still running then goes back
    at once, and says what it was waiting for."""
    slow = HOOK.replace("NAME", "slow").replace("MOMENT", "before")
    slow = slow.replace("restartPolicy: Never", "restartPolicy: Never\n      nodeSelector: {no: where}")
    place.commit(PutFile("apps/web/v2/slow-job.yaml", slow.encode()))
    commands.promote(place.world, "web", "v2", "quiet")
    place.once()
    place.wait(timedelta(minutes=9, seconds=59))
    assert reconcile(replace(place.world, notes=Notes())).rollouts["web"].status == "running"
    place.wait(timedelta(minutes=20))
    report = reconcile(replace(place.world, notes=Notes()))
    assert report.rollouts["web"].status == "rolled-back"
    assert "the before hooks did not end within 10m: the before hook" in report.rollouts["web"].because
    assert place.pointers()["quiet"] == "v1"
    assert place.settle().rollouts["web"].status == "rolled-back"
    assert verify(place.world.ledger.history()) is None


def test_a_stage_that_never_gets_ready_is_taken_back_in_the_same_pass(place: Town) -> None:
    """What was applied of it goes back to what was there, before the pass ends."""
    path = "apps/web/v2/web-deployment.yaml"
    text = (place.folder / path).read_text(encoding="utf-8")
    first = "{name: web, annotations: {gitrel.dev/order: '-1'}}\n"
    text = text.replace("{name: web}\n", first, 1).replace(
        "containers:", "nodeSelector: {no: where}\n      containers:"
    )
    place.write(path, text)
    commands.promote(place.world, "web", "v2", "quiet")
    (outcome,) = place.once().waiting
    assert "(stage 1 of 2)" in outcome.waiting
    assert place.image("quiet") == "example.com/web:v2"
    place.wait(timedelta(minutes=11))
    report = reconcile(replace(place.world, notes=Notes()))
    assert "quiet: stage 1 of 2 did not end within 10m: Deployment" in report.rollouts["web"].because
    assert place.image("quiet") == "example.com/web:v1"
    assert verify(place.world.ledger.history()) is None


NEEDED = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: migrate-settings
  annotations: {gitrel.dev/hook: before}
data: {table: shops}
"""


def test_what_hooks_need_is_there_before_them(place: Town) -> None:
    """Of the release only that; it is an object of it like any other afterwards, and goes as one."""
    place.commit(hook("migrate", "before"), PutFile("apps/web/v2/settings-configmap.yaml", NEEDED.encode()))
    commands.promote(place.world, "web", "v2", "quiet")
    (outcome,) = place.once().waiting
    assert "the before hook" in outcome.waiting

    def maps() -> list[str]:
        found = place.cluster("quiet").list("v1", "ConfigMap", "shop")
        return [str(one["metadata"]["name"]) for one in found]

    assert maps() == ["gitrel-web", "migrate-settings", "web-v1"]
    assert place.image("quiet") == "example.com/web:v1"
    place.settle()
    assert maps() == ["gitrel-web", "migrate-settings", "web-v2"]
    commands.rollback(place.world, "web", reason="test")
    place.once()
    assert maps() == ["gitrel-web", "web-v1"]


def test_going_back_takes_away_what_a_failed_hook_needed(tmp_path: Path) -> None:
    """The failure says that this much was applied, and the release before is whole again."""
    crash = Crash(timedelta(seconds=1), image="example.com/migrate:*", code=3, environment="quiet")
    with town(tmp_path, crash) as place:
        settings = PutFile("apps/web/v2/settings-configmap.yaml", NEEDED.encode())
        place.commit(hook("migrate", "before"), settings)
        commands.promote(place.world, "web", "v2")
        rollout = place.settle().rollouts["web"]
        assert rollout.status == "rolled-back"
        maps = place.cluster("quiet").list("v1", "ConfigMap", "shop")
        assert [one["metadata"]["name"] for one in maps] == ["gitrel-web", "web-v1"]
        assert place.once().outcomes == ()
