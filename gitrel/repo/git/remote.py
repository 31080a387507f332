"""Speaking to a remote: look, fetch, push. Every call has a deadline, asks nobody, and names what failed.

A push is one transaction on the remote (`--atomic`), each ref bound to the value that was read
(`--force-with-lease`): the same fence that a local transaction is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from gitrel.errors import Conflict, GitrelError, Unreachable, UsageError
from gitrel.repo.git.failures import GitFailed, failure
from gitrel.repo.git.process import Git
from gitrel.repo.git.revisions import SHA, checked_ref, checked_remote
from gitrel.repo.git.scrub import scrub

_REFUSED = re.compile(r"^!\t(?P<names>[^\t]*)\t(?P<why>.*)$", re.MULTILINE)
_MOVED = re.compile(
    r"stale info|fetch first|non-fast-forward|failed to (?:lock|update ref)|cannot lock ref"
    r"|reference already exists|incorrect old value"
)
WHOLE = 2**31 - 1
"""The depth that Git takes for no limit at all; it makes a cut-off history whole."""


class Update(Protocol):
    @property
    def ref(self) -> str: ...
    @property
    def new(self) -> str: ...
    @property
    def old(self) -> str: ...


def refs(git: Git, remote: str, names: Sequence[str]) -> dict[str, str]:
    """Where these full refs are on the remote; absent ones are left out."""
    wanted = [checked_ref(name) for name in names]
    arguments = (
        "ls-remote",
        "--upload-pack=git-upload-pack",
        "--refs",
        "--",
        checked_remote(remote),
        *wanted,
    )
    out = git.run(*arguments, remote=remote).decode("utf-8", "replace")
    lines = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
    found = {name: commit for commit, name in lines}
    return {name: found[name] for name in wanted if SHA.match(found.get(name, ""))}


def tags(git: Git, remote: str) -> dict[str, str]:
    """Every tag of the remote: full ref → the object that it names."""
    arguments = (
        "ls-remote",
        "--upload-pack=git-upload-pack",
        "--refs",
        "--tags",
        "--",
        checked_remote(remote),
    )
    out = git.run(*arguments, remote=remote).decode("utf-8", "replace")
    rows = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
    return {ref: found for found, ref in rows if SHA.match(found) and ref.startswith("refs/tags/")}


def default_branch(git: Git, remote: str) -> str:
    """The full ref that the remote's HEAD stands for, empty where it stands for none."""
    arguments = (
        "ls-remote",
        "--upload-pack=git-upload-pack",
        "--symref",
        "--",
        checked_remote(remote),
        "HEAD",
    )
    out = git.run(*arguments, remote=remote).decode("utf-8", "replace")
    for line in out.splitlines():
        if line.startswith("ref: ") and line.endswith("\tHEAD"):
            return checked_ref(line.removeprefix("ref: ").removesuffix("\tHEAD"))
    return ""


def fetch(git: Git, remote: str, refspecs: Sequence[tuple[str, str]], *, depth: int = 0) -> None:
    """Brings (their ref, our ref) pairs here, whatever ours were before. `depth` 0 leaves it as it was."""
    pairs = [f"+{checked_ref(theirs)}:{checked_ref(ours)}" for theirs, ours in refspecs]
    _fetch(git, remote, [f"--depth={depth}"] if depth else [], pairs)


def fetch_commit(git: Git, remote: str, commit: str) -> None:
    """Brings one commit by its full SHA, under no ref. What the remote does not have is no failure."""
    if not SHA.match(commit):
        raise UsageError(f"{commit[:80]!r} is not the full SHA of a commit")
    try:
        _fetch(git, remote, [], [commit])
    except GitrelError as error:
        if "not our ref" not in str(error) and "not advertised" not in str(error):
            raise


def _fetch(git: Git, remote: str, more: Sequence[str], refspecs: Sequence[str]) -> None:
    options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--atomic", *more)
    address = checked_remote(remote)
    git.run("fetch", *options, "--upload-pack=git-upload-pack", "--", address, *refspecs, remote=remote)


def push(git: Git, remote: str, updates: Sequence[Update]) -> None:
    """Moves all of these refs or none, each only from its old value. Pushes by id: no local ref is needed."""
    leases = [f"--force-with-lease={checked_ref(update.ref)}:{update.old}" for update in updates]
    pairs = [f"{update.new}:{update.ref}" for update in updates]
    options = (
        "--porcelain",
        "--atomic",
        "--no-verify",
        "--no-follow-tags",
        "--recurse-submodules=no",
        "--no-signed",
    )
    arguments = (
        "push",
        *options,
        "--receive-pack=git-receive-pack",
        *leases,
        "--",
        checked_remote(remote),
        *pairs,
    )
    finished = git.attempt(*arguments, remote=remote)
    if finished.code != 0:
        raise _rejected(remote, finished.out.decode("utf-8", "replace"), finished.err, git)


def _rejected(remote: str, out: str, err: str, git: Git) -> GitrelError:
    reasons = [match["why"] for match in _REFUSED.finditer(out)]
    if any(_MOVED.search(reason) for reason in reasons):
        return Conflict(f"{scrub(remote)}: somebody else pushed first")
    if "does not support --atomic" in err:
        return UsageError(f"{scrub(remote)} cannot move several refs at once: it needs Git 2.4 or newer")
    declined = [
        reason for reason in reasons if "declined" in reason or "protected" in reason or "denied" in reason
    ]
    if declined:
        said = "; ".join(line.strip() for line in err.splitlines() if line.startswith("remote:"))
        return GitFailed(
            f"{scrub(remote)} refuses the push: {scrub(declined[0])}: allow this login to push to the branch "
            f"and to refs/gitrel/* ({scrub(said) or 'it gave no other reason'})"
        )
    error = failure("push", err, git.folder, remote)
    return error if isinstance(error, Unreachable | UsageError | GitFailed) else GitFailed(str(error))
