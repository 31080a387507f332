"""SSH remotes: the key and known hosts that were named, no question, no hang, a word for each failure."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from gitrel.errors import UsageError
from gitrel.repo.git.access import Access, is_url, settings, ssh_command, transport, variables
from gitrel.repo.git.process import environment
from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, write

# What stands in for the server: it writes down how it was called, and runs what was asked for here.
SSH = """#!/bin/sh
printf '%s\\n' "$@" > LOG
if [ -n "$FAKE_SSH_SAYS" ]; then echo "$FAKE_SSH_SAYS" >&2; exit 255; fi
for last; do :; done
exec sh -c "$last"
"""

Ssh = Callable[..., Ran]


@pytest.fixture
def ssh(tmp_path: Path, remote: Path) -> Ssh:
    program = tmp_path / "bin" / "ssh"
    write(tmp_path, "bin/ssh", SSH.replace("LOG", str(tmp_path / "argv")))
    program.chmod(0o755)

    def run(*arguments: str, **env: str) -> Ran:
        here = ("--repo", f"ssh://git@example.com{remote}", "--cache-dir", str(tmp_path / "cache"))
        path = f"{program.parent}:{os.environ['PATH']}"
        return gitrel(*arguments, *here, env={**PEOPLE, "PATH": path, **env})

    return run


def test_ssh_is_called_so_that_it_cannot_ask(ssh: Ssh, tmp_path: Path) -> None:
    """Batch mode, strict host keys, the named key alone and the named known hosts, spaces and all."""
    for name in ("a key", "known hosts"):
        (tmp_path / name).write_text("x")
    ran = ssh(
        "reconcile", "--ssh-key", str(tmp_path / "a key"), "--known-hosts", str(tmp_path / "known hosts")
    )
    assert ran.code == 0, ran.err
    argv = (tmp_path / "argv").read_text().splitlines()
    options = [argv[index + 1] for index, word in enumerate(argv) if word == "-o"]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(options)
    assert f'UserKnownHostsFile="{tmp_path / "known hosts"}"' in options
    assert argv[argv.index("-i") + 1] == str(tmp_path / "a key")


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        ("Host key verification failed.", "host key is unknown or has changed"),
        ("git@example.com: Permission denied (publickey).", "SSH key was refused"),
        ("ssh: connect to host example.com port 22: Connection timed out", "try again later"),
        ("ssh: Could not resolve hostname example.com: Name or service not known", "does not resolve"),
    ],
)
def test_what_ssh_says_is_told_with_what_to_do(ssh: Ssh, says: str, hint: str) -> None:
    """Each of the usual failures ends with 7 and the next step."""
    ran = ssh("reconcile", FAKE_SSH_SAYS=says)
    assert ran.code == 7
    assert hint in ran.err


def test_files_that_are_not_there_are_named(ssh: Ssh, tmp_path: Path) -> None:
    """A key that is missing is a mistake here, not a refusal there."""
    ran = ssh("status", "--ssh-key", str(tmp_path / "none"))
    assert ran.code == 2
    assert "--ssh-key" in ran.err


def test_no_window_asks_either() -> None:
    """SSH_ASKPASS and a desktop's helper are kept from asking; what an operator set for Git is kept."""
    inner = environment({"SSH_ASKPASS": "/usr/bin/ksshaskpass", "PATH": "/bin"})
    assert inner["GIT_ASKPASS"] == ""
    assert inner["GIT_TERMINAL_PROMPT"] == "0"
    assert environment({"GIT_ASKPASS": "/ci/askpass"})["GIT_ASKPASS"] == "/ci/askpass"
    assert environment({"GIT_ASKPASS": "/ide/askpass"}, Access(token="t"))["GIT_ASKPASS"] == ""
    assert environment({"GIT_SSH_COMMAND": "mine"})["GIT_SSH_COMMAND"] == "mine"
    assert variables(Access(ssh_key=Path("/k")), {"GIT_SSH_COMMAND": "mine"})["GIT_SSH_COMMAND"] != "mine"
    assert "GITREL_TOKEN" not in environment({"GITREL_TOKEN": "t"})


def test_ssh_options_survive_the_shell() -> None:
    """Git hands the command to a shell, and ssh splits options at spaces and expands percents."""
    words = shlex.split(ssh_command(Access(ssh_key=Path("/a b/k'"), known_hosts=Path("/c d/100%"))))
    assert "/a b/k'" in words
    assert 'UserKnownHostsFile="/c d/100%%"' in words


@pytest.mark.parametrize(
    ("text", "url", "kind"),
    [
        ("git@example.com:acme/config.git", True, "ssh"),
        ("example.com:config", True, "ssh"),
        ("https://example.com/x", True, "https"),
        ("ext::sh", True, "ssh"),
        ("./config", False, "file"),
        ("/srv/config", False, "file"),
        ("config", False, "file"),
    ],
)
def test_urls_are_told_from_folders(text: str, url: bool, kind: str) -> None:
    """What has a scheme or ssh's colon is a URL; whether it is allowed is another question."""
    assert is_url(text) is url
    assert transport(text) == kind


def test_the_token_is_for_one_url() -> None:
    """The header is bound to the whole URL, other logins for it are dropped, and ssh gets none."""
    access = Access(token="t0ken")
    rows = settings(access, "https://example.com/acme/config.git")
    assert rows[0] == ("http.https://example.com/acme/config.git.extraHeader", "")
    assert rows[1][0] == rows[0][0]
    assert ("http.followRedirects", "false") in rows
    assert settings(access, "git@example.com:acme/config.git") == ()
    assert "t0ken" not in repr(access)
    for bad in ("two words", "line\nbreak", "ü"):
        with pytest.raises(UsageError, match="token is not"):
            Access(token=bad)
