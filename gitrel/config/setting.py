"""One setting: a row of the table in `settings.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PREFIX = "GITREL_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `shown` is how the default reads where its value does not speak for itself.

    Two verbs that give one flag different meanings (`--to`) have two rows, and so two variables.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    default: Any = None
    metavar: str = ""
    shown: str = ""

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()
