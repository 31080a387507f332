"""Cutting a release where versions are tags: one annotated tag at HEAD, which vouches for the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.errors import UsageError
from gitrel.orchestrator.versions.cut import record
from gitrel.orchestrator.versions.listing import list_versions
from gitrel.repo.edit import parse_trailers
from tests.release.support import ACTOR, DEPLOYMENT, make, workshop
from tests.release.tags.support import PLACE, at
from tests.repo_git.sandbox import git, write


def test_a_cut_is_one_tag(root: Path) -> None:
    """At HEAD, annotated by the caller, with the digest; no commit is made, and nothing is cut twice."""
    head = at(root, "HEAD")
    made = make(root)
    assert (made.version, made.commit) == ("v3.0", head)
    assert at(root, "HEAD") == at(root, "web/v3.0") == head
    shown = git(root, "for-each-ref", "--format=%(taggername) %(contents)", "refs/tags/web/v3.0")
    assert shown.startswith("Ada Example Cut web v3.0")
    assert parse_trailers(shown)["Gitrel-Digest"] == made.record.digest
    assert "nothing to cut" in make(root).because
    with pytest.raises(UsageError, match=r"has v3\.0 already"):
        make(root, "v3.0")
    with workshop(root) as shop, pytest.raises(UsageError, match="a tag needs no record"):
        record(shop, "web")


def test_only_what_is_the_version_has_to_be_committed(root: Path) -> None:
    """Parameters and settings may be at work; a manifest on disk only is refused."""
    write(root, "apps/web/busy/busy-parameters.yaml", "parameters: {color: red}\n")
    assert make(root, dry_run=True).version == "v3.0"
    (root / PLACE).write_text(DEPLOYMENT)
    with pytest.raises(UsageError, match="not committed"):
        make(root)


def test_a_forged_tag_is_an_edit(root: Path) -> None:
    """The tag was put elsewhere with its old message: its digest tells."""
    make(root)
    message = git(root, "for-each-ref", "--format=%(contents)", "refs/tags/web/v3.0")
    git(root, "tag", "-f", "-m", message, "web/v3.0", "web/v1.0")
    (problem,) = read_catalog(root)[1]
    assert "the digest is not that of the files of v3.0" in problem.what


def test_the_list_knows_tags(root: Path) -> None:
    """Who tagged, when, which commit; lightweight tags by the commit's author; where each runs."""
    made = make(root)
    with workshop(root) as shop:
        rows = {row.version: row for row in list_versions(shop, "web").versions}
    assert list(rows) == ["current", "v3.0", "v2.0", "v1.0"]
    assert (rows["v3.0"].by, rows["v3.0"].state, rows["v3.0"].commit) == (ACTOR, "intact", made.commit)
    assert (rows["v1.0"].by, rows["v1.0"].state) == ("Ada <ada@example.com>", "unrecorded")
    assert (rows["v1.0"].pointers, rows["v2.0"].pointers) == (("quiet",), ("busy",))
