"""Opening a repository: which ones will do, what HEAD and names mean, and that nothing of theirs runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitrel.errors import UsageError
from gitrel.repo.edit import PutLink
from gitrel.repo.git import GitRepository, Head, RefUpdate
from tests.ledger.samples import NOW
from tests.repo_git.sandbox import ME, commit_all, git, main, write


def test_no_repository_is_said_so(tmp_path: Path) -> None:
    """A plain folder, and a folder that does not exist, get a sentence with what to do."""
    with pytest.raises(UsageError, match="is not a Git repository"):
        GitRepository(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        GitRepository(tmp_path / "nowhere")


def test_no_commit_yet_is_said_so(tmp_path: Path) -> None:
    """An unborn branch is no fault of gitrel's."""
    git(tmp_path, "init", "-q", "-b", "main")
    with (
        GitRepository(tmp_path) as repository,
        pytest.raises(UsageError, match=r"no commit yet in .* on main"),
    ):
        repository.head()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
def test_dubious_ownership_names_both_ways_out(work: Path) -> None:
    """In a container the repository often belongs to another user: the text has both fixes."""
    os.chown(work, 12345, 12345)
    os.chown(work / ".git", 12345, 12345)
    with pytest.raises(UsageError, match="dubious ownership") as caught:
        GitRepository(work)
    assert "safe.directory" in str(caught.value)
    assert "chown" in str(caught.value)


def test_other_object_formats_are_refused(tmp_path: Path) -> None:
    """A repository with SHA-256 names is named as such instead of being misread."""
    git(tmp_path, "init", "-q", "--object-format=sha256")
    with pytest.raises(UsageError, match="sha256"):
        GitRepository(tmp_path)


@pytest.mark.parametrize("place", ["", "apps/frontend", ".git"])
def test_any_folder_of_the_repository_will_do(work: Path, place: str) -> None:
    """The root, a folder below it and the Git directory open the same repository."""
    with GitRepository(work / place) as repository:
        assert (repository.git_dir, repository.bare) == (work / ".git", False)
        assert repository.head().ref == "refs/heads/main"


def test_bare_repositories_and_work_trees_read_alike(work: Path, tmp_path: Path) -> None:
    """A daemon's bare clone and a person's work tree give the same tree."""
    git(tmp_path, "clone", "-q", "--bare", str(work), "bare.git")
    with GitRepository(work) as one, GitRepository(tmp_path / "bare.git") as other:
        assert other.bare
        assert one.head() == other.head()
        assert one.read_commit(main(one)) == other.read_commit(main(other))


def test_variables_of_a_surrounding_git_are_ignored(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from a hook, gitrel still reads the repository it was pointed at."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, "/nowhere")
    with GitRepository(work) as repository:
        assert repository.head().ref == "refs/heads/main"
        new = repository.commit_tree(
            main(repository), [PutLink("apps/x", "y")], message="m", author=ME, at=NOW
        )
        repository.update_refs([RefUpdate("refs/heads/main", new, main(repository))])
        assert main(repository) == new


def test_head_detached_has_no_branch(work: Path) -> None:
    """A CI job's checkout: the commit is known, no branch is."""
    commit = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "--detach")
    with GitRepository(work) as repository:
        assert repository.head() == Head("", commit)


def test_revisions_resolve_to_full_shas(repository: GitRepository, work: Path) -> None:
    """Branches, tags (annotated too), abbreviations and ancestors; packed or loose; new ones at once."""
    first = main(repository)
    git(work, "tag", "-a", "v1.0", "-m", "one")
    second = commit_all(work)
    for revision in ("main", "HEAD", "refs/heads/main", second, second[:10]):
        assert repository.resolve(revision) == second
    assert repository.resolve("v1.0") == repository.resolve("main~1") == repository.resolve("HEAD^") == first
    git(work, "gc", "-q")
    third = commit_all(work)
    assert (repository.resolve("main"), repository.resolve("v1.0")) == (third, first)


def test_a_name_with_two_meanings_is_refused(repository: GitRepository, work: Path) -> None:
    """Tag and branch of one name at two commits: both full refs are named, and either works."""
    git(work, "tag", "main")
    assert repository.resolve("main") == main(repository)
    commit_all(work)
    with pytest.raises(UsageError, match="refs/heads/main or refs/tags/main"):
        repository.resolve("main")
    assert repository.resolve("refs/heads/main") != repository.resolve("refs/tags/main")


def test_an_unknown_revision_is_named(repository: GitRepository) -> None:
    """So is one that names a blob."""
    with pytest.raises(UsageError, match="'v9' names no commit"):
        repository.resolve("v9")


def test_log_is_read_from_objects(repository: GitRepository, work: Path) -> None:
    """Newest first, limited, by path; a message that looks like Git's own format changes nothing."""
    write(work, "apps/frontend/v1/x.yaml", "x")
    odd = commit_all(work, "odd\x1b[31m\n\ntree 0000\nauthor x <y> 1 +0000")
    commit_all(work, "empty")
    assert [c.message.strip()[:5] for c in repository.log("main")] == ["empty", "odd\x1b[", "Start"]
    (found,) = repository.log("main", limit=1, path="apps/frontend/v1/x.yaml")
    assert (found.id, found.author.name) == (odd, "Ada")


def test_ancestry(repository: GitRepository, work: Path) -> None:
    """A commit contains itself and what it was built on, and nothing that is not there."""
    first, second = main(repository), commit_all(work)
    assert repository.is_ancestor(first, second)
    assert repository.is_ancestor(first, first)
    assert not repository.is_ancestor(second, first)
    assert not repository.is_ancestor("1" * 40, first)


def test_nothing_of_a_repository_runs(work: Path, tmp_path: Path) -> None:
    """Hooks, a file system monitor, filters and a submodule's URL stay quiet through reads and writes."""
    alarm = tmp_path / "alarm"
    hooks = work / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "reference-transaction",
        "post-commit",
        "pre-push",
        "post-index-change",
        "pre-auto-gc",
        "post-checkout",
    ):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {alarm}\n")
        (hooks / name).chmod(0o755)
    write(work, ".gitattributes", "* filter=evil diff=evil merge=evil\n")
    write(
        work, ".gitmodules", '[submodule "x"]\n\tpath = x\r\n\turl = ext::sh -c "touch ' + str(alarm) + '"\n'
    )
    git(work, "-c", "core.hooksPath=/dev/null", "add", "-A")
    git(work, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "evil \x1b]0;x\x07")
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.fsmonitor",
                "core.alternateRefsCommand", "core.editor", "core.pager"):  # fmt: skip
        git(work, "config", key, f"echo {key} >> {alarm}")
    alarm.unlink(missing_ok=True)
    with GitRepository(work) as repository:
        repository.read_commit(main(repository))
        old = main(repository)
        new = repository.commit_tree(
            old, [PutLink("apps/frontend/canary", "v2")], message="m", author=ME, at=NOW
        )
        repository.update_refs([RefUpdate("refs/heads/main", new, old)])
        repository.log("main", path="apps")
        repository.maintain(loose_objects_max=0)
        for tree in repository.checked_out("refs/heads/main"):
            tree.keep()
    assert not alarm.exists(), alarm.read_text()
