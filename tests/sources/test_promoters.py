"""Several writers, a rewritten past and a lost answer, with real processes and a real bare remote."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, clone, commit_all, git, point
from tests.sources.conftest import Run
from tests.sources.support import GitServer, Start, config, remote_of
from tests.waiting import until


def people(remote: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two clones whose owners work at the same time."""
    return clone(tmp_path / "ada", remote), clone(tmp_path / "grace", remote)


def act(folder: Path, *arguments: str, **env: str) -> Ran:
    return gitrel(*arguments, "-C", str(folder), "--remote", "origin", env={**PEOPLE, **env})


def journal(folder: Path, component: str = "web") -> list[str]:
    """What was asked for, in order, as the remote's journal has it."""
    ran = act(folder, "rollout", "history", component, "-o", "json")
    return [entry["kind"] for entry in json.loads(ran.out)["items"] if entry["kind"] != "decision"]


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A remote whose rollouts soak for an hour, so that they are still running when somebody else comes."""
    remote = remote_of(config(tmp_path / "slow", ("web", "api"), soak="1h"))
    here = clone(tmp_path / "installer", remote)
    ran = act(here, "reconcile", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    return remote


def test_two_versions_at_once_end_with_one_winner(slow: Path, tmp_path: Path, start: Start) -> None:
    """Two processes promote different versions in the same instant: one rollout stands, the loser is told who
    was first and did nothing, and the schedule was kept. Where one came clearly later it supersedes, and says
    so: then both end well."""
    ada, grace = people(slow, tmp_path)
    runs = [
        start("promote", "web", version, "-C", str(folder), "--remote", "origin", "--actor", who)
        for folder, version, who in (
            (ada, "v2", "Ada <a@example.com>"),
            (grace, "v3", "Grace <g@example.com>"),
        )
    ]
    outcomes = [(*run.communicate(timeout=60), run.returncode) for run in runs]
    codes = sorted(code for _, _, code in outcomes)
    assert codes in ([0, 4], [0, 0]), outcomes
    if codes == [0, 4]:
        (lost,) = [err for _, err, code in outcomes if code == 4]
        assert re.search(r"(Ada|Grace) <.@example.com> promoted v[23] first \(rollout 2\)", lost), lost
        assert journal(ada) == ["promote"]
    assert "Traceback" not in "".join(err for _, err, _ in outcomes)
    assert act(ada, "rollout", "verify").code == 0


def test_the_loser_of_a_race_is_told_and_does_nothing(slow: Path, tmp_path: Path, start: Start) -> None:
    """The same race made certain: while Grace's command is about to push, Ada's gets through."""
    ada, grace = people(slow, tmp_path)
    hook = grace / "race"
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    # The first push waits until Ada has had hers.
    program.write_text(
        f'#!/bin/sh\ncase " $* " in *" push "*) if mkdir {hook} 2>/dev/null; then touch {hook}/waits; '
        f"while [ ! -e {hook}/go ]; do sleep 0.02; done; fi;; esac\n"
        'PATH=${PATH#*:} exec git "$@"\n'
    )
    program.chmod(0o755)
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    late = start("promote", "web", "v3", "-C", str(grace), "--remote", "origin", env=env)
    until(lambda: (hook / "waits").exists() or late.poll() is not None, "Grace is about to push")
    assert late.poll() is None, late.communicate()
    first = act(ada, "promote", "web", "v2", "--actor", "Ada <ada@example.com>")
    assert first.code == 0, first.err
    (hook / "go").touch()
    _, err = late.communicate(timeout=60)
    assert late.returncode == 4, err
    assert "Ada <ada@example.com> promoted v2 first (rollout 2)" in err
    assert journal(ada) == ["promote"]
    again = act(grace, "promote", "web", "v3")
    assert again.code == 0  # knowing of it, Grace may let hers come first


def test_the_same_version_twice_at_once_is_one_rollout(slow: Path, tmp_path: Path, start: Start) -> None:
    """Both wanted the same: one records it, the other finds it so, and both end with 0."""
    clones = people(slow, tmp_path)
    runs = [start("promote", "web", "v2", "-C", str(folder), "--remote", "origin") for folder in clones]
    outcomes = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    assert journal(clones[0]) == ["promote"]


def test_other_components_do_not_get_in_the_way(slow: Path, tmp_path: Path, start: Start) -> None:
    """Two people with two components: both are recorded, whoever pushes first."""
    ada, grace = people(slow, tmp_path)
    runs = [
        start("promote", component, "v2", "-C", str(folder), "--remote", "origin")
        for folder, component in ((ada, "web"), (grace, "api"))
    ]
    outcomes = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    assert journal(ada, "web") == journal(ada, "api") == ["promote"]


def test_a_lost_answer_promotes_once(run: Run, server: GitServer, remote: Path) -> None:
    """The push arrives and its answer does not: the remote is asked, the own step found, nothing repeated."""
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    server.swallow_next_push = True
    ran = run("promote", "web", "v2", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    assert not server.swallow_next_push
    history = json.loads(run("rollout", "history", "web", "-o", "json").out)["items"]
    assert [entry["kind"] for entry in history].count("promote") == 1
    subjects = git(remote, "log", "--format=%s", "main").splitlines()
    assert [subjects.count(f"Point web in {name} at v2") for name in ("asia", "europe")] == [1, 1]


def test_a_rewritten_branch_stops_before_the_next_environment(tmp_path: Path) -> None:
    """A force-push while asia soaks: what runs is watched on, europe is not started, exit 4 says what to look
    at, and a person's word lets it go on."""
    remote = remote_of(config(tmp_path / "config", soak="2s"))
    here = clone(tmp_path / "here", remote)
    assert act(here, "reconcile", "--wait", "--timeout", "60s").code == 0
    assert act(here, "promote", "web", "v2").code == 0
    other = clone(tmp_path / "other", remote)
    git(other, "reset", "-q", "--hard", "HEAD~1")
    commit_all(other, "Another past")
    git(other, "push", "-q", "--force", "origin", "main")
    looked = act(here, "rollout", "why", "web", "asia")
    assert looked.code == 0
    assert "history of main was rewritten" in looked.err
    stopped = act(here, "reconcile", "--wait", "--timeout", "60s")
    assert stopped.code == 4
    assert "history of main was rewritten" in stopped.err
    assert "--accept-rewritten" in stopped.err
    assert "Point web in europe" not in git(remote, "log", "--format=%s", "main")
    phases = json.loads(act(here, "rollout", "status", "web", "-o", "json").out)["items"]
    # asia's soak went on and its end is not recorded: that step would have started europe
    assert {item["environment"]: item["phase"] for item in phases}["europe"] == "queued"
    accepted = act(here, "reconcile", "--wait", "--timeout", "60s", "--accept-rewritten")
    assert accepted.code == 0, accepted.err
    assert act(here, "rollout", "verify").code == 0


def test_a_rewritten_journal_stops_everything(slow: Path, tmp_path: Path) -> None:
    """A journal that is another one is not taken for it: nothing is recorded, and a person decides. One that
    was only rewound contradicts nothing: who has seen more brings it back with the next step."""
    ada, grace = people(slow, tmp_path)
    assert act(ada, "promote", "web", "v2").code == 0
    journal_tree = git(slow, "rev-parse", "refs/gitrel/journal~1^{tree}")
    git(slow, "update-ref", "refs/gitrel/journal", git(slow, "commit-tree", journal_tree, "-m", "Another"))
    ran = act(ada, "reconcile")
    assert ran.code == 4
    assert "journal on origin" in ran.err
    assert "--accept-rewritten" in ran.err
    assert act(ada, "reconcile", "--accept-rewritten").code == 0
    assert act(grace, "promote", "api", "v2").code == 0
    lost = git(slow, "rev-parse", "refs/gitrel/journal")
    git(slow, "update-ref", "refs/gitrel/journal", "refs/gitrel/journal~1")
    assert act(grace, "promote", "api", "v3").code == 0
    assert lost in git(slow, "rev-list", "refs/gitrel/journal")


def test_a_daemon_and_a_person_share_the_journal(slow: Path, tmp_path: Path, start: Start) -> None:
    """A promotion made elsewhere is carried out by the daemon; compare-and-swap keeps them apart."""
    ada, grace = people(slow, tmp_path)
    arguments = ("daemon", "--poll", "1s", "--log-format", "json", "-C", str(grace), "--remote", "origin")
    daemon = start(*arguments)
    try:
        assert act(ada, "promote", "api", "v2").code == 0
        assert daemon.stderr is not None
        told = (json.loads(line).get("event") for line in daemon.stderr)
        assert "environment.applied" in told  # reads on until it comes
        assert act(ada, "promote", "web", "v2").code == 0
    finally:
        daemon.terminate()
        daemon.communicate(timeout=30)
    assert daemon.returncode == 0
    assert act(ada, "rollout", "verify").code == 0


def test_an_unrelated_push_in_between_is_no_conflict(slow: Path, tmp_path: Path) -> None:
    """Somebody edits another component between reading and pushing: the promotion is rebuilt on top."""
    ada, grace = people(slow, tmp_path)
    point(grace, "apps/api/asia", "v2")
    commit_all(grace)
    git(grace, "push", "-q", "origin", "main")
    ran = act(ada, "promote", "web", "v2")
    assert ran.code == 0, ran.err
    assert "Point web in asia at v2" in git(slow, "log", "-2", "--format=%s", "main")
