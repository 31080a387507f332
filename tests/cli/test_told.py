"""What people are told where something cannot go on: once, in full, and without hiding what runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import commit, git
from tests.cli.support import Ran, gitrel
from tests.cli.test_acting import make


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("told") / "small")
    assert gitrel("reconcile", "--wait", "--timeout", "60s", "-q", "-C", str(folder)).code == 0
    return folder


@pytest.fixture
def small(installed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installed, tmp_path / "small", symlinks=True))


def run(folder: Path, *arguments: str) -> Ran:
    return gitrel(*arguments, "-C", str(folder))


def test_a_component_with_errors_stays_in_sight(small: Path) -> None:
    """Whoever commits an error does not make what runs disappear: status shows it, left alone."""
    (small / "apps/web/component.yaml").write_text("kind: Component\nspec: {replica: 1}\n", encoding="utf-8")
    commit(small)
    ran = run(small, "status")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["web", "passed", "v1", "v1"]
    assert ran.err == "web: its files have errors, so it is left as it is: gitrel validate tells them\n"
    cells = json.loads(run(small, "status", "-o", "json").out)["items"][0]["cells"]
    assert [cell["version"] for cell in cells] == ["v1", "v1"]
    for arguments in (("reconcile", "web"), ("rollout", "why", "web"), ("promote", "web", "v2")):
        ran = run(small, *arguments)
        assert ran.code == 3
        assert "unknown field 'replica'" in ran.err


def test_an_error_for_all_is_told_by_status(small: Path) -> None:
    """A broken environment stops everything, so that status says it and still shows what runs."""
    (small / "environments/asia.yaml").write_text("kind: Environment\n", encoding="utf-8")
    commit(small)
    ran = run(small, "status")
    assert ran.code == 0
    assert "environments/asia.yaml:1:1: apiVersion is missing" in ran.err
    assert ran.err.endswith("nothing starts until this is mended\n")
    assert "v1" in ran.out
    for arguments in (("reconcile",), ("reconcile", "web"), ("rollout", "why", "web")):
        assert run(small, *arguments).code == 3


def test_errors_elsewhere_are_not_held_against_a_component(small: Path) -> None:
    """A pass over one component ends well while another has errors; a pass over all says them."""
    shutil.copytree(small / "apps/web", small / "apps/zed", symlinks=True)
    (small / "apps/zed/component.yaml").write_text("kind: Component\n", encoding="utf-8")
    commit(small)
    assert run(small, "reconcile", "web").code == 0
    ran = run(small, "reconcile")
    assert ran.code == 3
    assert "apps/zed/component.yaml:1:1: apiVersion is missing" in ran.err


def test_what_passed_is_told_before_what_follows(small: Path) -> None:
    """Lines come in the order of cause and effect: an environment passes, and then the next pointer moves."""
    ran = run(small, "promote", "web", "v2", "--wait", "--timeout", "60s")
    lines = [line.partition(" ")[2] for line in ran.err.splitlines()]
    passed = lines.index("web asia passed v2")
    moved = lines.index("web europe points to v2: rollout 2: v2 is due in europe")
    assert passed < moved
    assert lines.index("web europe applying v2: rollout 2: v2 is due in europe") > moved


def test_a_refusal_is_told_once_and_the_wait_names_it(small: Path) -> None:
    """Two components want one object: the second is refused each time, told once, named at the end."""
    shutil.copytree(small / "apps/web", small / "apps/zed", symlinks=True)
    commit(small)
    ran = run(small, "reconcile", "zed", "--wait", "--timeout", "2500ms")
    refused = (
        "apps/zed/v1/web-configmap.yaml:1: ConfigMap shop/web belongs to web in asia: "
        "rename it, or remove it there first"
    )
    assert ran.code == 6
    lines = [line.partition(" ")[2] for line in ran.err.splitlines() if line.startswith("2")]
    assert lines.count(f"zed asia refused: {refused}") == 1
    assert len(set(lines)) == len(lines)
    told = ran.err[ran.err.index("gitrel: timed out") :].splitlines()
    assert told[0] == "gitrel: timed out after 2s500ms, and nothing is lost; still under way:"
    assert told[1].startswith("zed: rollout 1 of changes")
    assert told[2] == f"zed in asia: {refused}"


def test_one_object_of_two_components_is_refused_before_anything_moves(small: Path) -> None:
    """Each of the two places names the other, validate and reconcile alike, and neither is acted upon."""
    shutil.copytree(small / "apps/web", small / "apps/zed", symlinks=True)
    commit(small)
    said = [
        f"apps/{one}/v1/web-configmap.yaml:1: ConfigMap shop/web is written by the component {other} too, "
        f"at apps/{other}/v1/web-configmap.yaml:1: rename one of the two, or give one a namespace of its own"
        for one, other in (("web", "zed"), ("zed", "web"))
    ]
    for _ in range(2):  # the second time from what was remembered of the first
        ran = run(small, "validate")
        assert ran.code == 3
        assert ran.out.splitlines() == said
    before = git(small, "for-each-ref")
    ran = run(small, "reconcile")
    assert ran.code == 3
    assert ran.err.splitlines() == said
    assert git(small, "for-each-ref") == before


def test_what_is_not_committed_is_not_released_and_that_is_said(small: Path) -> None:
    """An edit on disk is named, the commit is what is released, and the edit stays as it is."""
    path = small / "apps/web/v2/web-configmap.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"v2"', '"edited"'), encoding="utf-8")
    ran = run(small, "promote", "web", "v2")
    assert ran.code == 0
    assert ran.err.splitlines()[0] == "not committed, so not released: apps/web/v2/web-configmap.yaml"
    assert "version: v2" in run(small, "render", "web", "asia", "--revision", "HEAD").out
    assert "edited" in path.read_text(encoding="utf-8")


def test_a_folder_without_environments_is_told_what_is_missing(tmp_path: Path) -> None:
    """Half a config repository is judged like any other; what is none at all is wrong usage."""
    (tmp_path / "apps/web/v1").mkdir(parents=True)
    (tmp_path / "apps/web/v1/web.yaml").write_text("kind: Service\n", encoding="utf-8")
    ran = run(tmp_path, "validate")
    assert ran.code == 3
    assert ran.out.startswith("environments: there is no such folder, or nothing in it: run 'gitrel init'")
    shutil.rmtree(tmp_path / "apps")
    ran = run(tmp_path, "validate")
    assert ran.code == 2
    assert ran.err.endswith("not a config repository, for it has no apps/ or environments/\n")


def test_what_is_gone_from_the_repository_stays_and_is_named(small: Path) -> None:
    """Deleting a component's folder removes nothing anywhere: every pass and status say what still runs."""
    shutil.copytree(small / "apps/web", small / "apps/zed", symlinks=True)
    for manifest in (small / "apps/zed").glob("*/*.yaml"):
        manifest.write_text(manifest.read_text(encoding="utf-8").replace("web", "zed"), encoding="utf-8")
    shutil.rmtree(small / "apps/web")
    commit(small)
    said = "web: gone from the repository and still running: bring it back, or delete its objects"
    ran = run(small, "reconcile", "-o", "json")
    assert ran.code == 0
    assert said in ran.err.splitlines()
    assert json.loads(ran.out)["orphaned"] == ["web"]
    assert said in run(small, "status").err.splitlines()
    assert said not in run(small, "reconcile", "zed").err
    assert not [outcome for outcome in json.loads(ran.out)["outcomes"] if outcome["component"] == "web"]
