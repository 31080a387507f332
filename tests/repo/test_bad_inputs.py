"""Each row of the table, word for word: what gitrel says, what it sets aside, and what it leaves alone."""

from __future__ import annotations

import re

import pytest

from gitrel.repo.check import blocking, check_repository
from tests.effort import at_most
from tests.repo.bad_inputs import catalog, layout, parameters, symlinks, yaml
from tests.repo.bad_inputs.case import Case, tree
from tests.repo.bad_inputs.page import PAGE, page

FAMILIES = {
    "layout": layout,
    "symlinks": symlinks,
    "yaml": yaml,
    "parameters": parameters,
    "catalog": catalog,
}
ROWS = {f"{family}-{case.id}": case for family, module in FAMILIES.items() for case in module.CASES}
BOMBS = {name: case for name, case in ROWS.items() if case.row == "43"}

every_row = pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
SAYS_WHAT_IS_ALLOWED = re.compile(
    r"must be|not allowed|is not a duration|longer than|has no unit|is either|has either"
)


def test_the_base_is_sound() -> None:
    """Without a case laid over it the repository has no problem, so that each row shows its own alone."""
    found, problems = check_repository(tree({}))
    assert problems == ()
    assert set(found.components) == {"frontend", "worker"}
    assert not found.broken


@every_row
def test_bad_input(case: Case) -> None:
    """The messages are exactly those of the table, in order; only the named components are set aside."""
    found, problems = check_repository(tree(case.files))
    assert tuple(map(str, problems)) == case.says
    assert set(found.broken) == set(case.broken)
    assert bool(blocking(problems)) is case.blocks
    assert not set(found.components) & set(found.broken)
    if not case.blocks:
        assert set(found.components) | set(found.broken) >= {"frontend", "worker"}


@every_row
def test_one_line_each_with_a_cure(case: Case) -> None:
    """Every message is one printable line of bounded length and says what to do, or what is allowed."""
    for problem in check_repository(tree(case.files))[1]:
        text = str(problem)
        assert text.isprintable()
        assert len(text) < 600
        assert problem.todo or SAYS_WHAT_IS_ALLOWED.search(text)


@pytest.mark.parametrize("case", BOMBS.values(), ids=BOMBS)
def test_bombs_cost_nothing(case: Case) -> None:
    """A file that wants to take memory or time is refused in a blink."""
    laid = tree(case.files)
    with at_most(cpu_seconds=0.5):
        _, found = check_repository(laid)
    assert found != ()


def test_every_row_is_answered() -> None:
    """The rows of the hardening list that concern reading all have at least one case."""
    answered = {case.row for case in ROWS.values()}
    rows = [*range(2, 7), *range(9, 21), *range(23, 27), 30, 39, *range(41, 48), *range(60, 66)]

    assert set(map(str, rows)) <= answered


def test_identifiers_are_unique() -> None:
    """A failing row can be named."""
    assert len(ROWS) == sum(len(module.CASES) for module in FAMILIES.values())


def test_strict_turns_warnings_into_errors() -> None:
    """With `strict` an unknown file breaks its component instead of being passed over."""
    files = {"apps/frontend/componnt.yaml": "a: 1"}
    relaxed, _ = check_repository(tree(files))
    strict, problems = check_repository(tree(files), strict=True)
    assert "frontend" in relaxed.components
    assert "frontend" in strict.broken
    assert "frontend" not in strict.components
    assert [problem.severity for problem in problems] == ["error"]


def test_the_page_is_fresh() -> None:
    """docs/reference/bad-input.md holds these very rows; `python -m tests.repo.bad_inputs.page` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()
