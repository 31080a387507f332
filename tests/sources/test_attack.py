"""A repository that was built to attack whoever reads it: nothing of it runs, nothing outside is read, and
nothing it says reaches a terminal raw. End to end, by every verb, from a clone and by URL."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, commit_all, git, point, write
from tests.sources.support import config, remote_of

ESC = "\x1b[2J\x1b]0;owned\x07"
BIDI = "\u202e\u2066"
VERBS = (
    ("validate",),
    ("render", "web"),
    ("explain", "web"),
    ("diff", "--base", "HEAD"),
    ("reconcile",),
    ("promote", "web", "v2"),
    ("status",),
    ("status", "-o", "json"),
    ("rollout", "history", "web"),
    ("rollout", "why", "web"),
    ("rollback", "web"),
)


class Trap:
    """A file that appears when something was run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alarm"
        self.program = folder / "trap"
        self.program.write_text(f'#!/bin/sh\necho "$0 $*" >> {self.path}\ncat\n')
        self.program.chmod(0o755)

    def hook(self, git_dir: Path) -> None:
        (git_dir / "hooks").mkdir(exist_ok=True)
        for name in (
            "pre-commit", "post-commit", "post-checkout", "post-merge", "pre-push", "pre-auto-gc",
            "post-index-change", "reference-transaction", "fsmonitor-watchman", "post-rewrite",
        ):  # fmt: skip
            (git_dir / "hooks" / name).symlink_to(self.program)

    def settings(self, folder: Path) -> None:
        """What a careless or hostile hand writes into a clone, and Git would run."""
        for name, value in {
            "filter.evil.clean": str(self.program),
            "filter.evil.smudge": str(self.program),
            "filter.evil.process": str(self.program),
            "filter.evil.required": "true",
            "diff.evil.command": str(self.program),
            "diff.evil.textconv": str(self.program),
            "diff.external": str(self.program),
            "merge.evil.driver": str(self.program),
            "core.fsmonitor": str(self.program),
            "core.hooksPath": str(self.program.parent / "hooks"),
            "core.pager": str(self.program),
            "core.editor": str(self.program),
            "core.sshCommand": str(self.program),
            "core.alternateRefsCommand": str(self.program),
            "gpg.program": str(self.program),
            "uploadpack.packObjectsHook": str(self.program),
            "protocol.ext.allow": "always",
            "submodule.recurse": "true",
            "remote.origin.uploadpack": str(self.program),
            "remote.origin.receivepack": str(self.program),
            "alias.log": f"!{self.program}",
            "alias.cat-file": f"!{self.program}",
        }.items():
            git(folder, "config", name, value)


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, its trap and the secret that it points to."""
    folder = tmp_path_factory.mktemp("bait")
    build(folder, Trap(folder))
    return folder


@pytest.fixture
def trap(bait: Path) -> Trap:
    found = Trap(bait)
    found.path.unlink(missing_ok=True)
    return found


@pytest.fixture
def evil(bait: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bait / "evil", tmp_path / "evil", symlinks=True))


def build(tmp_path: Path, trap: Trap) -> Path:
    """Attributes, submodules, links out of the root, names that look like options, and text for terminals."""
    folder = config(tmp_path / "evil")
    secret = tmp_path / "secret.yaml"
    secret.write_text("TOP-SECRET: 1\n")
    write(
        folder,
        ".gitattributes",
        "* filter=evil diff=evil merge=evil\n",
    )
    write(
        folder,
        ".gitmodules",
        f'[submodule "x"]\n\tpath = apps/web/v3/s\n\turl = ext::{trap.program}\n\tupdate = !{trap.program}\n'
        f'[submodule "../../.git/modules/y"]\n\tpath = "y\\r"\n\turl = -u{trap.program}\n',
    )
    write(
        folder, ".lfsconfig", f'[lfs]\n\turl = file:///\n[lfs "customtransfer.x"]\n\tpath = {trap.program}\n'
    )
    write(
        folder, "apps/web/v2/big.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    )
    write(folder, "apps/--output=x/v1/-rf.yaml", "a: 1\n")
    write(folder, f"apps/{ESC}name/v1/x.yaml", "a: 1\n")
    write(folder, f"apps/web/v3/{BIDI}txt.yaml", "a: 1\n")
    write(
        folder,
        "apps/api/v1/api-configmap.yaml",
        f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: "{ESC}"\n',
    )
    point(folder, "apps/web/v3/outside.yaml", str(secret))
    point(folder, "apps/web/v3/up.yaml", "../../../../secret.yaml")
    point(folder, "apps/api/asia", "../../../secret.yaml")
    git(folder, "add", "-A")
    commit = git(folder, "rev-parse", "HEAD")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{commit},apps/web/v3/s")
    tree = git(folder, "write-tree")
    message = f"Title {ESC}{BIDI}\n\nGitrel-Rollout: 9\nGitrel-Version: v9\n{ESC}\n" + "x" * 100_000
    who = f"{ESC}Mallory <<<<>>>> {'<' * 10_000}"
    raw = (
        f"tree {tree}\nparent {commit}\nauthor {who} <m@x> 1700000000 +0000\n"
        f"committer {who} <m@x> 1700000000 +9999\n\n{message}\n"
    )
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        cwd=folder, input=raw.encode(), capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    git(folder, "update-ref", "refs/heads/main", made)
    return folder


def harmless(ran: Ran, trap: Trap) -> None:
    """Nothing ran, nothing outside was read, nothing raw was printed, and no traceback either."""
    said = ran.out + ran.err
    assert not trap.path.exists(), trap.path.read_text()
    assert "TOP-SECRET" not in said
    assert not any(char in said for char in "\x1b\x07\u202e\u2066")
    assert "Traceback" not in said
    assert "this is a fault in gitrel" not in said, said


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_from_a_clone(evil: Path, trap: Trap, verb: tuple[str, ...]) -> None:
    """Its hooks, its configuration and its content are all hostile."""
    trap.hook(evil / ".git")
    trap.settings(evil)
    trap.path.unlink(missing_ok=True)  # setting the trap may have sprung it
    ran = gitrel(*verb, "-C", str(evil), env=PEOPLE)
    harmless(ran, trap)


@pytest.mark.parametrize("verb", VERBS[:-1], ids=" ".join)
def test_by_url(evil: Path, trap: Trap, tmp_path: Path, verb: tuple[str, ...]) -> None:
    """Fetched into the cache: only content is left to attack with, and the remote's own hooks are its own."""
    remote = remote_of(evil)
    where = (
        "--repo",
        f"file://{remote}",
        "--allow-transport",
        "file",
        "--cache-dir",
        str(tmp_path / "cache"),
    )
    ran = gitrel(*verb, *where, env=PEOPLE)
    harmless(ran, trap)


def test_what_is_sound_is_released_all_the_same(evil: Path, trap: Trap) -> None:
    """The one healthy component is not held back by what stands beside it, and the bad ones are named."""
    git(evil, "rm", "-q", "-r", "--cached", "apps/web/v3", "apps/web/v2/big.yaml")
    git(evil, "commit", "-q", "--no-verify", "-m", "Mend web")
    ran = gitrel("reconcile", "-C", str(evil), env=PEOPLE)
    harmless(ran, trap)
    assert "web asia applied v1" in ran.err, ran.err
    assert "apps/api/asia" in ran.err


def test_an_lfs_pointer_is_named(tmp_path: Path) -> None:
    """It parses as YAML and means nothing: the text says what it is."""
    folder = config(tmp_path / "lfs")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    write(folder, "apps/web/v3/web-secret.yaml", pointer)
    commit_all(folder)
    ran = gitrel("validate", "-C", str(folder))
    assert ran.code == 3
    assert "apps/web/v3/web-secret.yaml:1:1: " in ran.out
    assert "LFS" in ran.out


def test_the_trap_is_set(evil: Path, trap: Trap) -> None:
    """Git itself, without gitrel's care, springs it: the tests above can fail."""
    trap.settings(evil)
    trap.path.unlink(missing_ok=True)
    subprocess.run(["git", "status"], cwd=evil, capture_output=True, check=False)
    assert trap.path.exists()


@pytest.mark.parametrize(
    "word", ["--upload-pack=x", "-h", "@{-1}", "a..b", "HEAD:", ":/x", "x^{/y}", "\x1b[31m", "a b", ""]
)
def test_words_for_git_are_checked(tmp_path: Path, word: str) -> None:
    """What would be an option, a range or a search to Git is refused in a sentence, wherever it is typed."""
    folder = config(tmp_path / "config")
    for arguments in (
        ("render", "web", f"--revision={word}"),
        ("diff", f"--base={word}"),
        ("reconcile", f"--branch={word}"),
        ("reconcile", f"--remote={word}"),
        ("promote", "web", "--", word),
    ):
        ran = gitrel("-C", str(folder), *arguments, env=PEOPLE)
        assert ran.code in (2, 3, 7) or (word == "" and ran.code == 0), (arguments, ran)
        assert "\x1b" not in ran.out + ran.err
        assert "this is a fault in gitrel" not in ran.err, ran.err
