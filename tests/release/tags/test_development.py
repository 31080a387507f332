"""The development pointer as a tag: what is tested is HEAD, and the tag moves up to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.orchestrator.commands import rollback
from gitrel.repo.edit import parse_trailers
from tests.cli.support import gitrel
from tests.release.support import ask, make
from tests.release.tags.support import COMPONENT, at, edit, installed
from tests.repo_git.sandbox import commit_all, git, write


def configure(root: Path) -> str:
    """`quiet` is the development stage from now on; gives the commit that says so."""
    development = "  development: {environment: quiet, check: {rehearse: true}}\n"
    write(root, "apps/web/component.yaml", COMPONENT + development)
    return commit_all(root, "Configure")


def test_the_tag_moves_up_to_head(root: Path) -> None:
    """HEAD is what is tested and what the tag is at; the same content once more changes nothing."""
    configure(root)
    found = ask(root)
    head = at(root, "HEAD")
    assert (found.outcome, found.previous, found.version) == ("moved", "v1.0", f"commit-{head[:12]}")
    assert at(root, "web/env/quiet") == head
    shown = git(root, "for-each-ref", "--format=%(contents)", "refs/tags/web/env/quiet")
    assert parse_trailers(shown)["Gitrel-Tested"] == head
    write(root, "README.md", "elsewhere\n")
    commit_all(root)
    assert ask(root, lambda candidate: pytest.fail("it ran")).outcome == "up to date"


def test_head_that_a_version_names_is_that_version(root: Path) -> None:
    """A tag at HEAD gives it its name."""
    configure(root)
    make(root, "v5.0")
    assert ask(root).version == "v5.0"
    assert read_catalog(root)[0].components["web"].pointers["quiet"].version == "v5.0"


def test_what_head_was_stays_known_to_the_journal(root: Path) -> None:
    """What runs by its commit can be watched, and gone back to, after the pointer went on."""
    configure(root)
    ask(root)
    first = at(root, "HEAD")
    with installed(root) as place:
        edit(root, "replicas: 1", "replicas: 2")
        assert ask(root).outcome == "moved"
        assert place.settle("web").rollouts["web"].status == "passed"
        assert at(root, "web/env/quiet") == at(root, "HEAD")
        rollback(place.world, "web", environment="quiet")
        place.settle("web")
    assert at(root, "web/env/quiet") == first


def test_a_rehearsal_of_head_on_the_command_line(root: Path) -> None:
    """The whole rollout of what HEAD holds is played before the tag moves."""
    head = configure(root)
    ran = gitrel("--repo", str(root), "release", "qualify", "-o", "json")
    assert ran.code == 0, ran.err
    (item,) = json.loads(ran.out)["items"]
    assert (item["outcome"], item["version"]) == ("moved", f"commit-{head[:12]}")
    assert at(root, "web/env/quiet") == head
