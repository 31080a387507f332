"""What would become of objects, one change each with a readable diff, for people and for machines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.cli.output import Item
from gitrel.delivery.diff import comparable, differs, to_yaml
from gitrel.kube.identity import Ref
from gitrel.telemetry.masking import MASKER

Object = Mapping[str, Any]
Word = Literal["created", "configured", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object. `lines` is a unified diff of its YAML, Secrets hidden."""

    component: str
    environment: str
    ref: Ref
    word: Word
    lines: tuple[str, ...]

    def as_json(self) -> Item:
        return {
            "component": self.component,
            "environment": self.environment,
            "kind": self.ref.kind,
            "namespace": self.ref.namespace,
            "name": self.ref.name,
            "change": self.word,
            "diff": "".join(f"{line}\n" for line in self.lines),
        }


def changes(
    component: str,
    environment: str,
    before: Mapping[Ref, Object],
    after: Mapping[Ref, Object],
    *,
    show_secrets: bool,
) -> Iterator[Change]:
    """Every object that is not the same in both, in the order of its identity."""
    for obj in (*before.values(), *after.values()):
        MASKER.learn_object(obj)
    for ref in sorted({*before, *after}):
        old, new = before.get(ref), after.get(ref)
        # Compared as they are and shown masked: a change of a hidden value is still a change.
        if differs(old, new):
            word: Word = "created" if old is None else "deleted" if new is None else "configured"
            lines = _lines(
                f"{environment}/{component} {ref}", _text(old, show_secrets), _text(new, show_secrets)
            )
            yield Change(component, environment, ref, word, lines)


def _lines(title: str, old: str, new: str) -> tuple[str, ...]:
    names = f"{title} (before)", f"{title} (after)"
    lines = tuple(difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""))
    return lines or (f"--- {names[0]}", f"+++ {names[1]}", "@@ only hidden values differ @@")


def _text(obj: Object | None, show_secrets: bool) -> str:
    if obj is None:
        return ""
    shown = comparable(obj)
    return to_yaml(shown if show_secrets else MASKER.manifest(shown))


def summary(found: list[Change]) -> str:
    """`2 created, 1 configured, 0 deleted`, which is what people look for at the end of a long diff."""
    words: tuple[Word, ...] = ("created", "configured", "deleted")
    return ", ".join(f"{sum(change.word == word for change in found)} {word}" for word in words)
