"""Reading a repository through its objects, and writing commits and refs without a checkout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import Conflict, InvalidRepository, UsageError
from gitrel.repo.edit import Delete, FileChange, PutFile, PutLink
from gitrel.repo.git import GitRepository, Head, Locked, RefUpdate, RepositoryDamaged
from gitrel.repo.source import Limits
from gitrel.repo.tree import File, Link, Other
from tests.ledger.samples import NOW
from tests.repo_git.sandbox import FILES, LINKS, commit_all, config_repository, git, point, write

ME = "Grace <grace@example.com>"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return config_repository(tmp_path / "work")


@pytest.fixture
def repository(work: Path) -> Iterator[GitRepository]:
    with GitRepository(work) as opened:
        yield opened


def main(repository: GitRepository) -> str:
    return repository.commit_at("refs/heads/main")


# ── Opening ─────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Revisions ───────────────────────────────────────────────────────────────────────────────────────────


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


# ── Trees ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_commit_is_read_as_it_is_recorded(repository: GitRepository) -> None:
    """Links by their mode, files by their bytes, and nothing outside of apps/ and environments/."""
    tree = repository.read_commit(main(repository))
    files = {path: File(text.encode()) for path, text in FILES.items() if path != "README.md"}
    assert tree.entries == files | {path: Link(target) for path, target in LINKS.items()}
    assert tree.problems == ()


def test_the_work_tree_is_never_looked_at(repository: GitRepository, work: Path) -> None:
    """What is checked out may be missing or wrong; the commit says what is true."""
    before = repository.read_commit(main(repository))
    shutil.rmtree(work / "apps")
    (work / ".git" / "index").unlink()
    with GitRepository(work) as again:
        assert again.read_commit(main(again)) == before


def test_odd_things_in_a_tree(repository: GitRepository, work: Path) -> None:
    """Submodules are not entered, executables marked, bad names reported with the offset, sizes limited."""
    write(work, "apps/run.sh", "#!/bin/sh\n")
    (work / "apps/run.sh").chmod(0o755)
    (work / os.fsdecode(b"apps/caf\xe9.yaml")).write_text("x")
    point(work, "apps/dangling", "../../etc/passwd")
    git(work, "add", "-A")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{main(repository)},apps/module")
    git(work, "commit", "-q", "-m", "odd")
    tree = repository.read_commit(main(repository))
    assert tree.get("apps/run.sh") == File(b"#!/bin/sh\n", executable=True)
    assert tree.get("apps/module") == Other("submodule")
    assert tree.get("apps/dangling") == Link("../../etc/passwd")
    (problem,) = tree.problems
    assert "byte 0xe9 at offset 8" in problem.what


def test_limits_are_named_and_not_exceeded(work: Path) -> None:
    """A file over the limit is not loaded; too many files, bytes or folders stop the reading."""
    write(work, "apps/frontend/v1/big.yaml", "x" * 200)
    write(work, "apps/a/b/c/d/e.yaml", "deep")
    commit_all(work)
    with GitRepository(work, limits=Limits(file_bytes=100, depth=4)) as repository:
        tree = repository.read_commit(main(repository))
        assert tree.get("apps/frontend/v1/big.yaml") == Other("oversized file")
        assert [(p.file, p.what) for p in tree.problems] == [("apps/a/b/c/d", "deeper than 4 folders")]
    for limits, what, count in (
        (Limits(files=3), "more than 3 files", 3),
        (Limits(total_bytes=20), "more than 20 bytes in all files", 4),
    ):
        with GitRepository(work, limits=limits) as repository:
            tree = repository.read_commit(main(repository))
            assert [problem.what for problem in tree.problems] == [what]
            assert len(tree.entries) == count


def test_new_commits_of_others_are_seen(repository: GitRepository, work: Path) -> None:
    """The process that is kept for reading never answers from the past, packed or not."""
    repository.read_commit(main(repository))
    point(work, "apps/frontend/canary", "v2")
    commit_all(work)
    git(work, "gc", "-q", "--prune=now")
    assert repository.read_commit(main(repository)).get("apps/frontend/canary") == Link("v2")


def test_a_reader_that_died_is_replaced(repository: GitRepository) -> None:
    """Somebody killed the kept process: the next question starts another."""
    before = repository.read_commit(main(repository))
    assert repository._reader is not None
    kept = list(repository._reader._processes.values())
    assert kept
    for process in kept:
        process.kill()
        process.wait()
    assert repository.entry(main(repository), "apps/frontend/canary") is not None
    assert repository.read_commit(main(repository)) == before


def test_damage_is_named(work: Path) -> None:
    """A truncated object and a missing one: `repository damaged`, with what to do."""
    blob = git(work, "rev-parse", "HEAD:apps/frontend/v1/frontend-service.yaml")
    place = work / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    for damage in (b"", b"garbage"):
        place.write_bytes(damage)
        with GitRepository(work) as repository, pytest.raises(RepositoryDamaged, match="repository damaged"):
            repository.read_commit(main(repository))
    place.unlink()
    with GitRepository(work) as repository, pytest.raises(InvalidRepository, match=blob):
        repository.read_commit(main(repository))


def test_a_commit_that_was_swept_away_is_named(repository: GitRepository) -> None:
    """A gc'd or shallow commit: the error holds its SHA."""
    with pytest.raises(RepositoryDamaged, match="1" * 40):
        repository.read_commit("1" * 40)


# ── Commits ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_commit_is_made_without_index_or_work_tree(repository: GitRepository, work: Path) -> None:
    """Git agrees with what was written, and nothing that is checked out has changed."""
    before = (work / ".git" / "index").read_bytes()
    parent = main(repository)
    changes: list[FileChange] = [
        PutLink("apps/frontend/canary", "v2"),
        PutFile("apps/new/a.sh", b"x", True),
        Delete("apps/worker"),
    ]
    new = repository.commit_tree(parent, changes, message="Möve\n", author=ME, at=NOW)
    assert git(work, "diff", "--name-status", parent, new).split("\n") == [
        "M\tapps/frontend/canary", "A\tapps/new/a.sh", "D\tapps/worker/canary",
        "D\tapps/worker/v1/worker-service.yaml", "D\tapps/worker/v2/worker-service.yaml",
    ]  # fmt: skip
    assert git(work, "log", "-1", "--format=%an|%ae|%cn|%aI|%s|%P", new) == (
        f"Grace|grace@example.com|Grace|2026-03-01T12:00:00+00:00|Möve|{parent}"
    )
    assert git(work, "fsck", "--strict", "--no-dangling") == ""
    assert (work / ".git" / "index").read_bytes() == before
    assert git(work, "status", "--short") == ""


def test_the_same_intent_gives_the_same_commit(repository: GitRepository) -> None:
    """Built twice, a commit has one id: a retry cannot make a twin."""
    made = {
        repository.commit_tree(main(repository), [PutLink("a", "b")], message="m", author=ME, at=NOW)
        for _ in range(2)
    }
    assert len(made) == 1


@pytest.mark.parametrize(
    "author", ["", "<>", "A\nparent 123 <x", "x <a@b> 1 +0000\ncommitter y", "\x1b[1m <\0>", "Ö"]
)
def test_no_author_can_break_out_of_its_line(repository: GitRepository, work: Path, author: str) -> None:
    """Whatever an actor is called, Git finds the commit sound."""
    new = repository.commit_tree(main(repository), [PutLink("a", "b")], message="m\0n", author=author, at=NOW)
    repository.update_refs([RefUpdate("refs/heads/new", new, "")])
    assert git(work, "fsck", "--strict") == ""
    assert repository.commits([new])[0].parents == (main(repository),)


def test_a_file_cannot_be_a_folder(repository: GitRepository) -> None:
    """A change below something that is no folder is refused, not guessed at."""
    with pytest.raises(UsageError, match="canary is no folder"):
        repository.commit_tree(
            main(repository), [PutFile("apps/frontend/canary/x", b"")], message="", author=ME, at=NOW
        )


NAMES = st.sampled_from(["a", "a.b", "a-b", "ab", "b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.lists(
    st.builds(PutFile, PATHS, st.binary(max_size=3), st.booleans())
    | st.builds(PutLink, PATHS, st.sampled_from(["x", "../y"]))
    | st.builds(Delete, PATHS),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRepository]:
    folder = tmp_path_factory.mktemp("empty")
    git(folder, "init", "-q")
    with GitRepository(folder) as opened:
        yield opened


def mode_of(change: FileChange) -> str:
    if isinstance(change, PutFile):
        return "100755" if change.executable else "100644"
    return "120000"


@settings(max_examples=60, deadline=None)
@given(first=CHANGES, second=CHANGES)
def test_edits_are_what_a_folder_would_hold(
    empty: GitRepository, first: list[FileChange], second: list[FileChange]
) -> None:
    """Two commits of random changes hold exactly the files of a plain model, in Git's own reading."""
    model: dict[str, FileChange] = {}
    parent = ""
    for changes in (first, second):
        fitting = []
        for change in changes:
            folders = ["/".join(change.path.split("/")[:n]) for n in range(1, change.path.count("/") + 1)]
            if any(folder in model for folder in folders):
                continue  # a file where a folder is needed is refused, which has a test of its own
            model = {
                p: c for p, c in model.items() if p != change.path and not p.startswith(change.path + "/")
            }
            if not isinstance(change, Delete):
                model[change.path] = change
            fitting.append(change)
        parent = empty.commit_tree(parent, fitting, message="m", author=ME, at=NOW)
    listed = git(empty.path, "ls-tree", "-r", "-z", parent).split("\0")[:-1]
    modes = {line.split("\t")[1]: line[:6] for line in listed}
    wanted = {path: mode_of(change) for path, change in model.items()}
    assert modes == wanted


# ── Refs ────────────────────────────────────────────────────────────────────────────────────────────────


def test_refs_move_together_or_not_at_all(repository: GitRepository, work: Path) -> None:
    """One stale value among three keeps all three where they are."""
    old, new = main(repository), commit_all(work)
    moves = [
        RefUpdate("refs/heads/a", new, ""),
        RefUpdate("refs/heads/b", new, ""),
        RefUpdate("refs/heads/main", old, old),
    ]
    with pytest.raises(Conflict, match="refs/heads/main is at"):
        repository.update_refs(moves)
    assert repository.commit_at("refs/heads/a") == repository.commit_at("refs/heads/b") == ""
    repository.update_refs(moves[:2])
    assert repository.commit_at("refs/heads/a") == repository.commit_at("refs/heads/b") == new
    with pytest.raises(Conflict):
        repository.update_refs([RefUpdate("refs/heads/a", old, "")])
    repository.update_refs([RefUpdate("refs/heads/a", "", new)])
    assert repository.commit_at("refs/heads/a") == ""


def test_a_lock_left_behind_is_named_and_left_alone(repository: GitRepository, work: Path) -> None:
    """A ref's lock may be alive: gitrel says which file it is and deletes nothing."""
    lock = work / ".git" / "refs" / "heads" / "main.lock"
    lock.touch()
    with pytest.raises(Locked, match=r"main\.lock exists"):
        repository.update_refs([RefUpdate("refs/heads/main", main(repository), main(repository))])
    assert lock.exists()


def test_durable_steps_are_announced(work: Path) -> None:
    """Objects are on disk before a ref names them, and each step is told before and after."""
    steps: list[str] = []
    with GitRepository(work, durable=steps.append) as repository:
        new = repository.commit_tree("", [PutLink("a", "b")], message="m", author=ME, at=NOW)
        assert steps == []
        repository.update_refs([RefUpdate("refs/heads/new", new, "")])
    assert steps == ["objects:before", "objects:after", "update-refs:before", "update-refs:after"]


def test_maintenance_packs_only_what_is_worth_it(repository: GitRepository, work: Path) -> None:
    """Below the threshold nothing happens; above it everything is packed, and the reader goes on."""
    assert not repository.maintain()
    before = repository.read_commit(main(repository))
    assert repository.maintain(loose_objects_max=5)
    assert git(work, "count-objects").startswith("0 objects")
    with GitRepository(work) as fresh:
        assert fresh.read_commit(main(repository)) == before
    assert repository.entry(main(repository), "apps/frontend/canary") is not None


# ── Hostile repositories ────────────────────────────────────────────────────────────────────────────────


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
