"""Checking types before anything is evaluated, with the complaints of cel-go.

What is wrong with a rule is told when it is written, not when it first meets an object. Where a type is not
known it is dyn, and anything goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.kube.cel import libraries, tree, types
from gitrel.kube.cel.evaluation import namespaced, root_of
from gitrel.kube.cel.library import TABLE
from gitrel.kube.cel.syntax import parse
from gitrel.kube.cel.tree import BadExpression, complaint, dotted
from gitrel.kube.cel.types import BOOL, DYN, INT, Type, fits, joined, list_of, map_of, optional_of
from gitrel.kube.cel.values import CelError

__all__ = ["check", "libraries"]

_LITERALS: Mapping[type, Type] = {
    bool: BOOL, int: INT, tree.UInt: types.UINT, float: types.DOUBLE, str: types.STRING, bytes: types.BYTES,
    type(None): types.NULL,
}  # fmt: skip
_TYPE_NAMES = frozenset(
    ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")
)


def check(text: str, variables: Mapping[str, Type]) -> tuple[tree.Node, Type]:
    """The tree and the type of its value. Raises BadExpression naming everything that is wrong."""
    node = parse(text)
    checker = _Checker(text)
    found = checker.type_of(node, dict(variables))
    if checker.problems:
        raise BadExpression("\n".join(map(str, checker.problems)))
    return node, found


class _Checker:
    def __init__(self, text: str) -> None:
        self._text = text
        self.problems: list[BadExpression] = []
        self._mixed: set[int] = set()
        """Where the lists stand whose elements may differ: what `format` is given."""

    def _wrong(self, at: int, says: str) -> Type:
        """Complains, and goes on with dyn, so that one fault is told once."""
        self.problems.append(complaint(self._text, at, says))
        return DYN

    def type_of(self, node: tree.Node, env: dict[str, Type]) -> Type:
        match node:
            case tree.Literal(value=value):
                return _LITERALS[type(value)]
            case tree.Ident(name=name):
                return self._ident(node) if name not in env else env[name]
            case tree.Select():
                return self._select(node, env)
            case tree.Index():
                return self._index(node, env)
            case tree.Call():
                return self._call(node, env)
            case tree.Both():
                return self._both(node, env)
            case tree.Choice():
                return self._choice(node, env)
            case tree.ListOf():
                return self._list(node, env)
            case tree.MapOf():
                return self._map(node, env)
            case tree.Struct():
                return self._struct(node, env)
            case tree.Macro():
                return self._macro(node, env)

    def _ident(self, node: tree.Ident) -> Type:
        if node.name in _TYPE_NAMES:
            return Type("type")
        return self._wrong(node.at, f"undeclared reference to '{node.name}' (in container '')")

    def _select(self, node: tree.Select, env: dict[str, Type]) -> Type:
        if root_of(node) not in env and dotted(node).startswith("google.protobuf."):
            return Type("type")
        operand = self.type_of(node.operand, env)
        lenient = operand.name == "optional"
        if lenient:
            operand = operand.params[0]
        found = self._field(node, operand)
        if node.test:
            return BOOL
        return optional_of(found) if lenient or node.optional else found

    def _field(self, node: tree.Select, operand: Type) -> Type:
        if operand.fields is not None:
            found = operand.fields(node.field)
            return self._wrong(node.at, f"undefined field '{node.field}'") if found is None else found
        if operand.name == "map":
            return operand.params[1]
        if operand.name == "dyn":
            return DYN
        return self._wrong(node.at, f"type '{operand}' does not support field selection")

    def _index(self, node: tree.Index, env: dict[str, Type]) -> Type:
        operand, key = self.type_of(node.operand, env), self.type_of(node.key, env)
        lenient = node.optional or operand.name == "optional"
        if operand.name == "optional":
            operand = operand.params[0]
        if operand.name == "dyn":
            found = DYN
        elif operand.name == "list" and key.name in ("int", "uint", "double", "dyn"):
            found = operand.params[0]
        elif operand.name == "map" and fits(operand.params[0], key, {}):
            found = operand.params[1]
        else:
            says = f"found no matching overload for '_[_]' applied to '({operand}, {key})'"
            return self._wrong(node.at, says)
        return optional_of(found) if lenient else found

    def _call(self, node: tree.Call, env: dict[str, Type]) -> Type:
        full = namespaced(node, frozenset(env))
        name = full or node.name
        is_method = node.target is not None and not full
        if name == "format":
            self._mixed.update(arg.at for arg in node.args)
        args = [self.type_of(arg, env) for arg in node.args]
        if is_method and node.target is not None:
            args = [self.type_of(node.target, env), *args]
        if not TABLE.knows(name, method=is_method):
            return self._wrong(node.at, f"undeclared reference to '{name}' (in container '')")
        results = []
        for overload in TABLE.overloads(name, method=is_method):
            bound: types.Bindings = {}
            if len(args) == len(overload.params) and all(
                fits(param, arg, bound) for param, arg in zip(overload.params, args, strict=True)
            ):
                results.append(types.resolved(overload.result, bound))
        self._check_literal(name, node)
        if not results:
            return self._wrong(node.at, _no_overload(name, args, is_method=is_method))
        return joined(results)

    def _check_literal(self, name: str, node: tree.Call) -> None:
        """What stands there in so many words can be tried at once."""
        last = node.args[-1] if node.args else None
        if name not in _TRIED or not isinstance(last, tree.Literal) or not isinstance(last.value, str):
            return
        try:
            TABLE.call(name, ("", last.value) if name == "matches" else (last.value,), method=False)
        except CelError:
            self._wrong(last.at, f"invalid {name} argument")

    def _alike(self, nodes: Sequence[tree.Node], types: Sequence[Type]) -> None:
        """Elements of a literal are of one type, as far as their types are known."""
        first = next((type_ for type_ in types if _known(type_)), None)
        for node, type_ in zip(nodes, types, strict=True):
            if first is not None and _known(type_) and not fits(first, type_, {}):
                self._wrong(node.at, f"expected type '{first}' but found '{type_}'")

    def _both(self, node: tree.Both, env: dict[str, Type]) -> Type:
        for part in node.parts:
            found = self.type_of(part, env)
            if found.name not in ("bool", "dyn"):
                self._wrong(part.at, f"expected type 'bool' but found '{found}'")
        return BOOL

    def _choice(self, node: tree.Choice, env: dict[str, Type]) -> Type:
        condition, then, other = (self.type_of(n, env) for n in (node.condition, node.then, node.other))
        if condition.name not in ("bool", "dyn") or not fits(then, other, {}):
            return self._wrong(node.at, _no_overload("_?_:_", (condition, then, other), is_method=False))
        return joined((then, other))

    def _list(self, node: tree.ListOf, env: dict[str, Type]) -> Type:
        items = []
        if node.at in self._mixed:
            self._mixed.update(item.at for item in node.items)
        for place, item in enumerate(node.items):
            items.append(_held(self.type_of(item, env), optional=place in node.optional))
        if node.at not in self._mixed:
            self._alike(node.items, items)
        return list_of(joined(items))

    def _map(self, node: tree.MapOf, env: dict[str, Type]) -> Type:
        keys = [self.type_of(key, env) for key, _ in node.entries]
        values = []
        for place, (_, value) in enumerate(node.entries):
            values.append(_held(self.type_of(value, env), optional=place in node.optional))
        self._alike([key for key, _ in node.entries], keys)
        self._alike([value for _, value in node.entries], values)
        return map_of(joined(keys), joined(values))

    def _struct(self, node: tree.Struct, env: dict[str, Type]) -> Type:
        """Of a type that is declared as the root of others may follow (`Object.spec`) where it is open."""
        root, dot, _ = node.name.partition(".")
        declared = env.get(root)
        if declared is None or declared.name != "type" or not declared.params or (dot and root != "Object"):
            return self._wrong(node.at, f"undeclared reference to '{node.name}' (in container '')")
        fields = declared.params[0].fields
        assert fields is not None
        for place, (name, value, colon) in enumerate(node.fields):
            given = _held(self.type_of(value, env), optional=place in node.optional)
            wanted = fields(name)
            if wanted is None or not fits(wanted, given, {}):
                says = f"expected type of field '{name}' is '{wanted or ''}' but provided type is '{given}'"
                self._wrong(colon, says)
        return Type(node.name, fields=fields)

    def _macro(self, node: tree.Macro, env: dict[str, Type]) -> Type:
        operand = self.type_of(node.operand, env)
        bound = self._bound(node, operand)
        parts = [self.type_of(part, {**env, **bound}) for part in node.parts]
        tests = node.name in _TESTS or len(parts) > 1
        if tests and parts[0].name not in ("bool", "dyn"):
            self._wrong(node.parts[0].at, f"expected type 'bool' but found '{parts[0]}'")
        return _macro_result(node, operand, bound, parts)

    def _bound(self, node: tree.Macro, operand: Type) -> dict[str, Type]:
        """The variables of a macro and their types."""
        if node.name == "bind":
            return {node.variables[0]: operand}
        if node.name in ("optMap", "optFlatMap"):
            inner = operand.params[0] if operand.name == "optional" else DYN
            if operand.name not in ("optional", "dyn"):
                self._wrong(node.at, _no_overload(node.name, (operand,), is_method=True))
            return {node.variables[0]: inner}
        if operand.name == "list":
            row = (INT, operand.params[0]) if len(node.variables) == 2 else operand.params
        elif operand.name == "map":
            row = operand.params[: len(node.variables)]
        else:
            if operand.name != "dyn":
                must = "cannot be range of a comprehension (must be list, map, or dynamic)"
                self._wrong(node.operand.at, f"expression of type '{operand}' {must}")
            row = (DYN, DYN)[: len(node.variables)]
        return dict(zip(node.variables, row, strict=False))


_TRIED = frozenset(("duration", "matches", "timestamp"))


def _known(type_: Type) -> bool:
    return type_.name != "dyn" and not type_.is_variable


def _held(type_: Type, *, optional: bool) -> Type:
    """The type that an entry of a literal adds: of an optional entry, what the optional may hold."""
    return type_.params[0] if optional and type_.params else type_


_TESTS = frozenset(("all", "exists", "exists_one", "filter"))


def _macro_result(node: tree.Macro, operand: Type, bound: Mapping[str, Type], parts: Sequence[Type]) -> Type:
    last: Type = parts[-1]
    match node.name:
        case "all" | "exists" | "exists_one":
            return BOOL
        case "filter":
            return list_of(bound[node.variables[0]])
        case "map" | "transformList":
            return list_of(last)
        case "transformMap":
            return map_of(bound[node.variables[0]], last)
        case "optMap":
            return optional_of(last)
        case "sortBy":
            return operand
        case _:
            return last


def _no_overload(name: str, args: Sequence[Any], *, is_method: bool) -> str:
    first = f"{args[0]}." if is_method else ""
    shown = f"{first}({', '.join(map(str, args[1:] if is_method else args))})"
    return f"found no matching overload for '{name}' applied to '{shown}'"
