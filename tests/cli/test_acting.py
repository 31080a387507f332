"""reconcile, promote, rollback, the rollout verbs and the daemon, on bundled clusters and the real clock.

The component is a ConfigMap, which is Current as soon as it is applied, and soaks for a second, so that real
rollouts take seconds; nothing here sleeps by itself.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import commit, git
from tests.cli.support import ROOT, Ran, gitrel

PIPELINE = """apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
spec:
  waves:
    - name: first
      environments: [asia]
    - name: second
      environments: [europe]
  defaults:
    meanTimeToSmoke: 1s
    soakFactor: {soak}
"""
ENVIRONMENT = """apiVersion: gitrel.dev/v1alpha1
kind: Environment
metadata:
  name: {name}
spec:
  role: region
  namespace: shop
  cluster:
    embedded:
      nodes: 1
"""
MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  version: "{version}"
"""
NEVER_READY = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      nodeSelector: {here: nowhere}
      containers:
        - name: web
          image: registry.example.com/web:2
"""


def make(folder: Path, soak: float = 1) -> Path:
    (folder / "environments").mkdir(parents=True)
    (folder / "environments/pipeline.yaml").write_text(PIPELINE.format(soak=soak), encoding="utf-8")
    for version in ("current", "v1", "v2", "v3"):
        (folder / "apps/web" / version).mkdir(parents=True)
        text = MANIFEST.format(version=version)
        (folder / "apps/web" / version / "web-configmap.yaml").write_text(text, encoding="utf-8")
    for name in ("asia", "europe"):
        (folder / f"environments/{name}.yaml").write_text(ENVIRONMENT.format(name=name), encoding="utf-8")
        (folder / "apps/web" / name).symlink_to("v1")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.com")
    commit(folder, "Begin")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A component in two regions, installed once, clusters included."""
    folder = make(tmp_path_factory.mktemp("installed") / "small")
    ran = gitrel("reconcile", "--wait", "--timeout", "60s", "-C", str(folder), "-q")
    assert ran.code == 0, ran.err
    return folder


@pytest.fixture
def small(installed: Path, tmp_path: Path) -> Path:
    """A copy of one's own: the repository, its journal and its clusters are all in one folder."""
    return Path(shutil.copytree(installed, tmp_path / "small", symlinks=True))


def run(folder: Path, *arguments: str) -> Ran:
    return gitrel(*arguments, "-C", str(folder))


def test_a_release_goes_through_the_regions_and_back(small: Path) -> None:
    """Promote --wait moves both pointers by commits; rollback points back; the journal proves the order."""
    promoted = run(
        small, "promote", "web", "v2", "--wait", "--timeout", "60s", "--reason", "a fix", "-o", "json"
    )
    document = json.loads(promoted.out)
    assert promoted.code == 0
    assert document["kind"] == "PassReport"
    assert document["items"][0]["environments"] == {"asia": "passed", "europe": "passed"}
    assert git(small, "log", "--format=%an: %s", "-2").splitlines() == [
        "Ada: Point web in europe at v2",
        "Ada: Point web in asia at v2",
    ]
    lines = [line.split(" ", 1)[1] for line in promoted.err.splitlines() if line.startswith("20")]
    assert lines.index("web asia passed v2") < lines.index("web europe applied v2: 1 configured")

    back = run(small, "rollback", "web", "--reason", "it is slow")
    assert back.code == 0
    assert str((small / "apps/web/europe").readlink()) == "v1"
    history = json.loads(run(small, "rollout", "history", "web", "-o", "json").out)["items"]
    commands = [(entry["kind"], entry["actor"]) for entry in history if entry["kind"] != "decision"]
    assert commands == [("promote", "Ada <ada@example.com>"), ("rollback", "Ada <ada@example.com>")]
    assert run(small, "rollout", "verify").code == 0


def test_diff_asks_the_clusters(small: Path) -> None:
    """Nothing to do gives 0; an edit on disk gives 1 and the change, and changes nothing anywhere."""
    assert run(small, "diff").code == 0
    path = small / "apps/web/v1/web-configmap.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"v1"', '"other"'), encoding="utf-8")
    for _ in range(2):
        ran = run(small, "diff", "web", "asia")
        assert ran.code == 1
        assert "-  version: v1" in ran.out
        assert "+  version: other" in ran.out


def test_a_rollout_can_be_held_and_ended(small: Path) -> None:
    """Pause holds, and then a promotion is refused with 4; resume and abort are told; all is recorded."""
    pipeline = small / "environments/pipeline.yaml"
    pipeline.write_text(PIPELINE.format(soak=1000), encoding="utf-8")
    commit(small)
    assert run(small, "promote", "web", "v2").code == 0
    assert run(small, "rollout", "pause", "web", "--reason", "lunch").code == 0
    refused = run(small, "promote", "web", "v3")
    assert refused.code == 4
    assert "paused" in refused.err
    why = run(small, "rollout", "why", "web")
    assert why.code == 0
    assert why.out.startswith("asia ")
    explained = json.loads(run(small, "rollout", "why", "web", "asia", "-o", "json").out)["items"]
    assert [item["environment"] for item in explained] == ["asia"]
    assert run(small, "rollout", "resume", "web").code == 0
    assert run(small, "rollout", "retry", "web").code == 4  # nothing has failed
    assert run(small, "rollout", "abort", "web", "--reason", "enough").code == 0
    status = json.loads(run(small, "rollout", "list", "-o", "json").out)["items"][0]
    assert status["status"] == "aborted"
    kinds = run(small, "rollout", "history", "web").out
    assert all(kind in kinds for kind in ("pause", "resume", "abort", "enough"))


def test_waiting_ends_with_6_and_loses_nothing(small: Path) -> None:
    """A wait that is too short says what is under way; the rollout stands in the journal all the same."""
    pipeline = small / "environments/pipeline.yaml"
    pipeline.write_text(PIPELINE.format(soak=1000), encoding="utf-8")
    commit(small)
    ran = run(small, "promote", "web", "v2", "--wait", "--timeout", "1500ms")
    assert ran.code == 6
    assert "timed out" in ran.err
    phases = json.loads(run(small, "rollout", "status", "web", "-o", "json").out)["items"]
    assert phases[0]["version"] == "v2"


def test_what_the_cluster_refuses_gives_5(small: Path) -> None:
    """An object that the API server refuses is told in its own words, and the code is not success."""
    path = small / "apps/web/v2/web-configmap.yaml"
    path.write_text(MANIFEST.format(version="v2") + "immutable: true\n", encoding="utf-8")
    path = small / "apps/web/v3/web-configmap.yaml"
    path.write_text(MANIFEST.format(version="v3") + "immutable: true\n", encoding="utf-8")
    commit(small)
    assert run(small, "promote", "web", "v2", "--wait", "--timeout", "60s").code == 0
    ran = run(small, "promote", "web", "v3")
    assert ran.code == 5
    assert "immutable" in ran.err


def test_a_rollout_that_fails_gives_5(small: Path) -> None:
    """A release that never becomes ready fails at its deadline: 5 now, and 0 for the passes after it."""
    pipeline = small / "environments/pipeline.yaml"
    pipeline.write_text(PIPELINE.format(soak=1) + "    progressDeadline: 2s\n", encoding="utf-8")
    (small / "apps/web/v2/web-deployment.yaml").write_text(NEVER_READY, encoding="utf-8")
    commit(small)
    ran = run(small, "promote", "web", "v2", "--wait", "--timeout", "60s")
    assert ran.code == 5
    assert "failed" in ran.out
    assert run(small, "reconcile").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("promote", "web", "v9"), 2, "v1, v2, v3"),
        (("promote", "web", "v2", "--to", "mars"), 2, "asia, europe"),
        (("promote", "wep", "v2"), 2, "did you mean 'web'"),
        (("promote", "web", "v2", "--to", "asai"), 2, "did you mean 'asia'"),
        (("rollback", "web"), 4, "passed in asia, europe"),
        (("rollback", "web", "--to", "v9"), 2, "no version 'v9'"),
        (("rehearse", "wep", "v2"), 2, "did you mean 'web'"),
        (("reconcile", "wep"), 2, "did you mean 'web'"),
        (("status", "wep"), 2, "did you mean 'web'"),
        (("rollout", "why", "web", "mars"), 2, "asia, europe"),
        (("reconcile", "--remote", "/nowhere"), 7, "/nowhere"),
    ],
)
def test_what_cannot_be_is_refused(small: Path, arguments: tuple[str, ...], code: int, hint: str) -> None:
    """Names that do not exist are 2, a schedule that says no is 4, a remote that does not answer is 7."""
    ran = run(small, *arguments)
    assert ran.code == code
    assert hint in ran.err
    assert "Traceback" not in ran.err


def test_an_interrupted_wait_is_no_failure(tmp_path: Path) -> None:
    """Ctrl-C during --wait gives 130 at once, without a traceback; the next command goes on from there."""
    folder = make(tmp_path / "small", soak=1000)
    command = [sys.executable, "-m", "gitrel", "reconcile", "--wait", "-C", str(folder)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "watching" in line or "applied" in line:
                running.send_signal(signal.SIGINT)
                break
        rest = running.stderr.read()
        assert running.wait(20) == 130
    assert rest.splitlines()[-1].startswith("interrupted: the journal knows")
    assert "Traceback" not in rest
    assert run(folder, "rollout", "verify").code == 0


def test_a_release_survives_the_reader_of_its_progress(tmp_path: Path) -> None:
    """`reconcile 2>&1 | head -1` goes on releasing after head has gone."""
    folder = make(tmp_path / "small")
    command = f"{sys.executable} -m gitrel reconcile --wait -o name -C {folder} 2>&1 >/dev/null | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "rollout 1 started" in done.stdout
    record = json.loads(run(folder, "rollout", "list", "-o", "json").out)["items"][0]
    assert record["status"] == "passed"


def test_the_daemon_reconciles_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It installs what Git says, logs JSON lines, and ends with 0 on SIGTERM."""
    folder = make(tmp_path / "small")
    command = [
        sys.executable,
        "-m",
        "gitrel",
        "daemon",
        "--log-format",
        "json",
        "--poll",
        "1s",
        "-C",
        str(folder),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as running:
        assert running.stderr is not None
        logs = []
        for line in running.stderr:
            logs.append(json.loads(line))
            if logs[-1]["event"] == "rollout.finished":
                running.send_signal(signal.SIGTERM)
                break
        logs += [json.loads(line) for line in running.stderr]
        assert running.wait(30) == 0
    assert logs[0]["event"] == "daemon.started"
    assert logs[-1]["event"] == "daemon.stopped"
    applied = [log["environment"] for log in logs if log["event"] == "environment.applied"]
    assert applied == ["asia", "europe"]
