"""Rules for health are type-checked where they are written, and say at which line and character they fail."""

from __future__ import annotations

import pytest

from gitrel.repo.check import check_repository
from gitrel.repo.model import HealthRule
from tests.repo.bad_inputs.case import tree

BEGIN = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
spec:
  health:
  - group: example.com
    kind: Widget
"""
PLACE = "apps/frontend/component.yaml"


def problems(rules: str) -> list[str]:
    return [str(problem) for problem in check_repository(tree({PLACE: BEGIN + rules}))[1]]


def test_rules_become_part_of_the_component() -> None:
    """Every expression as it was written, with the place it was written at."""
    text = (
        BEGIN
        + "    healthy: object.status.ok\n    failed: object.status.bad\n    message: string(object.x)\n"
    )
    catalog, found = check_repository(tree({PLACE: text}))
    assert found == ()
    (rule,) = catalog.components["frontend"].health
    assert rule == HealthRule(
        "example.com", "Widget", "object.status.ok", "object.status.bad", "", "string(object.x)", rule.origin
    )
    assert str(rule.origin) == "apps/frontend/component.yaml:5"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "    healthy: objet.status.ok\n",
            ":7:5: spec.health[0].healthy: undeclared reference to 'objet' (in container '') at character 1: "
            "the live object is 'object', as in object.status.phase == 'Ready'",
        ),
        (
            "    healthy: 'true'\n    failed: object.x = 1\n",
            ":8:5: spec.health[0].failed: Syntax error: mismatched input '=' expecting '<EOF>' at "
            "character 10: the live object is 'object', as in object.status.phase == 'Ready'",
        ),
        (
            "    healthy: \"'yes'\"\n",
            ":7:5: spec.health[0].healthy gives string: it must give true or false",
        ),
        (
            "    healthy: object.a\n    message: 1 + 2\n",
            ":8:5: spec.health[0].message gives int: it must give text",
        ),
        (
            "    healthy: object.a\n    progressing: |\n      object.a &&\n      1 + 'a'\n",
            ":8:5: spec.health[0].progressing: found no matching overload for '_+_' applied to "
            "'(int, string)' at character 3 of its line 2: the live object is 'object', as in "
            "object.status.phase == 'Ready'",
        ),
        (
            "    healthy: object.a\n  - {group: example.com, kind: Widget, healthy: object.b}\n",
            ":8:5: a second rule for the health of 'Widget': join the two: one kind has one rule",
        ),
        ("    failed: object.a\n", ":5:5: spec.health[0].healthy is missing: write it"),
        (
            "    healthy: object.a\n  - {kind: widget, healthy: object.b}\n",
            ":8:6: spec.health[1].kind: 'widget' is not allowed: write it as in 'Widget'",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_line(rules: str, said: str) -> None:
    """File, line and column of the field, and the place within the expression."""
    assert problems(rules) == [PLACE + said]
