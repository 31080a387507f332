"""From the URL of a Git remote to the forge that it is on: host, project, and where its API answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from gitrel.errors import UsageError
from gitrel.forge import github, gitlab
from gitrel.forge.forge import Forge
from gitrel.forge.github import GitHub
from gitrel.forge.gitlab import GitLab
from gitrel.forge.http import TIMEOUT_SECONDS
from gitrel.repo.git.scrub import scrub

Kind = Literal["auto", "github", "gitlab"]
_SSH_SHORT = re.compile(r"(?:[^/:@]+@)?(?P<host>[^/:]+):(?P<path>(?!//).+)\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """`host` has the port where a web address names one; `project` is `owner/name`, or longer on GitLab."""

    host: str
    project: str


def address_of(remote: str) -> Address:
    """Raises UsageError for a remote that is on no forge."""
    if "://" in remote:
        parts = urlsplit(remote)
        web = parts.scheme in ("http", "https")
        host = (parts.netloc.rpartition("@")[2] if web else parts.hostname) or ""
        path = parts.path
    else:
        match = _SSH_SHORT.match(remote)
        host, path = (match["host"], match["path"]) if match else ("", "")
    project = path.strip("/").removesuffix(".git")
    if not host or not _PROJECT.match(project) or ".." in project:
        raise UsageError(
            f"{scrub(remote)} is on no forge: a pull request needs a remote such as https://github.com/acme/config"
        )
    return Address(host.lower(), project)


def kind_of(host: str, asked: Kind) -> Literal["github", "gitlab"]:
    """Raises UsageError where the host's name does not tell and nobody has said."""
    if asked != "auto":
        return asked
    for name in ("github", "gitlab"):
        if name in host.split(":")[0].split("."):
            return "github" if name == "github" else "gitlab"
    raise UsageError(f"{host}: say which forge that is with --forge github or --forge gitlab")


def api_root(host: str, kind: Literal["github", "gitlab"]) -> str:
    if kind == "gitlab":
        return f"https://{host}/api/v4"
    return "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"


def _first_known(remotes: Sequence[str], kind: Kind) -> tuple[Address, Literal["github", "gitlab"]]:
    reasons = []
    for remote in remotes:
        try:
            address = address_of(remote)
            return address, kind_of(address.host, kind)
        except UsageError as error:
            reasons.append(error)
    raise reasons[0]


def forge_of(
    remotes: Sequence[str],
    token: str,
    *,
    kind: Kind = "auto",
    root: str = "",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Forge:
    """The forge that the first of these URLs is on that is on any. `root` overrides where its API answers.

    Raises UsageError where there is no token, or where it cannot be told what the forge is.
    """
    address, chosen = _first_known(remotes, kind)
    if not token:
        raise UsageError(
            f"{address.host}: a token is needed: set GITREL_TOKEN, or name a file with --token-file"
        )
    place = root or api_root(address.host, chosen)
    if chosen == "gitlab":
        return GitLab(gitlab.api(place, token, timeout_seconds), address.project)
    if address.project.count("/") != 1:
        raise UsageError(f"{address.project}: a repository on GitHub is named owner/name")
    return GitHub(github.api(place, token, timeout_seconds), address.project)
