"""What goes to Git is checked, and what comes from Git is made fit to show."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import Conflict, GitrelError, Unreachable, UsageError
from gitrel.repo.git.failures import GitFailed, Locked, RepositoryDamaged, failure
from gitrel.repo.git.objects import Person, format_commit, parse_commit
from gitrel.repo.git.process import environment
from gitrel.repo.git.revisions import checked_path, checked_ref, checked_remote, checked_revision
from gitrel.repo.git.scrub import scrub
from tests.effort import at_most
from tests.ledger.samples import NOW

BAD_REVISIONS = [
    "", "-h", "--upload-pack=x", "-rf", "a..b", "a...b", "HEAD:", "HEAD:apps", ":/text", "@{-1}", "main@{1}",
    "^main", "main^{/x}", "main^{tree}", "a b", "a\nb", "a\0b", "main~-1", "x.lock", "/x", "x/", "a//b", "@",
    "refs/heads/-x", "a\x1b[31m", "a" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("revision", BAD_REVISIONS)
def test_revisions_are_names_and_nothing_else(revision: str) -> None:
    """No option, range, search, path or reflog reaches Git by way of a revision."""
    with pytest.raises(UsageError) as caught:
        checked_revision(revision)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("revision", "parts"),
    [
        ("main", ("main", "")),
        ("release/v1.2", ("release/v1.2", "")),
        ("HEAD~3", ("HEAD", "~3")),
        ("v1^", ("v1", "^")),
        ("refs/tags/v1.0^2~1", ("refs/tags/v1.0", "^2~1")),
        ("a" * 40, ("a" * 40, "")),
    ],
)
def test_commits_branches_and_tags_are_revisions(revision: str, parts: tuple[str, str]) -> None:
    """What people name is understood, with ancestors."""
    assert checked_revision(revision) == parts


@pytest.mark.parametrize(
    "name", ["main", "refs/heads", "refs/heads/..", "refs/heads/a b", "refs/heads/-x", "-x"]
)
def test_refs_are_written_in_full(name: str) -> None:
    """A ref that moves is never guessed."""
    with pytest.raises(UsageError):
        checked_ref(name)


@pytest.mark.parametrize(
    "remote",
    [
        "ext::sh -c 'touch /tmp/x'", "fd::17", "EXT::sh", "foo::bar", "--upload-pack=touch x", "-x",
        "git://example.com/x", "ssh://-oProxyCommand=x/y", "https://u@-x/", "a\nb", "",
        "-oProxyCommand=x:y", "ftp://example.com/x",
    ],
)  # fmt: skip
def test_remotes_that_run_programs_are_refused(remote: str) -> None:
    """Transports are on a list of allowed ones, and no host or path can pass for an option."""
    with pytest.raises(UsageError):
        checked_remote(remote)


@pytest.mark.parametrize(
    "remote",
    [
        "origin", "https://example.com/x.git", "ssh://git@example.com:22/x", "git@example.com:team/x.git",
        "file:///srv/x", "/srv/x", "../x", "https://user:tok@example.com/x",
    ],
)  # fmt: skip
def test_remotes_that_people_use_are_allowed(remote: str) -> None:
    """Names, URLs and paths."""
    assert checked_remote(remote) == remote


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "a/../b", "./a", "a/.git/config", ".GIT/x", "a/git~1", "a\nb", "a\\b"]
)
def test_paths_stay_inside(path: str) -> None:
    """Nothing that is written can land outside the tree, or in a Git directory on any file system."""
    with pytest.raises(UsageError):
        checked_path(path)


SECRET = "s3cr3t-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"fatal: unable to access 'https://user:{SECRET}@host/x/': 403",
        f"https://{SECRET}@github.com/x",
        f"https://a:b@c:{SECRET}@host/x",
        f"Authorization: Basic {SECRET}",
        f"http.extraheader=AUTHORIZATION: bearer {SECRET}",
        f"PRIVATE-TOKEN: {SECRET}",
        f"https://host/x?private_token={SECRET}&a=b",
        f"remote: ghp_{SECRET.replace('-', '')}aaaaaaaa",
    ],
)
def test_no_credential_is_shown(text: str) -> None:
    """URLs, headers, queries and well-known tokens lose their secret part."""
    shown = scrub(text)
    assert SECRET not in shown
    assert SECRET.replace("-", "") not in shown


def test_what_is_no_credential_stays_readable() -> None:
    """A plain address is not a secret."""
    assert scrub("git@example.com:team/x.git and https://example.com/x") == (
        "git@example.com:team/x.git and https://example.com/x"
    )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_shown_text_has_no_control_characters(text: str) -> None:
    """A remote cannot move the cursor, colour the terminal, or turn the text around."""
    assert not any(c in scrub(text) for c in "\x00\x07\x08\x1b\x7f\x9b\u202e\u2066\u200f")


def test_a_megabyte_costs_no_time() -> None:
    """Author names and messages of absurd sizes are handled in linear time."""
    huge = "<" * 1_000_000
    with at_most(cpu_seconds=1):
        scrub("https://" + "a@" * 500_000)
        Person.parse(huge)
        data = format_commit("0" * 40, [], Person("x", "y"), NOW, "m").replace(
            b"author x <y>", b"author " + huge.encode()
        )
        assert parse_commit("1" * 40, data).message == "m"


FAILURES: list[tuple[str, str, type[GitrelError], str]] = [
    ("fatal: detected dubious ownership in repository at '/x'", "", UsageError, "safe.directory"),
    ("fatal: not a git repository (or any of the parent directories): .git", "", UsageError, "--repo"),
    ("fatal: Unable to create '/x/.git/index.lock': File exists.", "", Locked, "index.lock exists"),
    ("error: object file .git/objects/aa/bb is empty", "", RepositoryDamaged, "repository damaged"),
    (
        "error: inflate: data stream error (incorrect header check)",
        "",
        RepositoryDamaged,
        "repository damaged",
    ),
    ("error: file write error: No space left on device", "", GitFailed, "disk is full"),
    ("Read-only file system: /x/.git/objects/obj1", "", UsageError, "/x: Read-only file system: nothing was"),
    (
        "fatal: cannot lock ref 'refs/heads/x': Unable to create '/x/refs/x.lock': Permission denied",
        "",
        UsageError,
        "/x: Permission denied: nothing was changed: give this user the right to write there",
    ),
    (
        "remote: error: insufficient permission for adding an object to repository database ./objects",
        "origin",
        Unreachable,
        "origin: it may not be written there",
    ),
    ("fatal: transport 'ext' not allowed", "ext", UsageError, "can run programs"),
    (
        "fatal: could not read Username for 'https://h': terminal prompts disabled",
        "origin",
        Unreachable,
        "login",
    ),
    (
        "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://h'",
        "o",
        Unreachable,
        "renew",
    ),
    (
        "fatal: unable to access 'https://h/': The requested URL returned error: 403",
        "o",
        Unreachable,
        "right to push",
    ),
    (
        "Host key verification failed.\nfatal: Could not read from remote",
        "origin",
        Unreachable,
        "known_hosts",
    ),
    ("git@h: Permission denied (publickey).", "origin", Unreachable, "SSH key"),
    ("fatal: unable to access 'https://h/': Could not resolve host: h", "origin", Unreachable, "DNS"),
    ("ssh: connect to host h port 22: Connection refused", "origin", Unreachable, "try again later"),
    ("fatal: '/nowhere' does not appear to be a git repository", "/nowhere", Unreachable, "may not read it"),
    ("fatal: cannot lock ref 'refs/heads/x': is at a but expected b", "", Conflict, "moved the same ref"),
    ("fatal: something else", "", GitFailed, "something else"),
    ("fatal: something else", "origin", Unreachable, "something else"),
]


@pytest.mark.parametrize(("err", "remote", "kind", "words"), FAILURES)
def test_failures_are_told_to_people(err: str, remote: str, kind: type[GitrelError], words: str) -> None:
    """Each of Git's messages becomes an error with a code and with what to do."""
    error = failure("fetch", err, Path("/x"), remote)
    assert type(error) is kind
    assert words in str(error)


def test_the_environment_is_gitrels_own() -> None:
    """What names another repository is dropped, what reaches a remote is kept, and settings come last."""
    inner = environment(
        {
            "PATH": "/bin", "GIT_DIR": "/evil", "GIT_INDEX_FILE": "/evil", "GIT_TRACE": "1",
            "GIT_EDITOR": "x", "GIT_SSH_COMMAND": "ssh -i key",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath",
            "GIT_CONFIG_VALUE_0": "/evil", "GIT_ALLOW_PROTOCOL": "ext",
        }
    )  # fmt: skip
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "GIT_TRACE", "GIT_EDITOR"} & inner.keys()
    assert inner["GIT_SSH_COMMAND"] == "ssh -i key"
    assert inner["GIT_TERMINAL_PROMPT"] == "0"
    assert inner["GIT_ALLOW_PROTOCOL"] == "file:http:https:ssh"
    count = int(inner["GIT_CONFIG_COUNT"])
    settings_ = [(inner[f"GIT_CONFIG_KEY_{n}"], inner[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]
    assert settings_[0] == ("core.hooksPath", "/evil")
    assert dict(settings_)["core.hooksPath"] == "/dev/null"
