"""An expression as a tree, and how a complaint about a place in its text reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class UInt(int):
    """CEL's unsigned integer."""

    __slots__ = ()


class BadExpression(ValueError):
    """The text is not an expression, or its types do not fit. `str()` is what cel-go says of it."""


def complaint(text: str, position: int, says: str) -> BadExpression:
    """`ERROR: <input>:1:5: …`, with the line and a pointer under the place."""
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1)
    shown = text.split("\n")[line - 1] if text else ""
    return BadExpression(f"ERROR: <input>:{line}:{column + 1}: {says}\n | {shown}\n | {'.' * column}^")


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Ident:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; `test` for `has(…)`, `optional` for `.?`."""

    operand: Node
    field: str
    at: int
    test: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    operand: Node
    key: Node
    at: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, an operator (`_+_`), or a method where there is a target."""

    name: str
    target: Node | None
    args: Sequence[Node]
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """`a && b && …` (`every`) or `a || b || …`, flat, for long chains are common."""

    every: bool
    parts: Sequence[Node]
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Node
    then: Node
    other: Node
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`optional` holds the places whose value is an optional, left out where empty."""

    items: Sequence[Node]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class MapOf:
    entries: Sequence[tuple[Node, Node]]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class Struct:
    """`Object.spec{replicas: 1}`: a value of a named type; each field with where its colon stands."""

    name: str
    fields: Sequence[tuple[str, Node, int]]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class Macro:
    """`range.all(x, …)` and its like; `parts` are evaluated with the variables bound to each element."""

    name: str
    operand: Node
    variables: Sequence[str]
    parts: Sequence[Node]
    at: int


Node = Literal | Ident | Select | Index | Call | Both | Choice | ListOf | MapOf | Struct | Macro


def children(node: Node) -> Sequence[Node]:
    match node:
        case Select(operand=operand):
            return (operand,)
        case Index(operand=operand, key=key):
            return (operand, key)
        case Call(target=target, args=args):
            return (*args,) if target is None else (target, *args)
        case Both(parts=parts):
            return parts
        case Choice(condition=condition, then=then, other=other):
            return (condition, then, other)
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return [part for entry in entries for part in entry]
        case Struct(fields=fields):
            return [value for _, value, _ in fields]
        case Macro(operand=operand, parts=parts):
            return (operand, *parts)
    return ()


def dotted(node: Node | None) -> str:
    """`a.b` of plain selections; empty for anything else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        before = dotted(node.operand)
        return f"{before}.{node.field}" if before else ""
    return ""


def names_in(node: Node, bound: frozenset[str] = frozenset()) -> set[str]:
    """The free variables of an expression."""
    if isinstance(node, Ident):
        return set() if node.name in bound else {node.name}
    if isinstance(node, Macro):
        inner = bound | set(node.variables)
        found = names_in(node.operand, bound)
        return found.union(*(names_in(part, inner) for part in node.parts))
    return set[str]().union(*(names_in(child, bound) for child in children(node)))
