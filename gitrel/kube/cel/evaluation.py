"""Evaluating: a tree becomes nested functions once, and is then run with variables and a budget of steps.

Every look-up, call and turn of a loop costs steps, and texts and lists by their sizes: that is what keeps a
rule of a stranger from holding up the cluster. The costs follow cel-go's runtime costs in kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.cel import libraries, tree
from gitrel.kube.cel.libraries.standard import value_type
from gitrel.kube.cel.library import TABLE
from gitrel.kube.cel.loops import LOOPS, UNSET, Run, Step, bindings, restore, rows_of
from gitrel.kube.cel.tree import dotted
from gitrel.kube.cel.values import NONE, CelError, Optional, StructValue, json_names
from gitrel.kube.cel.weights import WEIGHTS, weight

__all__ = ["Program", "libraries"]

_TYPES = frozenset(
    ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint",
     "google.protobuf.Timestamp", "google.protobuf.Duration")
)  # fmt: skip


class Program:
    """An expression, ready to be evaluated any number of times."""

    def __init__(self, node: tree.Node) -> None:
        self._step = _compiled(node, frozenset())

    def run(self, variables: Mapping[str, Any], budget: int) -> tuple[Any, int]:
        """The value, and the steps it took. Raises CelError, and OverBudget past `budget` steps."""
        run = Run(variables, budget)
        try:
            return self._step(run), budget - run.left
        except RecursionError:
            raise CelError("the values are nested too deeply") from None


def root_of(node: tree.Node) -> str:
    while isinstance(node, tree.Select):
        node = node.operand
    return node.name if isinstance(node, tree.Ident) else ""


def namespaced(call: tree.Call, bound: frozenset[str]) -> str:
    """The full name of a call like `sets.contains(…)`; empty where the target is a value."""
    name = dotted(call.target)
    if not name or root_of(call.target or call) in bound:
        return ""
    full = f"{name}.{call.name}"
    return full if TABLE.knows(full, method=False) else ""


def _compiled(node: tree.Node, bound: frozenset[str]) -> Step:
    match node:
        case tree.Literal(value=value):
            return lambda run: value
        case tree.Ident(name=name):
            return _ident(name)
        case tree.Select():
            return _select(node, bound)
        case tree.Index():
            return _index(node, bound)
        case tree.Call():
            return _call(node, bound)
        case tree.Both():
            return _both(node, bound)
        case tree.Choice():
            return _choice(node, bound)
        case tree.ListOf():
            return _list(node, bound)
        case tree.MapOf():
            return _map(node, bound)
        case tree.Struct():
            return _struct(node, bound)
        case tree.Macro():
            return _macro(node, bound)


def _ident(name: str) -> Step:
    def step(run: Run) -> Any:
        run.spend(1)
        try:
            return run.variables[name]
        except KeyError:
            if name in _TYPES:
                return value_type(name)
            raise CelError(f"no such attribute: {name}") from None

    return step


def _select(node: tree.Select, bound: frozenset[str]) -> Step:
    if (name := dotted(node)) in _TYPES:
        return lambda run: value_type(name)
    operand, field = _compiled(node.operand, bound), node.field
    escaped = json_names(field)

    def key_in(value: Any) -> str | None:
        """The key that is meant: as it is spelt in a map, unescaped in an object."""
        if not isinstance(value, dict):
            raise CelError("no such overload" if value is not None else f"no such key: {escaped}")
        return field if field in value else escaped if escaped in value else None

    def step(run: Run) -> Any:
        value = operand(run)
        run.spend(1)
        if type(value) is not dict:
            value = getattr(value, "cel_fields", value)
        if isinstance(value, Optional):
            if not value.present:
                return False if node.test else NONE
            key = key_in(value.value)
            if node.test:
                return key is not None
            return NONE if key is None else Optional(value.value[key], present=True)
        key = key_in(value)
        if node.test:
            return key is not None
        if node.optional:
            return NONE if key is None else Optional(value[key], present=True)
        if key is None:
            raise CelError(f"no such key: {escaped}")
        return value[key]

    return step


def _index(node: tree.Index, bound: frozenset[str]) -> Step:
    operand, key = _compiled(node.operand, bound), _compiled(node.key, bound)

    def step(run: Run) -> Any:
        value, wanted = operand(run), key(run)
        run.spend(1)
        lenient = node.optional or isinstance(value, Optional)
        if isinstance(value, Optional):
            if not value.present:
                return NONE
            value = value.value
        try:
            found = _at(value, wanted)
        except CelError:
            if lenient and isinstance(value, (list, dict)):
                return NONE
            raise
        return Optional(found, present=True) if lenient else found

    return step


def _at(value: Any, key: Any) -> Any:
    if isinstance(value, list):
        if isinstance(key, bool) or not isinstance(key, (int, float)) or key != int(key):
            raise CelError(f"invalid_argument: unsupported index value {key!r}")
        if not 0 <= key < len(value):
            raise CelError(f"index out of bounds: {int(key)}")
        return value[int(key)]
    if isinstance(value, dict):
        if isinstance(key, (str, int, float)) and key in value:
            return value[key]
        raise CelError(f"no such key: {key}")
    raise CelError("no such overload")


def _call(node: tree.Call, bound: frozenset[str]) -> Step:
    full = namespaced(node, bound)
    is_method = node.target is not None and not full
    name = full or node.name
    parts = [node.target, *node.args] if is_method and node.target is not None else list(node.args)
    steps = [_compiled(part, bound) for part in parts]
    weigh = WEIGHTS.get(name, 0)

    def step(run: Run) -> Any:
        args = [part(run) for part in steps]
        run.spend(1 + (weight(name, args) if weigh else 0))
        return TABLE.call(name, args, method=is_method)

    return step


def _both(node: tree.Both, bound: frozenset[str]) -> Step:
    steps, every = [_compiled(part, bound) for part in node.parts], node.every

    def step(run: Run) -> bool:
        failure: CelError | None = None
        for part in steps:
            try:
                value = part(run)
                if not isinstance(value, bool):
                    raise CelError("no such overload")
            except CelError as wrong:
                # Another part may decide the matter all the same.
                failure = failure or wrong
                continue
            if value is not every:
                return value
        if failure:
            raise failure
        return every

    return step


def _choice(node: tree.Choice, bound: frozenset[str]) -> Step:
    condition, then, other = (_compiled(n, bound) for n in (node.condition, node.then, node.other))

    def step(run: Run) -> Any:
        value = condition(run)
        if not isinstance(value, bool):
            raise CelError("no such overload")
        return then(run) if value else other(run)

    return step


def _list(node: tree.ListOf, bound: frozenset[str]) -> Step:
    steps, optional = [_compiled(item, bound) for item in node.items], node.optional

    def step(run: Run) -> list[Any]:
        run.spend(len(steps))
        found = []
        for place, item in enumerate(steps):
            value = _entry(item(run), optional=place in optional)
            if value is not UNSET:
                found.append(value)
        return found

    return step


def _entry(value: Any, *, optional: bool) -> Any:
    """What an entry of a literal holds; UNSET where it is an optional that is empty, and so is left out."""
    if not optional:
        return value
    if not isinstance(value, Optional):
        raise CelError("no such overload")
    return value.value if value.present else UNSET


def _map(node: tree.MapOf, bound: frozenset[str]) -> Step:
    steps = [(_compiled(key, bound), _compiled(value, bound)) for key, value in node.entries]
    optional = node.optional

    def step(run: Run) -> dict[Any, Any]:
        run.spend(len(steps))
        found: dict[Any, Any] = {}
        for place, (key_step, value_step) in enumerate(steps):
            key, value = key_step(run), value_step(run)
            if not isinstance(key, (str, int)):
                raise CelError("unsupported key type")
            if key in found:
                raise CelError(f"Failed with repeated key {key}")
            value = _entry(value, optional=place in optional)
            if value is not UNSET:
                found[key] = value
        return found

    return step


def _struct(node: tree.Struct, bound: frozenset[str]) -> Step:
    steps = [(name, _compiled(value, bound)) for name, value, _ in node.fields]
    name, optional = node.name, node.optional

    def step(run: Run) -> StructValue:
        run.spend(40)
        made = StructValue(name)
        for place, (field, value_step) in enumerate(steps):
            value = _entry(value_step(run), optional=place in optional)
            if value is not UNSET:
                made[field] = value
        return made

    return step


# --- macros -----------------------------------------------------------------------------------------------


def _macro(node: tree.Macro, bound: frozenset[str]) -> Step:
    operand = _compiled(node.operand, bound)
    inner = bound | set(node.variables)
    parts = [_compiled(part, inner) for part in node.parts]
    if node.name == "bind":
        return _bound(node.variables[0], operand, parts[0])
    if node.name in ("optMap", "optFlatMap"):
        return _opt_map(node, operand, parts[0])
    loop = LOOPS[node.name]

    def step(run: Run) -> Any:
        value = operand(run)
        rows = rows_of(value, len(node.variables))
        saved = [(name, run.variables.get(name, UNSET)) for name in node.variables]
        try:
            return loop(run, bindings(run, node.variables, rows), parts)
        finally:
            restore(run, saved)

    return step


def _bound(name: str, value: Step, body: Step) -> Step:
    def step(run: Run) -> Any:
        saved = run.variables.get(name, UNSET)
        run.variables[name] = value(run)
        try:
            return body(run)
        finally:
            restore(run, [(name, saved)])

    return step


def _opt_map(node: tree.Macro, operand: Step, body: Step) -> Step:
    flat = node.name == "optFlatMap"

    def step(run: Run) -> Any:
        value = operand(run)
        if not isinstance(value, Optional):
            raise CelError("no such overload")
        if not value.present:
            return NONE
        found = _bound(node.variables[0], lambda _: value.value, body)(run)
        return found if flat else Optional(found, present=True)

    return step
