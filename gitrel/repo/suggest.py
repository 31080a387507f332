"""Words for people who mistyped a name: the nearest known one, and what the eye cannot see."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_LONGEST = 100
"""Longer than this it is no slip of the finger, and comparing would take quadratic time."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'replicas'?)`, or "" if nothing known is near."""
    if len(name) > _LONGEST:
        return ""
    candidates = sorted(set(known))
    folded = {candidate.casefold(): candidate for candidate in candidates}
    near = folded.get(name.casefold())
    close = [near] if near else difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def have(names: Iterable[str], most: int = 12) -> str:
    """`(have: v1, v2)` for a message that something does not exist."""
    listed = list(names)
    more = f", … {len(listed) - most} more" if len(listed) > most else ""
    return f"(have: {', '.join(listed[:most])}{more})" if listed else "(there are none)"


def unknown(name: str, known: Iterable[str]) -> str:
    """What ends a message about a name that does not exist: the name, the nearest, and what there is."""
    names = list(known)
    return f"{visible(name)}{did_you_mean(name, names)} {have(names)}"


def escaped(text: str) -> str:
    """`text` on one line, with everything that does not print written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible(text: str, most: int = 60) -> str:
    """`text` in quotes with everything invisible escaped, followed by the code points of characters that
    look like others: letters outside ASCII and every kind of space."""
    cut = text if len(text) <= most else text[:most] + "…"
    shown = escaped(cut)
    odd = [c for c in dict.fromkeys(cut) if (not c.isascii() or c.isspace()) and c != "…"]
    if not odd:
        return f"'{shown}'"
    points = ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in odd[:3])
    return f"'{shown}' ({points})"
