"""What went wrong in Git, in words for people: one table from Git's messages to gitrel's errors.

Pure. A row is a pattern over Git's own (English, scrubbed) text, and the sentence with what to do about it.
What no row knows is told as Git said it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gitrel.errors import (
    Conflict,
    GateClosed,
    GitrelError,
    InvalidRepository,
    Problem,
    Unreachable,
    UsageError,
)
from gitrel.repo.git.scrub import scrub


class GitFailed(GitrelError):
    """A Git command failed for a reason that is neither the network's nor another writer's."""


class Locked(GitFailed):
    """Another Git process holds a lock file, or left it behind; gitrel never deletes one."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class RepositoryDamaged(InvalidRepository):
    """An object is missing or broken: nothing can be read or written safely."""

    def __init__(self, path: Path | str, detail: str) -> None:
        todo = "check it with `git fsck`, then clone it again into a new folder"
        super().__init__([Problem(str(path), 0, 0, f"repository damaged: {scrub(detail)}", todo)])


class HistoryRewritten(GateClosed):
    """A branch or the journal no longer contains a commit that gitrel has built on: a person decides."""

    def __init__(self, message: str) -> None:
        super().__init__(message, gate="history")


def failure(verb: str, err: str, folder: Path, remote: str = "") -> GitrelError:
    """The error for a command that ended with `err` on stderr."""
    text = scrub(err).strip()
    for pattern, build in _TABLE:
        match = pattern.search(text)
        if match:
            return build(match, text, folder, scrub(remote))
    if remote:
        return Unreachable(f"git {verb}: {scrub(remote)} refused or did not answer: {_tail(text)}")
    return GitFailed(f"git {verb} failed in {folder}: {_tail(text)}")


def timed_out(verb: str, seconds: float, remote: str) -> GitrelError:
    if remote:
        return Unreachable(
            f"git {verb}: {scrub(remote)} did not answer within {seconds:g} s: try again later"
        )
    return GitFailed(f"git {verb} did not finish within {seconds:g} s")


def git_is_missing(folder: Path) -> GitrelError:
    if not folder.is_dir():
        return UsageError(f"{folder}: no such folder")
    return UsageError("git is not installed, or not on the PATH: install Git 2.31 or newer")


def _tail(text: str) -> str:
    """The lines that say something: Git's hints are meant for somebody at a terminal."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("hint:")]
    return "\n".join(lines[-6:]) or "no reason was given"


Build = Callable[["re.Match[str]", str, Path, str], GitrelError]


def _ownership(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    return UsageError(
        f"{folder} belongs to another user, so Git refuses to read it (dubious ownership). Either trust it: "
        f"git config --global --add safe.directory {folder}; or run as its owner, or give it to this user "
        f"with chown -R"
    )


def _not_a_repository(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    if remote:
        return Unreachable(f"{remote} is not a Git repository, or this user may not read it")
    return UsageError(f"{folder} is not a Git repository: run gitrel inside one, or name it with --repo")


def _locked(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    path = match[1]
    return Locked(
        f"{path} exists: another Git process is at work, or left its lock behind; if `ps` shows no Git "
        "process in this repository, remove that file and try again",
        path,
    )


def _damaged(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    return RepositoryDamaged(folder, _tail(text))


def _transport(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    return UsageError(f"{remote}: the transport {match[1]} is not allowed, because it can run programs")


def _unreachable(reason: str) -> Build:
    return lambda match, text, folder, remote: Unreachable(f"{remote or folder}: {reason} ({_first(text)})")


def _full(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    return GitFailed(f"{folder}: the disk is full, nothing was changed: make room and try again")


def _forbidden(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    if remote:
        return Unreachable(f"{remote}: it may not be written there: {_first(text)}")
    return UsageError(
        f"{folder}: {match[0].lstrip(': ')}: nothing was changed: give this user the right to write there, "
        "or work in a clone of it"
    )


def _stale(match: re.Match[str], text: str, folder: Path, remote: str) -> GitrelError:
    return Conflict(f"{remote or folder}: somebody else moved the same ref first: {_first(text)}")


def _first(text: str) -> str:
    lines = _tail(text).splitlines()
    wanted = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:", "ERROR:"))]
    return (wanted or lines)[0].strip()


_TABLE: tuple[tuple[re.Pattern[str], Build], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), build)
    for pattern, build in (
        (r"detected dubious ownership|unsafe repository \(", _ownership),
        (r"transport '([^']+)' not allowed", _transport),
        (r"Unable to create '([^']+\.lock)': File exists", _locked),
        (r"No space left on device|Disk quota exceeded", _full),
        (r"cannot lock ref '[^']*': (?:is at|reference already exists|unable to resolve)", _stale),
        (
            r"object file \S+ is empty|loose object \S+ .*is corrupt|packfile \S+ (?:is|cannot)|inflate: data"
            r"|bad (?:object|tree|blob) |unable to (?:unpack|read) \S*\s?(?:[0-9a-f]{40}|header|tree)"
            r"|missing (?:blob|tree|commit) |could not (?:read|parse) (?:commit )?[0-9a-f]{40}"
            r"|hash mismatch|garbage at end of loose object",
            _damaged,
        ),
        (
            r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|HTTP 401"
            r"|Invalid username or password|HTTP Basic: Access denied|error: 401",
            _unreachable("the login was refused: renew the token or the key that Git uses here"),
        ),
        (
            r"error: 403|HTTP 403|Permission to \S+ denied|access denied",
            _unreachable("this login may not do that: ask for the right to push to this repository"),
        ),
        (
            r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
            _unreachable("its host key is unknown or has changed: compare it, then correct known_hosts"),
        ),
        (
            r"Permission denied \(publickey|Too many authentication failures",
            _unreachable("the SSH key was refused: check which key is offered"),
        ),
        (r"Read-only file system|: Permission denied|insufficient permission for adding", _forbidden),
        (
            r"error: 30[1278]",
            _unreachable("it has moved, and a login is not carried to another place: name its new URL"),
        ),
        (
            r"Could not resolve host|Name or service not known|Temporary failure in name resolution",
            _unreachable("the name does not resolve: check the URL and the DNS"),
        ),
        (r"SSL|TLS|certificate", _unreachable("the secure connection failed: check the certificates")),
        (
            r"Connection (?:refused|timed out|reset)|Network is unreachable|No route to host|early EOF"
            r"|hung up unexpectedly|Failed to connect|Operation timed out|gnutls_handshake|RPC failed",
            _unreachable("the connection failed: try again later"),
        ),
        (
            r"not a git repository|does not appear to be a git repository|Repository not found"
            r"|repository '[^']*' (?:not found|does not exist)|No such remote",
            _not_a_repository,
        ),
    )
)
