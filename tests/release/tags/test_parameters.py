"""What directories can, components whose versions are tags can too: typed parameters, and `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.repo.precedence import effective_parameters
from tests.cli.support import gitrel
from tests.repo_git.sandbox import PEOPLE, bare_remote, clone, commit_all, git, write
from tests.sources.support import ENVIRONMENT, PIPELINE

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec:
  versions: {from: tags}
"""
TYPES = "properties:\n  schedule: {type: string, default: '0 3 * * *'}\n  keep: {type: integer, minimum: 1}\n"
CRON = """\
# Clean up.
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: clean}
spec:
  schedule: "{{ parameters.schedule }}"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: a, image: "example.com/a:1"}]}
"""
FILE = "apps/web/clean-cronjob.yaml.j2"
ASIA = "apps/web/asia/asia-parameters.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """v1.0 with a CronJob of an apiVersion that is gone; the schema stands in the branch."""
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    write(folder, "environments/pipeline.yaml", PIPELINE.replace("SOAK", "1s"))
    for name in ("asia", "europe"):
        write(folder, f"environments/{name}.yaml", ENVIRONMENT.replace("NAME", name))
    write(folder, "apps/web/component.yaml", COMPONENT)
    write(folder, FILE, CRON)
    write(folder, ASIA, "parameters:\n  keep: 3\n")
    commit_all(folder, "Begin")
    for tag in ("v1.0", "env/asia", "env/europe"):
        git(folder, "tag", f"web/{tag}")
    write(folder, "apps/web/parameters.schema.yaml", TYPES)
    commit_all(folder, "Type the parameters")
    return folder


def test_the_schema_holds_for_every_version(root: Path) -> None:
    """It is read from the branch, with its defaults, and is no part of a version."""
    catalog, problems = read_catalog(root)
    assert [str(one) for one in problems] == []
    assert effective_parameters(catalog, "web", "europe")["schedule"].value == "0 3 * * *"
    assert [file.path for file in catalog.components["web"].versions["current"].files] == [
        "clean-cronjob.yaml.j2"
    ]


@pytest.mark.parametrize("how", ["on disk", "by URL"])
def test_a_wrong_parameter_is_told_at_its_line(root: Path, tmp_path: Path, how: str) -> None:
    """As with directories: the line of the value, in a work tree and through the cache."""
    write(root, ASIA, "parameters:\n  keep: 0\n  more: 1\n")
    commit_all(root)
    remote = bare_remote(tmp_path / "config.git", root)
    git(root, "push", "-q", "--tags", str(remote))
    url = ("--repo", f"file://{remote}", "--allow-transport", "file", "--cache-dir", str(tmp_path / "cache"))
    ran = gitrel("validate", *(url if how == "by URL" else ("-C", str(root))), env=PEOPLE)
    assert ran.code == 3
    assert f"{ASIA}:2:3: keep must be at least 1" in ran.out
    assert f"{ASIA}:3:3: 'more' is no parameter of this component" in ran.out


def test_convert_rewrites_the_flat_files(root: Path) -> None:
    """What the branch holds is rewritten in place; what is tagged stays as it was released, and is named."""
    before = git(root, "rev-parse", "web/v1.0")
    ran = gitrel("convert", "web", "--dry-run", "-o", "json", "-C", str(root), env=PEOPLE)
    assert ran.code == 0, ran.err
    (item,) = json.loads(ran.out)["items"]
    assert (item["file"], item["line"], item["to"]) == (FILE, 2, "batch/v1")
    ran = gitrel("convert", "web", "-C", str(root), env=PEOPLE)
    assert ran.code == 0, ran.err
    assert "1 file changed" in ran.err
    assert (root / FILE).read_text() == CRON.replace("v1beta1", "v1")
    assert git(root, "status", "--porcelain") == f"M {FILE}"
    assert git(root, "rev-parse", "web/v1.0") == before
    checked = gitrel("validate", "-C", str(root), env=PEOPLE)
    assert checked.code == 3
    assert f"{FILE}@web/v1.0" in checked.out
    assert f"{FILE}:" not in checked.out


def test_a_converted_version_goes_round(root: Path, tmp_path: Path) -> None:
    """Convert, commit, cut, promote: the way out, with a real remote."""
    gitrel("convert", "-C", str(root), env=PEOPLE)
    commit_all(root, "Use batch/v1")
    git(root, "tag", "-f", "web/env/asia", "HEAD")
    git(root, "tag", "-f", "web/env/europe", "HEAD")
    remote = bare_remote(tmp_path / "config.git", root)
    git(root, "push", "-q", "--tags", str(remote))
    work = clone(tmp_path / "work", remote)
    ran = gitrel("release", "cut", "web", "--remote", "origin", "-C", str(work), env=PEOPLE)
    assert ran.code == 0, ran.err
    ran = gitrel("render", "web", "asia", "-C", str(work), env=PEOPLE)
    assert ran.code == 0, ran.err
    assert "apiVersion: batch/v1\n" in ran.out
