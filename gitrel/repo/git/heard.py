"""When each remote was last heard: one note in the Git directory, so that old news can be told as old."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from gitrel.clock import format_duration, format_instant, parse_instant

NOTE = "gitrel-heard.json"
REMOTES_MAX = 20


def note(git_dir: Path, remote: str, at: datetime) -> None:
    """Remembers that `remote` answered. A disk that is full or read-only loses the note and nothing else."""
    notes = _read(git_dir)
    notes[_key(remote)] = format_instant(at)
    newest = dict(sorted(notes.items(), key=lambda item: item[1])[-REMOTES_MAX:])
    with contextlib.suppress(OSError):
        temporary = git_dir / f"{NOTE}.{os.getpid()}"
        temporary.write_text(json.dumps(newest) + "\n", encoding="utf-8")
        temporary.replace(git_dir / NOTE)


def last(git_dir: Path, remote: str) -> datetime | None:
    try:
        return parse_instant(_read(git_dir)[_key(remote)])
    except (KeyError, ValueError):
        return None


def told(git_dir: Path, remote: str, now: datetime) -> str:
    """How old what is known of the remote is, as the end of a sentence; empty where that is not known."""
    at = last(git_dir, remote)
    if at is None:
        return ""
    age = timedelta(seconds=max(int((now - at).total_seconds()), 0))
    return f"; it was last heard {format_duration(age)} ago, at {format_instant(at)}"


def _read(git_dir: Path) -> dict[str, str]:
    try:
        notes = json.loads((git_dir / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in notes.items() if isinstance(v, str)} if isinstance(notes, dict) else {}


def _key(remote: str) -> str:
    """Not the URL itself, which may hold a login."""
    return hashlib.sha256(remote.encode()).hexdigest()[:16]
