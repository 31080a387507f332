"""A log line as a person reads it: when, how grave, what, where, why, and then the details in few characters.

    2026-01-31T12:00:00Z info     environment.phase web asia: v2 is due  digest=3fa94c1b2d7e to=applying

JSON is for machines and holds everything in full; here digests and commits are cut to what tells them apart,
keys lose the prefix that keeps them apart in JSON, and nothing is written as Python would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gitrel.telemetry.text import clean

PREFIX = "data_"
"""What the event stream's own fields begin with in JSON (`sinks`)."""
_DIGEST = re.compile(r"\b(?:sha256:)?([0-9a-f]{12})(?:[0-9a-f]{52}|[0-9a-f]{28})\b")
"""A SHA-256, with or without its name, or a Git commit; twelve digits tell them apart."""
_PLAIN = re.compile(r"[^\s\"=]+")
_FRACTION = re.compile(r"\.\d+(?=Z$)")


def render_line(logger: Any, method: str, event: Mapping[str, Any]) -> str:
    """One line whatever is in it, except for a traceback, which keeps its lines."""
    fields = dict(event)
    at = _FRACTION.sub("", str(fields.pop("timestamp", "")))
    head = f"{at} {fields.pop('level', ''):8} {fields.pop('event', '')}"
    exception = fields.pop("exception", "")
    for name in ("component", "environment"):
        if place := fields.pop(name, ""):
            head += f" {place}"
    if message := fields.pop("message", ""):
        head += f": {message}"
    shown = {key.removeprefix(PREFIX): _shown(value) for key, value in fields.items()}
    pairs = " ".join(f"{key}={shown[key]}" for key in sorted(shown) if shown[key])
    line = clean(_DIGEST.sub(r"\1", "  ".join(filter(None, (head, pairs)))).strip())
    return line + ("\n" + clean(str(exception), keep="\n") if exception else "")


def _shown(value: Any) -> str:
    """Empty for what says nothing. Text with spaces is quoted; lists and maps are written as people do."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{_shown(item)}" for key, item in sorted(value.items()) if item)
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(_shown, value))
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
