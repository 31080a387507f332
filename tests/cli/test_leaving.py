"""What leaves a release is told by name before it goes: by `diff`, by the plan's line and event, and never by
silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import small
from tests.cli.support import gitrel

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, annotations: {ANNOTATION}}
data: {a: b}
"""
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1 is in `quiet`, with objects that v2 does not have."""
    folder = tmp_path_factory.mktemp("leaving")
    small.write(folder)
    v1 = folder / "apps/web/v1"
    for name in ("keep", "orphan"):
        text = CONFIG.replace("NAME", name).replace("ANNOTATION", f"gitrel.dev/prune: {name}")
        (v1 / f"{name}-configmap.yaml").write_text(text, encoding="utf-8")
    (v1 / "data-persistentvolumeclaim.yaml").write_text(CLAIM, encoding="utf-8")
    from gitrel.repo.git.creation import create

    create(folder, message="Begin", author=small.AUTHOR, at=small.START)
    done = gitrel("reconcile", "-C", str(folder), env={"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b"})
    assert "created" in done.err, done.err
    return folder


def test_diff_names_what_goes_and_what_stays(applied: Path) -> None:
    """Deleted objects as changes; kept and let go ones as notes, each with its reason."""
    done = gitrel("diff", "web", "quiet", "--version", "v2", "-o", "json", "-C", str(applied))
    assert done.code == 1, done.err
    found = json.loads(done.out)
    deleted = [item["name"] for item in found["items"] if item["change"] == "deleted"]
    assert deleted == ["web-v1"]
    assert found["notes"] == [
        "web in quiet: PersistentVolumeClaim shop/data left the release, kept because pruneKinds does not "
        "name PersistentVolumeClaim",
        "web in quiet: ConfigMap shop/orphan left the release, let go by gitrel.dev/prune: orphan",
        "web in quiet: ConfigMap shop/keep left the release, kept by gitrel.dev/prune: keep",
    ]


def test_an_annotation_that_is_not_understood_is_told_while_files_are_checked(tmp_path: Path) -> None:
    """At its line, with the words that there are."""
    small.write(tmp_path)
    text = CONFIG.replace("NAME", "x").replace("ANNOTATION", "gitrel.dev/prune: never")
    (tmp_path / "apps/web/v1/x-configmap.yaml").write_text(text, encoding="utf-8")
    done = gitrel("validate", "-C", str(tmp_path))
    assert done.code == 3
    assert "apps/web/v1/x-configmap.yaml:3:" in done.out + done.err
    assert "'never' is not known: write keep or orphan or delete or disabled" in done.out + done.err


def test_diff_shows_the_hooks_that_would_run(applied: Path) -> None:
    """Under the names in the files, beside the objects; one for failures is not expected to run, and
    that has run for what is there is no difference any more."""
    job = """\
apiVersion: batch/v1
kind: Job
metadata: {name: NAME, annotations: {gitrel.dev/hook: MOMENT}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "example.com/a:v2"}]}}}
"""
    for name, moment in (("migrate", "before"), ("check", "after"), ("page", "on-failure")):
        path = applied / f"apps/web/v2/{name}-job.yaml"
        path.write_text(job.replace("NAME", name).replace("MOMENT", moment), encoding="utf-8")
    done = gitrel("diff", "web", "quiet", "--version", "v2", "-o", "json", "-C", str(applied))
    items = {item["name"]: item for item in json.loads(done.out)["items"] if item["kind"] == "Job"}
    assert {name: item["change"] for name, item in items.items()} == {
        "migrate": "created",
        "check": "created",
    }
    assert "gitrel.dev/hook: before" in items["migrate"]["diff"]
