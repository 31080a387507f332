"""Semantic versions (apiserver `pkg/cel/library/semverlib.go`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gitrel.kube.cel.library import TABLE, function, method
from gitrel.kube.cel.values import CelError

_S = "kubernetes.Semver"
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Semver:
    numbers: tuple[int, int, int]
    prerelease: tuple[Any, ...]
    """Pairs that sort as the specification has it: numbers before words."""
    cel_type = _S

    @property
    def rank(self) -> tuple[Any, ...]:
        return (self.numbers, not self.prerelease, self.prerelease)


def _parsed(text: str, *, lenient: bool) -> Semver:
    if len(text) > 256:
        raise ValueError("too long")
    if lenient:
        core, sep, rest = text.strip().removeprefix("v").partition("-")
        parts = [part.lstrip("0") or "0" for part in core.split(".")]
        text = ".".join([*parts, *["0"] * (3 - len(parts))]) + sep + rest
    found = _VERSION.match(text)
    if found is None:
        raise ValueError("no semantic version")
    words = found[4].split(".") if found[4] else []
    prerelease = tuple((0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words)
    return Semver((int(found[1]), int(found[2]), int(found[3])), prerelease)


@function("semver", f"string -> {_S}", f"string bool -> {_S}")
def semver(text: str, lenient: bool = False) -> Semver:
    try:
        return _parsed(text, lenient=lenient)
    except ValueError:
        raise CelError(f'No Major.Minor.Patch elements found in "{text}"') from None


@function("isSemver", "string -> bool", "string bool -> bool")
def is_semver(text: str, lenient: bool = False) -> bool:
    try:
        _parsed(text, lenient=lenient)
    except ValueError:
        return False
    return True


for _place, _name in enumerate(("major", "minor", "patch")):
    TABLE.add(_name, f"{_S} -> int", lambda one, place=_place: one.numbers[place], method=True)


@method("isLessThan", f"{_S} {_S} -> bool")
def is_less(one: Semver, other: Semver) -> bool:
    return one.rank < other.rank


@method("isGreaterThan", f"{_S} {_S} -> bool")
def is_greater(one: Semver, other: Semver) -> bool:
    return one.rank > other.rank


@method("compareTo", f"{_S} {_S} -> int")
def compare(one: Semver, other: Semver) -> int:
    return (one.rank > other.rank) - (one.rank < other.rank)
