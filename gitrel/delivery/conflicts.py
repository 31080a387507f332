"""Fields that somebody else manages: who and which, out of the server's message, and what is done about them.

A field is never taken over silently. `refuse` stops the release, `force` takes the field, `yield` leaves it
to its manager; an object says which by `gitrel.dev/conflicts`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.backends.backend import Refused
from gitrel.delivery.labels import COMPONENT, ENVIRONMENT, MANAGED_BY, PART_OF
from gitrel.kube.directives import CONFLICTS, Directives
from gitrel.kube.fieldpaths import Path, resolve, without
from gitrel.kube.identity import Object, Ref, ref_of

Policy = Literal["refuse", "force", "yield"]
Ask = Callable[[Object, bool], Object | Refused]
"""Asks the server what applying an object would give, by force or not. Nothing is written."""
ROUNDS_MAX = 5
_MANAGER = re.compile(r'conflicts? with "([^"]+)"')
_FIELD = re.compile(r"(?:^|[\s-])((?:\.[^\s\[\]]+|\[[^\]]*\])+)")
_OURS = frozenset((MANAGED_BY, COMPONENT, ENVIRONMENT, PART_OF))


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody else manages. `origin` is `file:line` of the template."""

    ref: Ref
    manager: str
    field: str
    origin: str = ""

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        what = f"{place}{self.ref}: {self.field or 'a field'} is managed by {self.manager}"
        return f"{what}: leave it out, or say what to do with {CONFLICTS}: force or yield"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be applied for one object, and what the server answered when it was asked. `notes` say what
    was done about contested fields; `answer` is None where nobody was asked."""

    object: Object
    answer: Object | Refused | None = None
    force: bool = False
    notes: tuple[str, ...] = ()


def is_conflict(answer: Object | Refused | None) -> bool:
    """Whether the server refuses because of other managers, and not because it was busy with the object."""
    return isinstance(answer, Refused) and answer.reason == "Conflict" and not is_race(answer)


def is_race(refused: Refused) -> bool:
    """Whether somebody wrote the object in the same moment: asking again answers it."""
    busy = "the object has been modified" in refused.message or "Operation cannot be fulfilled" in str(
        refused
    )
    return (refused.reason == "Conflict" and busy) or refused.reason == "AlreadyExists"


def conflicts_in(ref: Ref, refused: Refused) -> Iterator[Conflict]:
    """Manager and field of each conflict that the server's message names (apimachinery
    `managedfields/internal/conflict.go`): `conflict with "kubectl" using apps/v1: .spec.replicas`."""
    text = str(refused)
    starts = list(_MANAGER.finditer(text))
    if not starts:
        yield Conflict(ref, "another manager", "")
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        part = text[start.end() : following.start() if following else None]
        fields = [match[1].lstrip(".").rstrip(",;") for match in _FIELD.finditer(part)]
        for field in fields or [""]:
            yield Conflict(ref, start[1], field)


def policy_for(directives: Directives, *, adopting: bool, healing: bool) -> Policy:
    """What the object says; where it says nothing, fields are taken with an object that is adopted, and taken
    back where exactly this release had set them before, and nowhere else."""
    return directives.conflicts or ("force" if adopting or healing else "refuse")


def tried(obj: Object, policy: Policy, ask: Ask) -> Trial:
    """Asks the server, and does about conflicts what the policy says. Where a field cannot be given up, the
    conflict stands in the answer."""
    answer = ask(obj, False)
    if not isinstance(answer, Refused) or not is_conflict(answer) or policy == "refuse":
        return Trial(obj, answer)
    ref = ref_of(obj)
    if policy == "force":
        return Trial(obj, ask(obj, True), True, (f"takes {_told(conflicts_in(ref, answer), 'from')}",))
    given_up: list[Conflict] = []
    lesser = obj
    for _ in range(ROUNDS_MAX):
        contested = list(conflicts_in(ref, answer))
        paths = [_path(lesser, conflict.field) for conflict in contested]
        if None in paths:
            break
        for path in paths:
            lesser = without(lesser, path or ())
        given_up += contested
        answer = ask(lesser, False)
        if not isinstance(answer, Refused) or not is_conflict(answer):
            return Trial(lesser, answer, notes=(f"leaves {_told(given_up, 'to')}",))
    return Trial(obj, answer)


def _path(obj: Mapping[str, Any], field: str) -> Path | None:
    """The field in the object; None where it cannot be found, or says whose the object is."""
    path = resolve(obj, f".{field}") if field else None
    return None if path and path[:2] == ("metadata", "labels") and path[-1] in _OURS else path


def _told(conflicts: Iterable[Conflict], word: str) -> str:
    """`spec.replicas and data.a from kubectl, data.b from helm`."""
    by_manager: dict[str, list[str]] = {}
    for conflict in conflicts:
        by_manager.setdefault(conflict.manager, []).append(conflict.field or "a field")
    return ", ".join(f"{' and '.join(fields)} {word} {manager}" for manager, fields in by_manager.items())
