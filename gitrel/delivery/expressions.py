"""When an object is Current by what its component says: expressions over the live object.

A field that is not there yet is no failure: an expression that cannot be evaluated is not true, and where it
is `healthy` the object is on its way, with the reason said.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gitrel.delivery.readiness.status import Status, current, failed, in_progress, latest, raw_conditions
from gitrel.delivery.readiness.status import transition as transition_of
from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.syntax import parse
from gitrel.kube.cel.values import CelError, OverBudget
from gitrel.repo.model import HealthRule

STEPS_MAX = 100_000
"""Steps of one evaluation: some ten milliseconds."""

Object = Mapping[str, Any]


@lru_cache(maxsize=1024)
def _program(text: str) -> Program:
    return Program(parse(text))


def status_by(rule: HealthRule, obj: Object) -> Status:
    """`failed` is asked first, then `progressing`, then `healthy`. Never raises for odd content."""
    if _is_true(rule.failed, obj) == "":
        return failed(_message(rule, obj) or f"failed: {rule.failed}")
    if _is_true(rule.progressing, obj) == "":
        return in_progress(_message(rule, obj) or f"in progress: {rule.progressing}")
    why_not = _is_true(rule.healthy, obj)
    if why_not:
        return in_progress(_message(rule, obj) or f"not healthy yet: {why_not}")
    since = latest(*(transition_of(condition) for condition in raw_conditions(obj)))
    return current(_message(rule, obj) or "healthy", since)


def _is_true(expression: str, obj: Object) -> str:
    """Empty where the expression is true, else why it is not."""
    if not expression:
        return "there is no expression"
    try:
        value = _program(expression).run({"object": obj}, STEPS_MAX)[0]
    except CelError as error:
        return f"{expression}: {error}"
    except OverBudget:
        return f"{expression}: it takes more than {STEPS_MAX:,} steps"
    return "" if value is True else expression


def _message(rule: HealthRule, obj: Object) -> str:
    """The rule's own words; empty where it has none, or where they cannot be made of this object."""
    if not rule.message:
        return ""
    try:
        value = _program(rule.message).run({"object": obj}, STEPS_MAX)[0]
    except (CelError, OverBudget):
        return ""
    return value if isinstance(value, str) else ""
