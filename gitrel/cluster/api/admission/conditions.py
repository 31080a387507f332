"""Match conditions: expressions that all have to hold before a webhook or a policy is asked at all.

One that is false decides, whatever else went wrong; what went wrong is otherwise up to the failure policy
(apiserver `pkg/admission/plugin/webhook/matchconditions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.admission.declared import CONDITIONS_STEPS, PER_CALL_STEPS
from gitrel.cluster.api.admission.environment import Environment
from gitrel.cluster.api.admission.plugin import Attributes
from gitrel.kube.cel import syntax
from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.tree import BadExpression
from gitrel.kube.cel.values import CelError, OverBudget

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


@dataclass(frozen=True, slots=True)
class Condition:
    """`program` is None for a text that is no expression, which only a trusted writer can have stored."""

    text: str
    program: Program | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    rows: Sequence[Condition]
    fails: bool
    """What goes wrong refuses the write; else it means that the condition does not hold."""

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], *, fails: bool) -> Conditions:
        return cls([_compiled(row["expression"].strip()) for row in rows], fails)


def _compiled(text: str) -> Condition:
    try:
        return Condition(text, Program(syntax.parse(text)))
    except BadExpression as wrong:
        return Condition(text, None, f"compilation failed: {wrong}")


class NotEvaluated(Exception):
    """What went wrong with conditions, in a sentence."""


def outcome(rows: Sequence[Condition], variables: Mapping[str, Any], budget: int = CONDITIONS_STEPS) -> bool:
    """Whether all of them hold. Raises NotEvaluated where none is false, but some cannot be evaluated."""
    faults, left = [], budget
    for row in rows:
        try:
            if row.program is None:
                raise CelError(row.fault)
            value, steps = row.program.run(variables, min(left, PER_CALL_STEPS))
            left -= steps
            if value is False:
                return False
        except CelError as wrong:
            faults.append(f"expression '{row.text}' resulted in error: {wrong}")
        except OverBudget:
            faults.append(OUT_OF_BUDGET)
            break
    if faults:
        raise NotEvaluated(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return True


def holds(conditions: Conditions, environment: Environment, attributes: Attributes) -> bool:
    """Raises ApiError 403 where that cannot be said and failing was asked for."""
    if not conditions.rows:
        return True
    try:
        return outcome(conditions.rows, environment.variables)
    except NotEvaluated as wrong:
        if conditions.fails:
            raise attributes.forbidden(str(wrong)) from None
        return False
