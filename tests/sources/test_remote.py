"""`--repo URL`: read and acted upon through the cache, with a token nobody sees and a remote that fails."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gitrel.cli.sources import TOKEN_VARIABLE
from tests.cli.support import gitrel
from tests.repo_git.sandbox import commit_all, git, write
from tests.sources.conftest import TOKEN, Run
from tests.sources.support import GitServer


def status(ran_out: str) -> dict[str, str]:
    (item,) = [one for one in json.loads(ran_out)["items"] if one["component"] == "web"]
    return {cell["environment"]: cell["version"] for cell in item["cells"]}


def test_a_release_goes_around_the_world_without_a_clone(run: Run, remote: Path, tmp_path: Path) -> None:
    """Reconcile and promote by URL move the remote's branch and journal; a second machine sees the same."""
    installed = run("reconcile", "--wait", "--timeout", "60s")
    assert installed.code == 0, installed.err
    promoted = run("promote", "web", "v2", "--wait", "--timeout", "60s")
    assert promoted.code == 0, promoted.err
    assert git(remote, "log", "--format=%s", "-2", "main").splitlines() == [
        "Point web in europe at v2",
        "Point web in asia at v2",
    ]
    assert status(run("status", "-o", "json").out) == {"asia": "v2", "europe": "v2"}
    elsewhere = run("status", "-o", "json", GITREL_CACHE_DIR=str(tmp_path / "other"))
    assert status(elsewhere.out) == {"asia": "v2", "europe": "v2"}
    copies = list((tmp_path / "cache").glob("*/*.git"))
    assert len(copies) == 1
    assert not list((tmp_path / "cache").rglob("web-configmap.yaml"))


def test_a_pass_looks_at_the_remote_once(run: Run, server: GitServer) -> None:
    """Opening asks for the default branch, unless it is named; the pass asks for its refs once."""
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    for arguments, looks in (((), 2), (("--branch", "main"), 1)):
        server.requests.clear()
        assert run("reconcile", *arguments).code == 0
        assert server.looks == looks


def test_reading_verbs_take_a_url(run: Run, work: Path, remote: Path) -> None:
    """Validate, render, explain and diff read the branch, a tag, another branch, a commit and its parent."""
    git(work, "tag", "then")
    write(work, "apps/web/v1/web-configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n")
    tip = commit_all(work)
    git(work, "push", "-q", str(remote), "main", "then", "main:refs/heads/other")
    assert run("validate").code == 0
    for revision, name in (
        ("main", "new"),
        ("other", "new"),
        (tip, "new"),
        ("then", "web"),
        ("main~1", "web"),
    ):
        ran = run("render", "web", "asia", "--revision", revision)
        assert f"name: {name}\n" in ran.out, (revision, ran.err)
    assert run("diff", "--base", "then").code == 1
    assert run("explain", "web", "asia").code == 0
    missing = run("render", "web", "--revision", "nowhere")
    assert missing.code == 2
    assert "names no commit" in missing.err


def test_what_is_only_read_comes_without_its_history(
    run: Run, work: Path, remote: Path, tmp_path: Path
) -> None:
    """A fresh copy for validate has one commit; acting makes it whole."""
    commit_all(work)
    git(work, "push", "-q", str(remote), "main")
    assert run("validate").code == 0
    (copy,) = (tmp_path / "cache").glob("*/*.git")
    assert git(copy, "rev-list", "--count", "main") == "1"
    assert run("reconcile").code == 0
    assert git(copy, "rev-list", "--count", "main") == git(remote, "rev-list", "--count", "main") != "1"


def everywhere(folder: Path) -> bytes:
    """The bytes of all files below a folder."""
    return b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


def test_the_token_is_seen_nowhere(run: Run, server: GitServer, remote: Path, tmp_path: Path) -> None:
    """Not in what is printed, in arguments of any Git process, in the cache, nor in the remote: good days
    and bad ones, whichever way it is given."""
    log = tmp_path / "argv"
    program = tmp_path / "bin" / "git"
    write(
        tmp_path,
        "bin/git",
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nPATH={os.environ["PATH"]} exec git "$@"\n',
    )
    program.chmod(0o755)
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    path = f"{program.parent}:{os.environ['PATH']}"
    rans = [
        run("reconcile", PATH=path),
        run("reconcile", "--token-file", str(file), token="", PATH=path),
        run("promote", "web", "v2", "--log-level", "debug", "--debug", PATH=path),
    ]
    assert [ran.code for ran in rans] == [0, 0, 0], rans[-1].err
    server.token = "another"
    rans.append(run("reconcile", "--debug", PATH=path))
    assert rans[-1].code == 7
    assert "login was refused" in rans[-1].err
    server.redirect_to = "http://localhost:1"
    rans.append(run("reconcile", PATH=path))
    assert rans[-1].code == 7
    said = "".join(ran.out + ran.err for ran in rans)
    assert log.stat().st_size > 1000
    for place in (said.encode(), log.read_bytes(), everywhere(tmp_path / "cache"), everywhere(remote)):
        assert TOKEN.encode() not in place
    sent = [headers.get("Authorization", "") for _, _, headers in server.requests]
    assert {header.partition(" ")[0] for header in sent} == {"Basic"}


def test_the_token_stays_at_its_origin(run: Run, server: GitServer, remote: Path) -> None:
    """A redirect to another host is refused, and that host hears nothing."""
    with GitServer(remote.parent).running() as other:
        server.redirect_to = other.origin
        ran = run("reconcile")
        assert ran.code == 7
        assert "moved" in ran.err
        assert other.requests == []


def test_a_login_in_the_url_is_refused(tmp_path: Path) -> None:
    """It would stand in the list of processes; the text says where it belongs and does not repeat it."""
    for url in (f"https://me:{TOKEN}@example.com/x.git", f"https://{TOKEN}@example.com/x.git"):
        ran = gitrel("status", "--repo", url, "--cache-dir", str(tmp_path))
        assert ran.code == 2
        assert TOKEN_VARIABLE in ran.err
        assert TOKEN not in ran.err


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://example.com/x.git", "--allow-transport http"),
        ("file:///tmp/x.git", "--allow-transport file"),
        ("ext::sh -c touch% /tmp/x", "only file, http, https, ssh"),
        ("git://example.com/x.git", "only file, http, https, ssh"),
        ("https://-oProxyCommand=x/y", "dash"),
        ("ssh://-oProxyCommand=x/y", "dash"),
        ("https://example.com/x.git?token=a", "no '?'"),
    ],
)
def test_only_some_transports_are_allowed(tmp_path: Path, url: str, hint: str) -> None:
    """Encrypted ones; what reads this machine or can be listened to only when asked for; the rest never."""
    ran = gitrel("status", "--repo", url, "--cache-dir", str(tmp_path))
    assert ran.code == 2
    assert hint in ran.err


def test_a_token_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    """Plain http may be allowed, but not together with a token, except on this machine."""
    ran = gitrel(
        "status",
        *(
            "--repo",
            "http://example.invalid/x.git",
            "--allow-transport",
            "http",
            "--cache-dir",
            str(tmp_path),
        ),
        env={"GITREL_TOKEN": TOKEN},
    )
    assert ran.code == 2
    assert "not sent unencrypted" in ran.err


def test_a_file_url_works_where_it_is_allowed(remote: Path, tmp_path: Path) -> None:
    """`file` reads this machine, which a job that takes its URL from others must not."""
    arguments = ("--repo", f"file://{remote}", "--cache-dir", str(tmp_path / "cache"))
    assert gitrel("validate", *arguments, "--allow-transport", "file").code == 0
    assert gitrel("validate", *arguments).code == 2


def test_a_remote_that_hangs_keeps_what_was_read_last(run: Run, server: GitServer) -> None:
    """Looking shows it with its age; acting does nothing and says so; both within the deadline."""
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    server.hanging = True
    looked = run("status", "--git-timeout", "500ms", "-o", "json")
    assert looked.code == 0
    assert "did not answer within 0.5 s" in looked.err
    assert "it was last heard" in looked.err
    assert status(looked.out) == {"asia": "v1", "europe": "v1"}
    read = run("render", "web", "asia", "--git-timeout", "500ms")
    assert read.code == 0
    assert "this is what was read then" in read.err
    acted = run("promote", "web", "v2", "--git-timeout", "500ms", "--branch", "main")
    assert acted.code == 7
    assert "it was last heard" in acted.err


def test_nothing_was_read_yet(run: Run, server: GitServer) -> None:
    """A first look at a remote that hangs has nothing to show."""
    server.hanging = True
    for verb in ("status", "validate"):
        assert run(verb, "--git-timeout", "300ms").code == 7


def test_a_branch_can_be_named(run: Run, work: Path, remote: Path) -> None:
    """Another branch of the remote is the truth then; one that is not there is named."""
    git(work, "push", "-q", str(remote), "main:refs/heads/release")
    assert run("reconcile", "--branch", "release", "--wait", "--timeout", "60s").code == 0
    assert run("promote", "web", "v2", "--branch", "release").code == 0
    assert git(remote, "log", "-1", "--format=%s", "release") == "Point web in asia at v2"
    assert git(remote, "log", "-1", "--format=%s", "main") == "Begin"
    missing = run("status", "--branch", "nowhere")
    assert missing.code == 2
    assert "no branch nowhere" in missing.err


def test_a_detached_checkout_needs_the_branch(work: Path) -> None:
    """As CI systems check out: the text names --branch, and with it the remote's branch is released."""
    git(work, "checkout", "-q", "--detach")
    here = ("-C", str(work), "--remote", "origin")
    git(work, "remote", "add", "origin", str(work.with_suffix(".git")))
    refused = gitrel("reconcile", *here)
    assert refused.code == 2
    assert "--branch" in refused.err
    assert gitrel("reconcile", "--branch", "main", *here).code == 0


def test_a_shallow_checkout_gets_the_history_it_needs(remote: Path, work: Path, tmp_path: Path) -> None:
    """A depth of one, as CI systems fetch, is deepened when the past has to be told; nothing is refused."""
    url = f"file://{remote}"
    first = ("--repo", url, "--allow-transport", "file", "--cache-dir", str(tmp_path / "cache"))
    assert gitrel("reconcile", *first, "--wait", "--timeout", "60s").code == 0
    git(work, "pull", "-q", str(remote), "main")
    for _ in range(3):
        commit_all(work)
    git(work, "push", "-q", str(remote), "main")
    git(tmp_path, "clone", "-q", "--depth", "1", url, "shallow")
    ran = gitrel("promote", "web", "v2", "-C", str(tmp_path / "shallow"), "--remote", "origin")
    assert ran.code == 0, ran.err
    assert git(remote, "log", "-1", "--format=%s", "main") == "Point web in asia at v2"


def test_another_remote_beside_the_url_is_refused(run: Run) -> None:
    """--repo URL says which remote; a second one would contradict it."""
    ran = run("reconcile", "--remote", "origin")
    assert ran.code == 2
    assert "leave --remote out" in ran.err
