"""Versions that are tags are read as those in directories are, and what is wrong with them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.app import read_catalog
from tests.cli.support import gitrel
from tests.release.support import FILE
from tests.release.tags.support import COMPONENT, PLACE, at, edit
from tests.repo_git.sandbox import commit_all, git, point, write


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_tags_are_versions_and_pointers(root: Path, revision: str | None) -> None:
    """The catalog is that of directories: versions with their files, pointers, parameters from HEAD."""
    catalog, problems = read_catalog(root, revision)
    assert problems == ()
    web = catalog.components["web"]
    assert sorted(web.versions) == ["current", "v1.0", "v2.0"]
    assert {name: pointer.version for name, pointer in web.pointers.items()} == {
        "quiet": "v1.0",
        "busy": "v2.0",
    }
    assert web.pointers["busy"].parameters["color"].value == "blue"
    assert [file.path for file in web.versions["v1.0"].files] == [FILE]
    assert b"web:v1.0" in web.versions["v1.0"].files[0].data
    assert str(web.versions["v1.0"].files[0].origin) == f"{PLACE}@web/v1.0"
    assert str(web.versions["current"].files[0].origin) == PLACE


def test_a_message_names_the_file_and_the_tag(root: Path) -> None:
    """An error in a tagged version is told where people find it, and concerns that component alone."""
    edit(root, "kind: Deployment", "kind: {{ nothing }}")
    git(root, "tag", "web/v3.0")
    checked = gitrel("--repo", str(root), "validate")
    assert checked.code == 3
    assert f"{PLACE}@web/v3.0:2" in checked.out
    assert f"{PLACE}:2" in checked.out


def test_a_prefix_of_ones_own(root: Path) -> None:
    """`tagPrefix: ''` takes plain v1.0; tags of others are left alone."""
    write(root, "apps/web/component.yaml", COMPONENT.replace("{from: tags}", "{from: tags, tagPrefix: ''}"))
    commit_all(root)
    git(root, "tag", "v7.0")
    git(root, "tag", "env/quiet", "v7.0")
    web = read_catalog(root)[0].components["web"]
    assert sorted(web.versions) == ["current", "v7.0"]
    assert {name: pointer.version for name, pointer in web.pointers.items()} == {"quiet": "v7.0"}
    (problem,) = read_catalog(root)[1]
    assert (problem.severity, problem.todo) == ("warning", "git tag env/busy v7.0")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("directory", "apps/web/v1: a version in a directory, and its versions are tags"),
        ("link", "apps/web/quiet: a pointer as a link, and its pointers are tags"),
        ("empty tag", "apps/web: web/v9.0 holds no file of web, so it is no version"),
    ],
)
def test_what_belongs_to_the_other_way_is_told(root: Path, name: str, said: str) -> None:
    """Half a migration, or a tag from before the component: nothing is silently ignored."""
    if name == "directory":
        write(root, "apps/web/v1/x.yaml", "kind: X\n")
    elif name == "link":
        point(root, "apps/web/quiet", "v1.0")
    else:
        empty = git(root, "commit-tree", "-m", "nothing", git(root, "mktree", stdin=""))
        git(root, "tag", "web/v9.0", empty)
    assert [str(problem).startswith(said) for problem in read_catalog(root)[1]] == [True]


def test_a_pointer_at_no_version_is_named_by_its_commit(root: Path) -> None:
    """A stage may be at a commit without a version's tag: it runs that commit, and says so."""
    git(root, "tag", "-f", "web/env/quiet", "HEAD")
    web = read_catalog(root)[0].components["web"]
    name = f"commit-{at(root, 'HEAD')[:12]}"
    assert web.pointers["quiet"].version == name
    assert web.versions[name].source_digest == web.versions["current"].source_digest


def test_only_the_folder_of_the_component_is_read(root: Path) -> None:
    """Two hundred tags cost what their component costs: what else their commits hold is not even opened."""
    write(root, "other/large.txt", "not of web\n")
    commit_all(root, "Add another folder")
    folder = git(root, "rev-parse", "HEAD:other")
    refs = "".join(f"create refs/tags/web/v9.{number} HEAD\n" for number in range(200))
    git(root, "update-ref", "--stdin", stdin=refs)
    git(root, "rm", "-q", "-r", "other")
    commit_all(root, "Take it away")
    (root / ".git/objects" / folder[:2] / folder[2:]).unlink()
    assert len(read_catalog(root)[0].components["web"].versions) == 203
