"""What would become of objects in many environments, told once where the environments agree.

Two environments agree when the same lines change at the same fields. The lines around them may differ (five
replicas here, two there), so a group shows the surroundings of its first environment and says so.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gitrel.delivery.classify import SORTS, Path, Sort, changed_paths, sorts_of
from gitrel.delivery.written import comparable, differs, to_yaml
from gitrel.kube.identity import Ref

Object = Mapping[str, Any]
Word = Literal["created", "configured", "deleted"]
WORDS: tuple[Word, ...] = get_args(Word)
Mask = Callable[[Object], Object]
CONTEXT_LINES = 3
ONLY_HIDDEN = "@@ only hidden values differ @@"


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object in one environment. `lines` are the hunks of a unified diff."""

    component: str
    environment: str
    ref: Ref
    word: Word
    sorts: tuple[Sort, ...]
    lines: tuple[str, ...]
    paths: tuple[Path, ...]
    """The fields that change; empty for an object that comes or goes."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What two environments must share to be told together."""
        changed = tuple(line for line in self.lines if line[:1] in "+-")
        return self.component, self.ref.group, self.ref.kind, self.ref.name, self.word, self.paths, changed


@dataclass(frozen=True, slots=True)
class Group:
    """One change, and every environment in which it is the same."""

    component: str
    kind: str
    api_group: str
    name: str
    namespaces: tuple[str, ...]
    environments: tuple[str, ...]
    word: Word
    sorts: tuple[Sort, ...]
    lines: tuple[str, ...]
    surroundings_differ: bool = False
    """Whether lines that do not change are not the same everywhere; shown are the first environment's."""

    @property
    def object_name(self) -> str:
        """`Deployment shop/web`, as `Ref` writes it; several namespaces are joined by commas."""
        return str(Ref(self.api_group, self.kind, ",".join(self.namespaces), self.name))

    @property
    def gravity(self) -> tuple[int, ...]:
        """Sorts groups so that what most needs a look comes first."""
        order = list(SORTS)
        return tuple(order.index(sort) for sort in self.sorts) or (len(order),)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much changes: objects by word, counted once per environment, and groups by sort."""

    words: Mapping[str, int]
    sorts: Mapping[str, int]
    environments: tuple[str, ...]
    components: tuple[str, ...]

    def __str__(self) -> str:
        """`2 created, 1 configured, 0 deleted in 3 environments (image 1, other 2)`."""
        words = ", ".join(f"{self.words[word]} {word}" for word in WORDS)
        places = f"{len(self.environments)} environment" + "s" * (len(self.environments) != 1)
        sorts = ", ".join(f"{sort} {count}" for sort, count in self.sorts.items())
        return f"{words} in {places}" + (f" ({sorts})" if sorts else "")


def changes(
    component: str, environment: str, before: Mapping[Ref, Object], after: Mapping[Ref, Object], mask: Mask
) -> Iterator[Change]:
    """Every object that is not the same in both, in the order of its identity; shown as `mask` shows it."""
    for ref in sorted({*before, *after}):
        old, new = before.get(ref), after.get(ref)
        # Compared as they are and shown masked: a change of a hidden value is still a change.
        if differs(old, new):
            word: Word = "created" if old is None else "deleted" if new is None else "configured"
            paths = tuple(changed_paths(comparable(old), comparable(new))) if old and new else ()
            lines = _hunks(_text(old, mask), _text(new, mask))
            yield Change(component, environment, ref, word, sorts_of(old, new), lines, paths)


def _text(obj: Object | None, mask: Mask) -> list[str]:
    return [] if obj is None else to_yaml(mask(comparable(obj))).splitlines()


def _hunks(old: list[str], new: list[str]) -> tuple[str, ...]:
    found = difflib.unified_diff(old, new, lineterm="", n=CONTEXT_LINES)
    # The first two lines name files; what is compared here has a name of its own.
    return tuple(found)[2:] or (ONLY_HIDDEN,)


def grouped(found: Iterable[Change]) -> tuple[Group, ...]:
    """One group per change, in the order in which the changes first came."""
    agreeing: dict[tuple[object, ...], list[Change]] = {}
    for change in found:
        agreeing.setdefault(change.identity, []).append(change)
    return tuple(_group(same) for same in agreeing.values())


def _group(same: list[Change]) -> Group:
    first = same[0]
    return Group(
        component=first.component,
        kind=first.ref.kind,
        api_group=first.ref.group,
        name=first.ref.name,
        namespaces=tuple(dict.fromkeys(change.ref.namespace for change in same if change.ref.namespace)),
        environments=tuple(change.environment for change in same),
        word=first.word,
        sorts=first.sorts,
        lines=first.lines,
        surroundings_differ=any(_without_numbers(c.lines) != _without_numbers(first.lines) for c in same),
    )


def _without_numbers(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Without the line numbers of `@@`: they shift where a longer object stands around the same change."""
    return tuple("@@" if line.startswith("@@") else line for line in lines)


def counts(groups: Iterable[Group]) -> Counts:
    """What `groups` add up to. Environments and components come in the order in which they first appear."""
    groups = tuple(groups)
    words: Counter[str] = Counter(dict.fromkeys(WORDS, 0))
    for group in groups:
        words[group.word] += len(group.environments)
    sorts = Counter(sort for group in groups for sort in group.sorts)
    return Counts(
        words={word: words[word] for word in WORDS},
        sorts={sort: sorts[sort] for sort in SORTS if sorts[sort]},
        environments=tuple(dict.fromkeys(name for group in groups for name in group.environments)),
        components=tuple(dict.fromkeys(group.component for group in groups)),
    )
