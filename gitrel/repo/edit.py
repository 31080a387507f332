"""From an intent to file changes: what one commit of gitrel's alters, as data, and what its message says.

Pure. A pointer is written in one of two forms, and moving it changes one symbolic link and nothing else:

    link      apps/frontend/canary -> v2
    folder    apps/frontend/staging/templates -> ../v2     beside staging-parameters.yaml

Messages end in trailers that say which rollout moved what and why. A reason comes from people, so it may
hold anything: it is folded into one line, control characters are shown escaped, and no text can forge or
double a trailer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from gitrel.errors import UsageError
from gitrel.repo import layout
from gitrel.repo.tree import Entry, Link

TRAILER_LENGTH_MAX = 2000
"""Characters of one trailer's value; a longer reason ends in `…` here and stands whole in the journal."""

_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): (\S.*)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PutFile:
    """`path` holds `data` afterwards. All paths are relative to the root, with `/` between their parts."""

    path: str
    data: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class PutLink:
    """`path` is a symbolic link afterwards, with exactly this target."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Delete:
    """`path`, a file, a link or a whole folder, is gone afterwards."""

    path: str


FileChange = PutFile | PutLink | Delete


@dataclass(frozen=True, slots=True)
class PlacedPointer:
    """Where an environment's pointer stands in one tree. `version` is empty where the link is to be made."""

    path: str
    form: Literal["link", "folder"]
    version: str


class Lookup(Protocol):
    """What is asked of a tree: a `RawTree`, or one that is read only where somebody looks."""

    def get(self, path: str) -> Entry | None: ...

    def is_folder(self, path: str) -> bool: ...


def find_pointer(tree: Lookup, component: str, environment: str) -> PlacedPointer:
    """Where the pointer stands in `tree`, or where it would have to be made.

    A folder of the environment's own, with parameters but no link yet, asks for the folder form.
    """
    path = _bare_path(component, environment)
    inner = layout.pointer_templates(component, environment)
    match tree.get(path):
        case Link(target):
            return PlacedPointer(path, "link", target)
        case None if tree.is_folder(path):
            link = tree.get(inner)
            return PlacedPointer(
                inner, "folder", link.target.removeprefix("../") if isinstance(link, Link) else ""
            )
        case None:
            return PlacedPointer(path, "link", "")
    raise UsageError(f"{path} is no symbolic link: make it one, such as {environment} -> v1")


def move_pointer(tree: Lookup, component: str, environment: str, version: str) -> tuple[FileChange, ...]:
    """What points `environment` at `version`, in the form that is in use; nothing where it does already.

    Raises UsageError for a version that the component does not have, or a name that cannot be a path.
    """
    pointer = find_pointer(tree, component, environment)
    folder = layout.version_folder(component, version)
    if not layout.is_version(version) or not tree.is_folder(folder):
        raise UsageError(f"{component} has no version {_shown(version)}: {_shown(folder)} does not exist")
    return _link(pointer, version)


def _link(pointer: PlacedPointer, version: str) -> tuple[FileChange, ...]:
    if pointer.version == version:
        return ()
    return (PutLink(pointer.path, version if pointer.form == "link" else f"../{version}"),)


def _bare_path(component: str, environment: str) -> str:
    for name in (component, environment):
        if not layout.is_name(name):
            raise UsageError(f"{_shown(name)} cannot be a name here: use {layout.NAME_RULE}")
    return layout.pointer_path(component, environment)


def _shown(name: str) -> str:
    return repr(name[:80])


# ── Commit messages ─────────────────────────────────────────────────────────────────────────────────────


def pointer_message(
    component: str, environment: str, version: str, *, rollout: int | None, because: str
) -> str:
    """The message of a commit that moves one pointer; `rollout` is None where it is only proposed."""
    trailers = {
        "Gitrel-Rollout": "" if rollout is None else str(rollout),
        "Gitrel-Component": component,
        "Gitrel-Environment": environment,
        "Gitrel-Version": version,
        "Gitrel-Reason": because,
    }
    return commit_message(f"Point {component} in {environment} at {version}", because, trailers)


def commit_message(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """Subject, one paragraph, and a last paragraph of trailers. Empty values are left out."""
    lines = [f"{name}: {one_line(value)}" for name, value in trailers.items() if one_line(value)]
    said = one_line(body)
    if _TRAILER.match(said):
        said = f"“{said}”"  # so that it cannot pass for a trailer where none follows
    parts = [one_line(subject, 200) or "Change", said, "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def parse_trailers(message: str) -> dict[str, str]:
    """The `Gitrel-…` trailers of a message, as `commit_message` writes them.

    Strict, because a message may have been written by anybody: only the last paragraph counts, each of
    its lines must be a trailer, and a trailer that is given twice makes the whole message count for nothing.
    """
    paragraphs = message.rstrip("\n").split("\n\n")
    found: dict[str, str] = {}
    for line in paragraphs[-1].split("\n") if len(paragraphs) > 1 else []:
        match = _TRAILER.match(line)
        if not match or (match[1] in found and match[1].startswith("Gitrel-")):
            return {}
        found[match[1]] = match[2]
    return {name: value for name, value in found.items() if name.startswith("Gitrel-")}


def one_line(text: str, length_max: int = TRAILER_LENGTH_MAX) -> str:
    """`text` as one harmless line: white space folded, control and direction characters shown escaped."""
    folded = " ".join(text[: 4 * length_max].split())
    shown = "".join(_escaped(char) for char in folded)
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"


def _escaped(char: str) -> str:
    """Cc, Cf, Cs, Co, Cn and the line and paragraph separators: invisible, or able to turn text around."""
    if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in ("Zl", "Zp"):
        return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
    return char
