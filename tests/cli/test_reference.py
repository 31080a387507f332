"""If it can be typed or set, it stands in the reference pages, and the pages are fresh."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from gitrel.cli.main import build
from gitrel.cli.reference import FOLDER, pages, walk
from gitrel.config.settings import SETTINGS
from tests.cli.support import ROOT

WITHOUT_VARIABLE = {"help", "version", "install_completion", "show_completion"}
"""Root options that act and leave; there is nothing to preset."""


@cache
def written_now() -> Mapping[str, str]:
    """Once for all tests: every verb's parameters are read for it."""
    return pages()


def commands() -> list[tuple[str, Any]]:
    root = build()
    return [("", root), *walk(root)]


def test_the_pages_are_fresh() -> None:
    """`python -m gitrel.cli.reference` was run after the last change."""
    for name, text in written_now().items():
        assert (ROOT / FOLDER / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize(
    ("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_flag_is_documented(name: str, command: Any) -> None:
    """Each verb has a heading and a sentence, and each of its flags a help and a variable."""
    page = written_now()["cli.md"]
    assert f"### gitrel {name}\n" in page or not name
    assert command.help.strip().split("\n")[0].endswith(".")
    for param in command.params:
        if param.param_type_name != "option" or param.hidden:
            continue
        assert param.help, param.name
        assert all(f"`{flag}`" in page for flag in param.opts)
        if name or param.name not in WITHOUT_VARIABLE:
            assert param.envvar in {setting.variable for setting in SETTINGS.values()}, (name, param.name)


def test_every_setting_is_used_and_documented() -> None:
    """No row of the table is a dead letter: some verb reads its variable, and the page lists it."""
    used = {param.envvar for _, command in commands() for param in command.params}
    assert {setting.variable for setting in SETTINGS.values()} - used == set()
    assert all(f"`{setting.variable}`" in written_now()["settings.md"] for setting in SETTINGS.values())


def test_no_two_settings_share_a_variable_or_mean_two_things() -> None:
    """A variable presets one thing only, and a help text is a whole sentence."""
    variables = [setting.variable for setting in SETTINGS.values()]
    assert len(set(variables)) == len(variables)
    assert all(setting.help.endswith(".") for setting in SETTINGS.values())
