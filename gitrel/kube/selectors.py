"""Label selectors, in both their forms: the text of `-l` and the object in a spec.

The grammar is that of apimachinery `pkg/labels/selector.go`. Every selector compiles to a tuple of
requirements, which match in time linear in the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                # A missing key satisfies NotIn (apimachinery `Requirement.Matches`).
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case "Gt" | "Lt":
                return _compares(labels.get(self.key), self.operator, self.values)


def _compares(value: str | None, operator: Operator, values: frozenset[str]) -> bool:
    try:
        left, right = int(value or ""), int(next(iter(values)))
    except ValueError:
        return False
    return left > right if operator == "Gt" else left < right


Selector = tuple[Requirement, ...]


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """An empty selector matches everything."""
    return all(requirement.matches(labels) for requirement in selector)


def from_labels(labels: Mapping[str, str] | None) -> Selector:
    """A plain `key: value` map, as in a Service's selector."""
    return tuple(Requirement(k, "In", frozenset((v,))) for k, v in sorted((labels or {}).items()))


def from_object(selector: Mapping[str, Any] | None) -> Selector:
    """A LabelSelector object with `matchLabels` and `matchExpressions`."""
    selector = selector or {}
    return from_labels(selector.get("matchLabels")) + from_expressions(selector.get("matchExpressions") or ())


def from_expressions(expressions: Iterable[Mapping[str, Any]]) -> Selector:
    """`{key, operator, values}` rows, as in selectors and node affinity."""
    return tuple(Requirement(e["key"], e["operator"], frozenset(e.get("values") or ())) for e in expressions)


_SET = re.compile(r"\s*(\S+?)\s+(in|notin)\s*\(([^()]*)\)\s*\Z", re.ASCII)
_EQUALITY = re.compile(r"\s*([^\s!=<>]+?)\s*(==|!=|=|<|>)\s*([^\s!=<>]*)\s*\Z", re.ASCII)
_KEY = re.compile(r"\s*(!?)\s*([^\s!=<>(),]+)\s*\Z", re.ASCII)
_EQUALITY_OPERATOR: dict[str, Operator] = {"=": "In", "==": "In", "!=": "NotIn", "<": "Lt", ">": "Gt"}


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """`app=web,tier in (a, b),!legacy` → requirements. Raises ValueError naming the part that is wrong."""
    return tuple(_parse_requirement(part) for part in _split(text) if part.strip())


def _split(text: str) -> list[str]:
    """Splits on commas that stand outside parentheses."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _parse_requirement(part: str) -> Requirement:
    if match := _SET.match(part):
        key, operator, values = match.groups()
        names = frozenset(v.strip() for v in values.split(","))
        return Requirement(key, "In" if operator == "in" else "NotIn", names)
    if match := _EQUALITY.match(part):
        key, operator, value = match.groups()
        return Requirement(key, _EQUALITY_OPERATOR[operator], frozenset((value,)))
    if match := _KEY.match(part):
        return Requirement(match[2], "DoesNotExist" if match[1] else "Exists")
    raise ValueError(f"unable to parse requirement: {part.strip()!r}")
