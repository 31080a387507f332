"""How a remote is reached: the token, the SSH key and the transports of one operator, as settings for Git.

Pure. Nothing secret is ever an argument or part of a URL, where every process of the machine could read it:
a token travels as a header in Git's environment, bound to the one URL it is for, and redirects are refused
with it. SSH asks nobody: an unknown host or a key that needs a passphrase is a failure, not a question.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gitrel.errors import UsageError
from gitrel.repo.git.revisions import checked_remote
from gitrel.repo.git.scrub import scrub

ALWAYS = frozenset(("https", "ssh"))
ON_REQUEST = ("file", "http")
"""Transports of `--repo` that have to be allowed: one reads this machine, the other can be listened to."""
TOKEN_USER = "x-access-token"  # noqa: S105 - the user name that GitHub wants beside a token; others take any
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))

_SSH_SHORT = re.compile(r"[^/:]+:(?!//)")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}\Z")


@dataclass(frozen=True, slots=True)
class Access:
    """What the operator gives gitrel to reach remotes with. `known_hosts` None is ssh's own default."""

    token: str = field(default="", repr=False)
    token_user: str = TOKEN_USER
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    transports: frozenset[str] = frozenset()
    """Allowed for `--repo` beside https and ssh."""

    def __post_init__(self) -> None:
        if self.token and not _TOKEN.match(self.token):
            raise UsageError(
                "the token is not one line of printable ASCII: check GITREL_TOKEN or --token-file"
            )
        if ":" in self.token_user or not self.token_user.isprintable():
            raise UsageError(f"--token-user {self.token_user!r}: a user name without a colon is wanted")


def is_url(text: str) -> bool:
    """Whether `--repo` names a remote: a URL, or ssh's short form `git@host:path`."""
    return "://" in text or "::" in text or (_SSH_SHORT.match(text) is not None and not Path(text).exists())


def transport(url: str) -> str:
    """`https`, `ssh`, … ; a path is `file`."""
    if "://" in url:
        return url.partition("://")[0].lower()
    return "ssh" if _SSH_SHORT.match(url) else "file"


def checked_url(url: str, access: Access) -> str:
    """A URL that `--repo` may name. Raises UsageError with what would be right instead."""
    checked_remote(url)
    kind = transport(url)
    if kind not in ALWAYS and kind not in access.transports:
        hint = f": allow it with --allow-transport {kind}" if kind in ON_REQUEST else ""
        raise UsageError(f"{scrub(url)}: the transport {kind} is not allowed for --repo{hint}")
    if "://" in url:
        parts = urlsplit(url)
        if parts.password is not None or ("@" in parts.netloc and kind != "ssh"):
            raise UsageError(
                f"{scrub(url)}: leave the login out of the URL, where every process can read it: "
                "put the token in GITREL_TOKEN or in a file named by --token-file"
            )
        if parts.query or parts.fragment:
            raise UsageError(f"{scrub(url)}: a repository's URL has no '?' and no '#'")
    return url


def takes_token(url: str) -> bool:
    """Whether a token may travel to `url`: encrypted, or not leaving this machine."""
    kind = transport(url)
    return kind == "https" or (kind == "http" and urlsplit(url).hostname in LOOPBACK)


def settings(access: Access, url: str) -> tuple[tuple[str, str], ...]:
    """Git's settings for speaking to `url`, which is no name of a remote but what that name stands for."""
    if not access.token or transport(url) not in ("http", "https"):
        return ()
    if not takes_token(url):
        raise UsageError(f"{scrub(url)}: a token is not sent unencrypted: use https")
    login = base64.b64encode(f"{access.token_user}:{access.token}".encode()).decode()
    # The whole URL as the key is more specific than whatever else is configured for the host; the empty
    # value drops headers that others have set for it, because two logins are refused.
    return (
        (f"http.{url}.extraHeader", ""),
        (f"http.{url}.extraHeader", f"Authorization: Basic {login}"),
        ("http.followRedirects", "false"),
        ("credential.helper", ""),
    )


def variables(access: Access, outer: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for Git that hold for every remote."""
    found = {}
    if access.ssh_key or access.known_hosts or not (outer.get("GIT_SSH_COMMAND") or outer.get("GIT_SSH")):
        found = {"GIT_SSH_COMMAND": ssh_command(access), "GIT_SSH_VARIANT": "ssh"}
    # Set but empty, it keeps Git from falling back to a window that asks; what an operator set is kept.
    if access.token or not outer.get("GIT_ASKPASS"):
        found["GIT_ASKPASS"] = ""
    return found


def ssh_command(access: Access) -> str:
    """ssh that asks nothing and trusts only hosts that are known."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30"]
    words = ["ssh"]
    if access.known_hosts:
        options += [f"UserKnownHostsFile={_ssh_quoted(access.known_hosts)}", "GlobalKnownHostsFile=/dev/null"]
    if access.ssh_key:
        options.append("IdentitiesOnly=yes")
        words += ["-i", str(access.ssh_key.absolute())]
    for one in options:
        words += ["-o", one]
    return shlex.join(words)


def _ssh_quoted(path: Path) -> str:
    """A path inside an ssh option, where spaces part values and `%` begins a token."""
    return '"' + str(path.absolute()).replace("%", "%%") + '"'
