"""HEAD is tested, and the development pointer moves up to it: forward, once, and only when it passes."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.orchestrator.versions.checks import run_command
from gitrel.orchestrator.versions.qualify import Candidate, Verdict, qualify
from gitrel.repo.check import check_repository
from gitrel.repo.edit import parse_trailers
from gitrel.repo.git import GitRepository
from gitrel.repo.git.export import write_out
from gitrel.repo.source import read_worktree
from gitrel.smoke.command import Ran, own_environment, run
from tests.cli.support import gitrel
from tests.release.support import ACTOR, ask, edit, fix_current, make, place, repository, workshop
from tests.repo_git.sandbox import bare_remote, clone, commit_all, git, point, write
from tests.waiting import until

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec:
  renderer: jinja
  development: {environment: quiet, check: CHECK}
"""


def configure(root: Path, check: str) -> str:
    write(root, "apps/web/component.yaml", COMPONENT.replace("CHECK", check))
    return commit_all(root, "Configure the check")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`quiet` is the development stage, at v1; v2 was cut and waits."""
    folder = repository(tmp_path / "config")
    configure(folder, "{command: [./check.sh, now]}")
    return folder


def at(root: Path) -> str:
    return str((root / "apps/web/quiet").readlink())


def test_the_pointer_moves_up_to_what_passed(root: Path) -> None:
    """One link in one commit by the caller, which says what was tested and where; a second time: nothing."""
    head = git(root, "rev-parse", "HEAD")
    found = ask(root)
    assert (found.outcome, found.previous, found.version) == ("moved", "v1", "v2")
    assert at(root) == "v2"
    assert git(root, "diff", "--name-only", head, "HEAD") == "apps/web/quiet"
    assert git(root, "log", "-1", "--format=%an <%ae>") == ACTOR
    trailers = parse_trailers(git(root, "log", "-1", "--format=%B"))
    assert (trailers["Gitrel-Tested"], trailers["Gitrel-Version"]) == (head, "v2")
    assert git(root, "status", "--short") == ""
    assert ask(root).outcome == "up to date"


def test_what_fails_moves_nothing(root: Path) -> None:
    """A check that says no, and one that breaks: the pointer stays, and the reason is told."""
    head = git(root, "rev-parse", "HEAD")
    found = ask(root, lambda candidate: Verdict(False, "did not pass", "boom"))
    assert (found.outcome, found.because, found.output) == ("failed", "did not pass", "boom")
    assert git(root, "rev-parse", "HEAD") == head


def test_a_dry_run_runs_nothing(root: Path) -> None:
    """It says what would be tested and by what."""
    found = ask(root, lambda candidate: pytest.fail("it ran"), dry_run=True)
    assert (found.outcome, found.because) == ("due", "to be checked by ./check.sh now")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no check", "no development check"),
        ("current", "HEAD runs there already"),
        ("no pointer", "no pointer in quiet"),
    ],
)
def test_what_cannot_be_qualified_says_why(root: Path, name: str, said: str) -> None:
    """A component without a check, one that follows current/, one that is not deployed there."""
    if name == "no check":
        write(root, "apps/web/component.yaml", COMPONENT.partition("  development")[0])
    elif name == "current":
        point(root, "apps/web/quiet", "current")
    else:
        (root / "apps/web/quiet").unlink()
    commit_all(root)
    found = ask(root, names=["web"])
    assert found.outcome == "skipped"
    assert said in found.because


def test_what_somebody_took_back_stays_taken_back(root: Path) -> None:
    """v2 was there and was moved back by hand: the schedule does not argue; the next version goes again."""
    ask(root)
    point(root, "apps/web/quiet", "v1")
    commit_all(root, "Back, it is slow")
    found = ask(root)
    assert (found.outcome, found.because) == (
        "skipped",
        "quiet was at v2 and was moved back: promote it by hand",
    )
    make(root)
    assert ask(root).version == "v3"
    assert at(root) == "v3"


@pytest.mark.parametrize("what", ["pointer", "version", "elsewhere"])
def test_what_changes_during_a_check_is_seen(root: Path, what: str) -> None:
    """Hours pass between test and move: another pointer or other files stop it, other news do not."""

    def slow(candidate: Candidate) -> Verdict:
        if what == "pointer":
            point(root, "apps/web/quiet", "v2")
        elif what == "version":
            edit(root, "v2", "replicas: 1", "replicas: 2")
        else:
            write(root, "README.md", "news\n")
        commit_all(root, "Meanwhile")
        return Verdict(True, "passed")

    found = ask(root, slow)
    assert found.outcome == ("moved" if what == "elsewhere" else "overtaken")
    assert git(root, "log", "-1", "--format=%s") == (
        "Point web in quiet at v2" if what == "elsewhere" else "Meanwhile"
    )


def test_with_a_remote_the_move_is_pushed(root: Path, tmp_path: Path) -> None:
    """The schedule runs in a clone of a CI job: what it decided is on the remote afterwards."""
    remote = bare_remote(tmp_path / "remote.git", root)
    found = ask(clone(tmp_path / "job", remote), remote="origin")
    assert git(remote, "rev-parse", "main") == found.commit
    assert git(remote, "cat-file", "-p", "main:apps/web/quiet") == "v2"


SCRIPT = """\
#!/bin/sh
echo "component $GITREL_CHECK_COMPONENT version $GITREL_CHECK_VERSION in $GITREL_CHECK_ENVIRONMENT"
echo "argument $1 secret '$SECRET' token '$TOKEN' home $(ls -A "$HOME" | wc -l | tr -d ' ')"
test -f apps/web/v2/web-deployment.yaml && test ! -e .git && echo tree
grep -c '"kind":"Deployment"' "$GITREL_CHECK_MANIFESTS"
exit ${CODE:-0}
"""


def test_the_command_sees_the_commit_and_little_else(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed script runs in a copy of the commit, with only the variables that are named for it."""
    write(root, "check.sh", SCRIPT)
    (root / "check.sh").chmod(0o755)
    configure(root, "{command: [./check.sh, now], passEnvironment: [TOKEN, CODE]}")
    write(root, "check.sh", "#!/bin/sh\nexit 9\n")  # only on disk: not what is tested
    monkeypatch.setenv("SECRET", "hidden")
    monkeypatch.setenv("TOKEN", "given")
    with workshop(root) as shop:
        (found,) = qualify(shop, lambda candidate: run_command(shop, candidate))
    assert found.outcome == "moved"
    assert found.output.split("\n")[:4] == [
        "component web version v2 in quiet",
        "argument now secret '' token 'given' home 0",
        "tree",
        "1",
    ]


def test_exit_codes_signals_and_absence_are_told(tmp_path: Path) -> None:
    """Whatever a command does ends as a value, with the end of what it said."""
    plain = own_environment(os.environ, (), tmp_path, {})
    minute = timedelta(minutes=1)

    def ran(*command: str, timeout: timedelta = minute) -> Ran:
        return run(command, folder=tmp_path, environment=plain, timeout=timeout)

    assert (ran("sh", "-c", "echo a; exit 3").code, ran("sh", "-c", "kill -9 $$").code) == (3, -9)
    assert "No such file" in ran("./absent").failure
    long = ran("sh", "-c", "yes | head -c 200000; echo end")
    assert len(long.output) == 64 * 1024
    assert long.output.endswith("end\n")


def is_gone(process: Path) -> bool:
    """Ended, if not yet buried by whoever inherited it. It may go between one look and the next."""
    try:
        return ") Z " in process.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_deadline_ends_the_command_and_its_children(tmp_path: Path) -> None:
    """The child that it left in the background is gone too, and nobody waits for either."""
    plain = own_environment(os.environ, (), tmp_path, {})
    started = time.monotonic()
    script = "sleep 60 & echo $!; sleep 60"
    ran = run(["sh", "-c", script], folder=tmp_path, environment=plain, timeout=timedelta(seconds=2))
    assert time.monotonic() - started < 30
    assert (ran.code, ran.failure) == (None, "it did not end within 2s")
    child = Path("/proc") / ran.output.strip() / "stat"
    until(lambda: is_gone(child), "the child ends with its parent")


def test_links_and_modes_are_written_as_they_are(root: Path, tmp_path: Path) -> None:
    """The copy of a commit holds links as links and scripts as scripts; a submodule is an empty folder."""
    point(root, "outside", "/etc/passwd")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'c' * 40},module")
    git(root, "add", "outside")
    git(root, "commit", "-q", "-m", "Odd things")
    (tmp_path / "copy").mkdir()
    with GitRepository(root) as opened:
        write_out(opened, opened.head().commit, tmp_path / "copy")
    assert str((tmp_path / "copy/outside").readlink()) == "/etc/passwd"
    assert list((tmp_path / "copy/module").iterdir()) == []
    assert (tmp_path / "copy" / place("v1")).read_bytes() == (root / place("v1")).read_bytes()


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("{}", "either a 'command' or 'rehearse: true'"),
        ("{command: [x], rehearse: true}", "either a 'command' or 'rehearse: true'"),
        ("{command: x}", "must be a list"),
        ("{command: [x], timeout: 5}", "has no unit"),
    ],
)
def test_what_is_no_check_is_refused(root: Path, check: str, said: str) -> None:
    """Both kinds, neither kind, a shell line instead of a list: told at its line."""
    configure(root, check)
    (problem, *_) = check_repository(read_worktree(root))[1]
    assert said in str(problem)
    assert problem.line == 6


def test_an_environment_that_does_not_exist_is_told_where_it_is_named(root: Path) -> None:
    """A slip in the name would otherwise mean that nothing is ever qualified."""
    write(
        root,
        "apps/web/component.yaml",
        COMPONENT.replace("quiet", "quit").replace("CHECK", "{rehearse: true}"),
    )
    (problem,) = check_repository(read_worktree(root))[1]
    assert (problem.file, problem.line) == ("apps/web/component.yaml", 6)
    assert "did you mean 'quiet'?" in problem.what


def test_on_the_command_line(root: Path) -> None:
    """A rehearsal as the check; exit code 4 and the end of the output where a command fails."""
    write(root, "check.sh", "#!/bin/sh\necho what went wrong\nexit 2\n")
    (root / "check.sh").chmod(0o755)
    commit_all(root)
    ran = gitrel("--repo", str(root), "release", "qualify")
    assert ran.code == 4
    assert "web v2 did not pass ./check.sh: exit code 2\n  what went wrong" in ran.err
    configure(root, "{rehearse: true}")
    ran = gitrel("--repo", str(root), "release", "qualify", "-o", "json")
    assert ran.code == 0, ran.err
    assert "passed a rehearsal" in ran.out
    assert at(root) == "v2"


def test_fixes_do_not_count_as_forward(root: Path) -> None:
    """A version that is there already and got a point fix rolls out by its digest; the pointer stays."""
    ask(root)
    fix_current(root)
    assert ask(root).outcome == "up to date"
