"""The diff that a job keeps for the jobs that come after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.cli.comparison import Comparison, document
from gitrel.cli.output import to_json

if TYPE_CHECKING:
    from gitrel.cli.session import Session

DIFF_FILE = "gitrel-diff.json"


def save_diff(folder: Path, found: Comparison, session: Session) -> Path | None:
    """The file in `folder`, or None (and a note) where it cannot be written."""
    path = folder / DIFF_FILE
    try:
        path.write_text(to_json(document(found)), encoding="utf-8")
    except OSError as error:
        session.note(f"{path}: cannot be written: {error.strerror}")
        return None
    return path
