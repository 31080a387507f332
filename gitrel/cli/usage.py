"""What the parser of the command line says about a bad value, in words for people who know no Python."""

from __future__ import annotations

import re

_PLAIN = (
    (r"Value error, (.*)", r"\1"),
    (r"Input should be a valid integer\b.*", "write a whole number"),
    (r"Input should be a valid number\b.*", "write a number"),
    (r"Input should be a valid boolean\b.*", "write true or false"),
    (r"Input should be greater than or equal to (.*)", r"must be at least \1"),
    (r"Input should be less than or equal to (.*)", r"may be at most \1"),
)
"""The words of pydantic, by which typer checks values, and what is said instead."""


def plain(message: str) -> str:
    """`message` without the checker's own words; as it is where it has none."""
    for pattern, words in _PLAIN:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return found.expand(words)
    return message
