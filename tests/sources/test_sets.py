"""Several components promoted as one set: one step in the journal, and one wave after another together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, commit_all, git, write
from tests.sources.support import config

NEVER_READY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      nodeSelector: {here: nowhere}
      containers: [{name: api, image: "example.com/api:2"}]
"""
Here = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return config(tmp_path / "config", ("web", "api", "docs"))


@pytest.fixture
def here(folder: Path) -> Here:
    def call(*arguments: str) -> Ran:
        return gitrel(*arguments, "-C", str(folder), env=PEOPLE)

    assert call("reconcile", "--wait", "--timeout", "60s").code == 0
    return call


def moves(folder: Path) -> list[str]:
    lines = git(folder, "log", "--reverse", "--format=%s").splitlines()
    return [line.removeprefix("Point ") for line in lines if line.startswith("Point ")]


def test_a_set_goes_wave_by_wave_together(folder: Path, here: Here) -> None:
    """Both reach asia, and only when both have passed there do they reach europe; the others stay."""
    ran = here("promote", "web=v2", "api=v3", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    assert "web: rollout 2 of v2 to asia, europe, together with api" in ran.err
    assert sorted(moves(folder)[:2]) == ["api in asia at v3", "web in asia at v2"]
    assert sorted(moves(folder)[2:]) == ["api in europe at v3", "web in europe at v2"]
    entries = json.loads(here("rollout", "history", "-o", "json").out)["items"]
    promotes = [entry for entry in entries if entry["kind"] == "promote"]
    assert [entry["component"] for entry in promotes] == ["api", "web"]
    assert here("rollout", "verify").code == 0


def test_all_or_none(folder: Path, here: Here) -> None:
    """One member that cannot be promoted keeps the other from being: nothing at all is recorded."""
    before = git(folder, "rev-parse", "refs/gitrel/journal")
    assert here("promote", "web=v2", "api=v9").code == 2
    assert here("promote", "web=v2", "api=v2", "--to", "europe").code == 4
    assert git(folder, "rev-parse", "refs/gitrel/journal") == before


def test_a_member_that_fails_stops_the_others(folder: Path, here: Here) -> None:
    """api never gets ready in asia: web passes there, waits with the reason, and --wait ends with 5."""
    pipeline = (folder / "environments/pipeline.yaml").read_text()
    write(
        folder,
        "environments/pipeline.yaml",
        pipeline.replace("soakFactor: 1", "soakFactor: 1, progressDeadline: 2s"),
    )
    write(folder, "apps/api/v2/api-deployment.yaml", NEVER_READY)
    commit_all(folder)
    ran = here("promote", "web=v2", "api=v2", "--wait", "--timeout", "60s")
    assert ran.code == 5, ran.err
    assert "web in europe at v2" not in moves(folder)
    why = here("rollout", "why", "web", "europe")
    assert "api is failed in asia, and they are promoted together" in why.out
    alone = here("promote", "web", "v2", "--wait", "--timeout", "60s")
    assert alone.code == 0, alone.err
    assert moves(folder)[-1] == "web in europe at v2"
    assert here("rollout", "verify").code == 0


def test_a_member_that_leaves_is_named(folder: Path, here: Here) -> None:
    """Promoting one of them to something else breaks the set: the other waits, says so, and ends with 4."""
    assert here("promote", "web=v2", "api=v2").code == 0
    assert here("promote", "api", "v3").code == 0
    ran = here("reconcile", "--wait", "--timeout", "60s")
    assert ran.code == 4, ran.err
    assert "api is no longer promoted to v2 with it" in here("rollout", "why", "web", "europe").out
    assert "web in europe at v2" not in moves(folder)
    assert here("rollout", "abort", "web").code == 0
    assert here("reconcile", "--wait", "--timeout", "60s").code == 0


def test_a_set_in_a_file(folder: Path, here: Here, tmp_path: Path) -> None:
    """A ReleaseSet names what was seen working together; a mistake in it is told at its line."""
    file = tmp_path / "set.yaml"
    file.write_text(
        "apiVersion: gitrel.dev/v1alpha1\nkind: ReleaseSet\nspec:\n  components: {web: v2, api: v3}\n"
    )
    ran = here("promote", "--set", str(file))
    assert ran.code == 0, ran.err
    assert sorted(moves(folder)) == ["api in asia at v3", "web in asia at v2"]
    file.write_text("apiVersion: gitrel.dev/v1alpha1\nkind: ReleaseSet\nspec:\n  components: {web: newest}\n")
    wrong = here("promote", "--set", str(file))
    assert wrong.code == 3
    assert f"{file}:4:16: " in wrong.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "name a component and a version"),
        (("web",), "name a component and a version"),
        (("web", "v2", "api"), "name a component and a version"),
        (("web=v2", "api"), "name a component and a version"),
        (("web=v2", "web=v3"), "named twice"),
        (("web=",), "name a component and a version"),
        (("web=v2", "--set", "x.yaml"), "leave the components out"),
        (("--set", "/nowhere/x.yaml"), "cannot be read"),
    ],
)
def test_what_is_asked_wrongly(folder: Path, words: tuple[str, ...], hint: str) -> None:
    """Each wrong form is 2 with a sentence."""
    ran = gitrel("promote", *words, "-C", str(folder))
    assert ran.code == 2
    assert hint in ran.err
