"""Every positional argument of every verb says in the help what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitrel.cli.main import build


def verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every verb below a command, with its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
    else:
        for part in list(below):
            yield from verbs(below[part], f"{name} {part}".strip())


ARGUMENTS = [
    (name, param.metavar or param.name, getattr(param, "help", None))
    for name, verb in verbs(build(), "")
    for param in verb.params
    if param.param_type_name == "argument"
]


@pytest.mark.parametrize(("verb", "argument", "help"), ARGUMENTS, ids=[f"{v} {a}" for v, a, _ in ARGUMENTS])
def test_every_argument_is_explained(verb: str, argument: str, help: str | None) -> None:
    """A sentence that ends in a full stop, as the options have one."""
    assert help
    assert help[0].isupper()
    assert help.endswith(".")


def test_there_are_arguments() -> None:
    """The list above is not empty because it was read wrongly."""
    assert len(ARGUMENTS) >= 25
