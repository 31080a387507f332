"""What may be handed to Git as a revision, a ref, a remote or a path: checked before Git sees it.

Pure. Git's revision syntax can search messages, read the reflog, name files and ranges; and its commands
take anything that starts with a dash for an option. gitrel names commits, branches and tags, so it allows
those and refuses the rest with a sentence.
"""

from __future__ import annotations

import re

from gitrel.errors import UsageError
from gitrel.repo.git.scrub import scrub

SHA = re.compile(r"[0-9a-f]{40}\Z")
PROTOCOLS = ("file", "http", "https", "ssh")
"""Transports that a remote may use. `ext`, `fd` and other helpers run programs that a URL names."""

_REF_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|\.\Z|/\Z|\A[/.-]|\A@\Z")
_SUFFIX = re.compile(r"(?:[~^]\d{0,6})*\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(://|::)")
_SSH_SHORT = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!:)[^\s-]\S*\Z")
_REMOTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\Z")


def checked_ref(name: str) -> str:
    """A full ref such as `refs/heads/main`, by the rules of `git check-ref-format`."""
    if not name.startswith("refs/") or name.count("/") < 2 or not _is_ref_name(name):
        raise UsageError(f"{_shown(name)} is not a full ref: write it as refs/heads/NAME or refs/tags/NAME")
    return name


def checked_revision(revision: str) -> tuple[str, str]:
    """A commit, branch or tag with an optional `~N` or `^N` behind it, split in (name, suffix)."""
    cut = min((revision.find(c) for c in "~^" if c in revision), default=len(revision))
    name, suffix = revision[:cut], revision[cut:]
    if not name or not _is_ref_name(name) or not _SUFFIX.match(suffix):
        raise UsageError(f"{_shown(revision)} is not a revision: name one commit, branch or tag")
    return name, suffix


def _is_ref_name(name: str) -> bool:
    parts = name.split("/")
    return not _REF_BAD.search(name) and len(name) <= 1000 and not any(part.startswith("-") for part in parts)


def checked_remote(remote: str) -> str:
    """The name of a configured remote, a URL of an allowed scheme, or a path to another repository."""
    if any(char < " " or char == "\x7f" for char in remote) or not remote or remote.startswith("-"):
        raise UsageError(f"{_shown(remote)} is not a remote: name one, or give its URL")
    scheme = _SCHEME.match(remote)
    if scheme:
        if scheme[2] == "::" or scheme[1].lower() not in PROTOCOLS:
            raise UsageError(f"{_shown(remote)}: only {', '.join(PROTOCOLS)} remotes are allowed")
        if re.match(r"[^/]*://(?:[^/@]*@)*-", remote):
            raise UsageError(f"{_shown(remote)}: a host cannot start with a dash")
        return remote
    if remote.startswith(("/", "./", "../")) or _REMOTE_NAME.match(remote) or _SSH_SHORT.match(remote):
        return remote
    raise UsageError(f"{_shown(remote)} is not a remote: name one, or give its URL")


def checked_path(path: str) -> tuple[str, ...]:
    """A path inside the tree, in its parts. `.git` in any spelling of a careless file system is refused."""
    parts = tuple(path.split("/"))
    for part in parts:
        plain = part.rstrip(". ").casefold()
        if (
            part in ("", ".", "..")
            or plain in (".git", "git~1")
            or any(c < " " or c in "\\\x7f" for c in part)
        ):
            raise UsageError(f"{_shown(path)} is not a path inside the repository")
    return parts


def _shown(text: str) -> str:
    return repr(scrub(text[:200]))
