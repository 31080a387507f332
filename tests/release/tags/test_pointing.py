"""Pointers that are tags: the same promote, gates and journal, and nobody's move is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import Conflict, UsageError
from gitrel.forge.address import forge_of
from gitrel.ledger.tagmoves import move_tag
from gitrel.orchestrator.commands import promote, rollback
from gitrel.orchestrator.proposing import propose
from gitrel.repo.edit import parse_trailers
from gitrel.repo.git import GitRepository
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.verify import verify
from gitrel.rollout.wire import seen_to_json
from tests.cli.support import gitrel
from tests.forge.recorded import TOKEN, Recorded, serving
from tests.ledger.samples import entry
from tests.release.support import DEPLOYMENT
from tests.release.tags.support import PLACE, at, installed
from tests.repo_git.sandbox import bare_remote, clone, commit_all, git, write


def test_promoting_moves_tags_with_the_journal(root: Path, tmp_path: Path) -> None:
    """The same promote, gates and journal; each move is an annotated tag by the caller."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine = clone(tmp_path / "mine", remote)
    with installed(mine, "origin") as place:
        promote(place.world, "web", "v2.0", reason="go")
        assert place.settle("web").rollouts["web"].status == "passed"
        assert place.pointers() == {"quiet": "v2.0", "busy": "v2.0"}
        assert place.image("quiet") == "example.com/web:v2.0"
        assert at(remote, "web/env/quiet") == at(remote, "web/v2.0") == at(mine, "web/env/quiet")
        assert git(remote, "cat-file", "-t", "web/env/quiet") == "tag"
        shown = git(remote, "for-each-ref", "--format=%(taggername) %(contents)", "refs/tags/web/env/quiet")
        assert shown.startswith("Ada Example Point web in quiet at v2.0")
        assert parse_trailers(shown)["Gitrel-Version"] == "v2.0"
        assert git(remote, "rev-parse", "main") == at(root, "HEAD")
        assert verify(list(place.world.ledger.history("web"))) is None
        rollback(place.world, "web", "v1.0", "quiet")
        place.settle("web")
        assert at(remote, "web/env/quiet") == at(remote, "web/v1.0")
        assert place.image("quiet") == "example.com/web:v1.0"


def test_a_tag_that_somebody_moved_is_not_overwritten(root: Path) -> None:
    """What was decided on is v1.0; the tag is at v2.0 by now: decide again."""
    git(root, "tag", "-f", "web/env/quiet", "web/v2.0")
    seen = Seen("quiet", Release("v1.0", "sha256:" + "ab" * 32, at(root, "HEAD")))
    decided = entry("web", commit=at(root, "HEAD"), inputs={"seen": {"quiet": seen_to_json(seen)}})
    write(root, PLACE, DEPLOYMENT.replace("VERSION", "v3"))
    commit_all(root)
    git(root, "tag", "web/v3.0")
    with GitRepository(root) as opened, pytest.raises(Conflict, match=r"was moved from v1\.0 to v2\.0"):
        list(move_tag(opened, "web/", decided, MovePointer("quiet", "v3.0", "x"), opened.tags(), "m"))


def test_head_itself_cannot_be_promoted(root: Path) -> None:
    """What the branch holds changes; a version has to be cut from it first."""
    ran = gitrel("--repo", str(root), "promote", "web", "current")
    assert (ran.code, "gitrel release cut web" in ran.err) == (2, True)


def test_a_pull_request_cannot_move_a_tag(root: Path, tmp_path: Path) -> None:
    """It is said before anything is pushed or asked of a forge."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine = clone(tmp_path / "mine", remote)
    before = git(remote, "for-each-ref", "refs/heads", "refs/tags")
    with serving(Recorded()) as recorded, installed(mine, "origin") as place:
        assert place.world.proposals is not None
        forge = forge_of(["https://github.com/acme/config.git"], TOKEN, kind="github", root=recorded.url)
        with pytest.raises(UsageError, match="no pull request can move"):
            propose(place.world, place.world.proposals, forge, {"web": "v2.0"})
        assert recorded.asked == []
    assert git(remote, "for-each-ref", "refs/heads", "refs/tags") == before
