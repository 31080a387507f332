"""An expression read and evaluated in one step, as most tests of the language want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.syntax import parse


def evaluate(text: str, variables: Mapping[str, Any], budget: int = 1_000_000) -> Any:
    """Raises BadExpression, CelError, OverBudget."""
    return Program(parse(text)).run(variables, budget)[0]
