"""What a component says about the health of its objects: expressions, type-checked where they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gitrel.errors import Problem
from gitrel.repo import schema
from gitrel.repo.model import HealthRule, Origin
from gitrel.repo.suggest import escaped, visible
from gitrel.repo.yamlfile import PathStep

Places = Mapping[tuple[PathStep, ...], tuple[int, int]]
_ERROR = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<says>[^\n]*)")


def health_rules(
    written: Sequence[schema.HealthFields], places: Places, file: str
) -> tuple[tuple[HealthRule, ...], tuple[Problem, ...]]:
    """The rules in the order in which they are written, and what is wrong with them, each at its own line."""
    rules: list[HealthRule] = []
    problems: list[Problem] = []
    for index, fields in enumerate(written):
        path = ("spec", "health", index)
        line, column = places.get(path, (1, 1))
        rule = HealthRule(
            fields.group, fields.kind, fields.healthy, fields.failed, fields.progressing, fields.message,
            Origin(file, line, column),
        )  # fmt: skip
        if any((rule.group, rule.kind) == (other.group, other.kind) for other in rules):
            what = f"a second rule for the health of {visible(fields.kind)}"
            problems.append(Problem(file, line, column, what, "join the two: one kind has one rule"))
        rules.append(rule)
        for name, expression in rule.expressions:
            at = places.get((*path, name), (line, column))
            problems += _problems(f"spec.health[{index}].{name}", name, expression, file, at)
    return tuple(rules), tuple(problems)


def _problems(field: str, name: str, expression: str, file: str, place: tuple[int, int]) -> Iterator[Problem]:
    # Imported late: few components have rules, and every command reads the repository.
    from gitrel.kube.cel.checking import check
    from gitrel.kube.cel.tree import BadExpression
    from gitrel.kube.cel.types import BOOL, DYN, STRING

    line, column = place
    try:
        _, found = check(expression, {"object": DYN})
    except BadExpression as wrong:
        todo = "the live object is 'object', as in object.status.phase == 'Ready'"
        for match in _ERROR.finditer(str(wrong)):
            where = f"character {match['column']}"
            where += f" of its line {match['line']}" if "\n" in expression.strip() else ""
            yield Problem(file, line, column, f"{field}: {escaped(match['says'])} at {where}", todo)
        return
    wanted = STRING if name == "message" else BOOL
    if found not in (wanted, DYN):
        kind = "true or false" if wanted is BOOL else "text"
        yield Problem(file, line, column, f"{field} gives {found}", f"it must give {kind}")
