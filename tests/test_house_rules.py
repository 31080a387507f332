"""The rules of this suite, read from its own modules: a test says what it proves, and sleeps on no guess.

The rooms with real servers of others look at the real clock, and keep rules of their own about waiting.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
REAL = ("realcluster/", "e2e_kubectl/")
WAITING = "waiting.py"
"""The one place that sleeps between two looks, with a deadline and a sentence."""
LINES_MAX = 500
UNREASONED = re.compile(r"# type: ignore(?!\[[a-z, -]+\]\s+#\s*\S)")


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    found = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.rglob("*.py")}
    assert len(found) > 300
    return found


def test_every_test_says_what_it_proves(sources: dict[str, str]) -> None:
    """A docstring on each test and on each module: who reads a failure knows what it means."""
    silent = []
    for place, source in sources.items():
        tree = ast.parse(source)
        if not place.endswith("__init__.py") and not ast.get_docstring(tree):
            silent.append(place)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                silent += [] if ast.get_docstring(node) else [f"{place}:{node.lineno} {node.name}"]
    assert silent == []


def test_nothing_sleeps_on_a_guess(sources: dict[str, str]) -> None:
    """What is virtual is advanced, what is real is waited for: `tests.waiting` holds the only sleep."""
    asleep = [
        f"{place}:{node.lineno}"
        for place, source in sources.items()
        if place != WAITING and not place.startswith(REAL)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("sleep", "time.sleep", "asyncio.sleep")
        and ast.unparse(node) != "asyncio.sleep(0)"  # which lets others have their turn
    ]
    assert asleep == []


def test_an_unchecked_line_says_why(sources: dict[str, str]) -> None:
    """A helper gets a signature; where a library leaves no other way, the reason stands beside it."""
    unreasoned = [
        f"{place}:{number}"
        for place, source in sources.items()
        if not place.startswith(REAL)
        for number, line in enumerate(source.splitlines(), 1)
        if UNREASONED.search(line) and "re.compile" not in line
    ]
    assert unreasoned == []


def test_a_module_has_one_subject(sources: dict[str, str]) -> None:
    """One that grows beyond a few hundred lines hides a second idea, or a table for a file of its own."""
    rooms = {place: source for place, source in sources.items() if not place.startswith(REAL)}
    assert {place for place, source in rooms.items() if source.count("\n") > LINES_MAX} == set()
