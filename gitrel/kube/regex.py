"""Regular expressions of strangers: Go's syntax (RE2) as far as it goes, always in time linear in the text.

Python's own `re` backtracks, and a pattern of ten characters can keep it busy for hours. Matching is done by
the engine that jsonschema-rs brings along, which does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jsonschema_rs

PATTERN_MAX = 4096
"""Characters of a pattern."""

_POSIX = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:ascii:]": r"\x00-\x7F",
    "[:blank:]": r"\t ",
    "[:cntrl:]": r"\x00-\x1F\x7F",
    "[:digit:]": "0-9",
    "[:graph:]": "!-~",
    "[:lower:]": "a-z",
    "[:print:]": " -~",
    "[:punct:]": r"!-/:-@\[-`{-~",
    "[:space:]": r"\t\n\v\f\r ",
    "[:upper:]": "A-Z",
    "[:word:]": "0-9A-Za-z_",
    "[:xdigit:]": "0-9A-Fa-f",
}


class BadPattern(ValueError):
    """Not a regular expression, or one that cannot be matched in linear time."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Callable[[str], bool]:
    """A test whether the pattern is found anywhere in a text. Raises BadPattern."""
    if len(pattern) > PATTERN_MAX:
        raise BadPattern(f"the pattern is longer than {PATTERN_MAX} characters")
    expanded = pattern
    if "[:" in pattern:
        for name, members in _POSIX.items():
            expanded = expanded.replace(name, members)
    try:
        validator = jsonschema_rs.validator_for(
            {"pattern": expanded}, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError:
        raise BadPattern(f"error parsing regexp: {pattern!r} is not a regular expression") from None
    found: Callable[[str], bool] = validator.is_valid
    return found
