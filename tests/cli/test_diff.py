"""`diff` on real repositories: every environment at once, notes, formats, what is saved, rehearsals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gitrel.render.cache import CachingRenderer
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog
from tests.cli.conftest import commit, git
from tests.cli.support import Ran, edit, gitrel
from tests.small import ENVIRONMENTS, repository

CANARY = "canary-value-never-to-be-seen"


def diff(repo: Path, *arguments: str) -> Ran:
    return gitrel("diff", "--base", "HEAD", "-C", str(repo), *arguments)


def found(repo: Path, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(diff(repo, *arguments, "-o", "json").out)
    return document


def test_counts_come_first_and_each_hunk_once(repo: Path) -> None:
    """A new image of a released version is one hunk with seven places, below the counts."""
    edit(repo / "apps/frontend/v1/frontend-deployment.yaml", "frontend:1.0.0", "frontend:1.0.1")
    ran = diff(repo)
    assert ran.code == 1
    assert ran.out.startswith("0 created, 7 configured, 0 deleted in 7 environments (image 1)\n")
    assert ran.out.count("+          image: registry.example.com/frontend:1.0.1") == 1
    assert "in development, staging, canary, asia, eastus, europe, westus" in ran.out


def test_a_component_and_an_environment_may_come_and_go(repo: Path) -> None:
    """What the base lacks is created, what the head lacks is deleted, and a note says what that means."""
    shutil.rmtree(repo / "apps/worker")
    shutil.copytree(repo / "apps/queue", repo / "apps/store", symlinks=True)
    edit(repo / "apps/store/component.yaml", "name: queue", "name: store")
    (repo / "environments/asia.yaml").unlink()
    edit(repo / "environments/pipeline.yaml", "environments: [asia]", "environments: [westus]")
    edit(repo / "environments/pipeline.yaml", "environments: [europe, westus]", "environments: [europe]")
    for name in ("frontend", "queue", "store"):
        (repo / "apps" / name / "asia").unlink()
    document = found(repo)
    words = {(item["component"], item["change"]) for item in document["items"]}
    assert words == {
        ("worker", "deleted"),
        ("store", "created"),
        ("frontend", "deleted"),
        ("queue", "deleted"),
    }
    notes = "\n".join(document["notes"])
    assert "gone: environment asia" in notes
    assert "new: component store" in notes
    assert "gone: component worker; gitrel leaves what runs of it alone" in notes
    assert "the order of the waves changes" in notes
    only = diff(repo, "worker", "-o", "name")
    assert only.code == 1
    assert "worker HorizontalPodAutoscaler/worker" in only.out
    assert diff(repo, "nobody").code == 2


def test_a_base_with_errors_does_not_stand_in_the_way_of_mending_it(repo: Path) -> None:
    """A broken component of the base is noted, the others are compared; errors of the head are refused."""
    good = (repo / "apps/queue/component.yaml").read_text(encoding="utf-8")
    (repo / "apps/queue/component.yaml").write_text("kind: [", encoding="utf-8")
    commit(repo)
    (repo / "apps/queue/component.yaml").write_text(good, encoding="utf-8")
    edit(repo / "apps/frontend/component.yaml", "cacheSize: 64Mi", "cacheSize: 96Mi")
    document = found(repo)
    assert any("queue has errors in the base" in note for note in document["notes"])
    assert {item["component"] for item in document["items"]} == {"frontend"}
    edit(repo / "apps/queue/component.yaml", "renderer: jinja", "renderer: none")
    ran = diff(repo)
    assert ran.code == 3
    assert "apps/queue/component.yaml:" in ran.err


def test_what_no_hunk_shows_is_noted(repo: Path) -> None:
    """Pointers that move, versions that are cut and schedules that change are told in sentences."""
    for name in ("canary", "development"):
        link = repo / "apps/worker" / name
        link.unlink()
        link.symlink_to("v2")
    shutil.copytree(repo / "apps/worker/v2", repo / "apps/worker/v3")
    (repo / "apps/worker/v3/.gitrel-release.yaml").unlink(missing_ok=True)
    edit(repo / "apps/worker/component.yaml", "meanTimeToSmoke: 2h", "meanTimeToSmoke: 5h")
    notes = found(repo)["notes"]
    assert "worker goes from v1 to v2 in development, canary" in notes
    idle = "worker: v3 is new and runs nowhere yet: try `gitrel rehearse worker v3`"
    assert idle in notes
    assert "the schedule of worker changes: meanTimeToSmoke 2h → 5h" in notes


def test_only_what_can_differ_is_rendered(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment renders nothing; one parameter of one environment renders that environment twice."""
    rendered: list[tuple[str, str]] = []
    real = CachingRenderer.__call__

    def watched(
        self: CachingRenderer, catalog: Catalog, component: str, version: str, environment: str
    ) -> Rendered:
        rendered.append((component, environment))
        return real(self, catalog, component, version, environment)

    monkeypatch.setattr(CachingRenderer, "__call__", watched)
    edit(repo / "environments/pipeline.yaml", "# The order", "# A comment that moves every line\n# The order")
    edit(repo / "apps/queue/component.yaml", "kind: Component", "# a comment\nkind: Component")
    assert diff(repo).code == 0
    assert rendered == []
    edit(
        repo / "apps/frontend/eastus/eastus-parameters.yaml", "parameters:", "parameters:\n  logLevel: debug"
    )
    assert diff(repo).code == 1
    assert rendered == [("frontend", "eastus")] * 2


def test_a_saved_diff_is_shown_again_as_it_was(repo: Path, tmp_path: Path) -> None:
    """--from prints the same Markdown without any repository; it goes with no other question."""
    edit(repo / "apps/frontend/component.yaml", "cacheSize: 64Mi", "cacheSize: 96Mi")
    saved = tmp_path / "diff.json"
    first = diff(repo, "--save", str(saved), "-o", "markdown")
    again = gitrel("diff", "--from", str(saved), "-o", "markdown")
    assert (first.code, again.code) == (1, 1)
    assert again.out == first.out
    assert gitrel("diff", "--from", str(saved), "--base", "HEAD").code == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"apiVersion": "v1", "kind": "Diff"}',
        '{"apiVersion": "gitrel.dev/v1alpha1", "kind": "Diff", "base": 1}',
        '{"apiVersion": "gitrel.dev/v1alpha1", "kind": "Diff", "base": "a", "head": "b", "notes": [1],'
        ' "rehearsals": [], "items": []}',
        '{"apiVersion": "gitrel.dev/v1alpha1", "kind": "Diff", "base": "a", "head": "b", "notes": [],'
        ' "rehearsals": [], "items": [{"component": "x", "change": "exploded"}]}',
    ],
)
def test_a_file_that_no_diff_was_saved_in_is_refused(tmp_path: Path, content: str) -> None:
    """The file may come from a stranger's job: anything unexpected is wrong usage, and never a traceback."""
    path = tmp_path / "diff.json"
    path.write_text(content, encoding="utf-8")
    ran = gitrel("diff", "--from", str(path))
    assert ran.code == 2
    assert "not a diff that gitrel saved" in ran.err


@pytest.mark.parametrize("output", ["diff", "markdown", "json", "yaml", "table", "wide", "name"])
def test_no_format_shows_a_secret(repo: Path, output: str) -> None:
    """A Secret's value, and a copy of it in a ConfigMap, are in no format and in no file."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: VALUE}\n"
    copy = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {url: 'x:VALUE@y'}\n"
    for name, text in (("secret", secret), ("configmap", copy)):
        path = repo / f"apps/frontend/v1/extra-{name}.yaml"
        path.write_text(text.replace("VALUE", CANARY), encoding="utf-8")
    saved = repo.parent / "saved.json"
    ran = diff(repo, "-o", output, "--save", str(saved))
    assert ran.code == 1
    assert CANARY not in ran.out + ran.err + saved.read_text(encoding="utf-8")


def test_a_rehearsal_says_when_the_change_reaches_each_wave(repo: Path) -> None:
    """--rehearse plays the merge: each wave after the soak of the one before, one version at the peak."""
    edit(repo / "apps/worker/component.yaml", "meanTimeToSmoke: 2h", "meanTimeToSmoke: 1h")
    edit(repo / "apps/worker/component.yaml", "maxReplicas: 6", "maxReplicas: 7")
    (one,) = found(repo, "--rehearse")["rehearsals"]
    assert one["component"] == "worker"
    assert one["status"] == "passed"
    assert one["versionsAtPeak"] == 1
    starts = [row["started"] for row in one["environments"] if row["started"]]
    assert starts == sorted(starts)
    assert len(starts) == 6  # eastus has a value of its own, so nothing changes there
    assert gitrel("diff", "--rehearse", "-C", str(repo)).code == 2


def test_a_rehearsal_shows_what_a_change_would_break(repo: Path) -> None:
    """A selector cannot change: the rehearsal goes back where it is refused, and the diff names the sort."""
    edit(repo / "apps/frontend/v1/frontend-deployment.yaml", "app: frontend", "app: front")
    document = found(repo, "frontend", "--rehearse")
    (item,) = document["items"]
    (one,) = document["rehearsals"]
    assert "immutable" in item["sorts"]
    assert one["status"] == "rolled-back"
    reached = [row["environment"] for row in one["environments"] if row["started"]]
    assert reached == ["development"]


def test_what_runs_is_compared_in_groups_too(tmp_path: Path) -> None:
    """Without --base the clusters answer; three that agree are told once."""
    folder = repository(tmp_path)
    ran = gitrel("diff", "-C", str(folder), "-o", "json")
    assert ran.code == 1
    items = json.loads(ran.out)["items"]
    together = [item for item in items if item["kind"] == "Deployment"]
    assert [item["environments"] for item in together] == [list(ENVIRONMENTS)]
    assert git(folder, "status", "--porcelain") == ""
