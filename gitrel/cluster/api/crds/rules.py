"""Validation rules (`x-kubernetes-validations`) at work: compiled once a schema, evaluated at every write.

apiextensions `pkg/apiserver/schema/cel`. Rules of a value come before those of what is in it. Evaluation is
limited by steps, for each rule and for all of them together.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitrel.cluster.api.crds.structure import MISSING, Node, Rule
from gitrel.cluster.api.crds.validation import correlated
from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, shown
from gitrel.kube.cel import syntax
from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.libraries import standard
from gitrel.kube.cel.tree import BadExpression, names_in
from gitrel.kube.cel.values import NONE, CelError, MapList, Optional, OverBudget, SetList

PER_RULE_STEPS = 1_000_000
"""As Kubernetes' PerCallLimit."""
ALL_RULES_STEPS = 2_000_000
"""A fifth of Kubernetes' RuntimeCELCostBudget: here one thread serves everybody."""
MESSAGE_MAX = 5 * 1024


@dataclass(frozen=True, slots=True)
class Compiled:
    rule: Rule
    program: Program
    message: Program | None
    uses_old: bool


def compiled(rule: Rule) -> Compiled:
    """Of a rule that was checked when it was written. Raises BadExpression."""
    node = syntax.parse(rule.text)
    message = Program(syntax.parse(rule.message_expression)) if rule.message_expression else None
    return Compiled(rule, Program(node), message, "oldSelf" in names_in(node))


class Rules:
    """Those of one schema."""

    def __init__(self) -> None:
        self._compiled: dict[int, Sequence[Compiled]] = {}

    def of(self, node: Node) -> Sequence[Compiled]:
        """Kept by the node's identity: whoever has these rules has the nodes too."""
        known = self._compiled.get(id(node))
        if known is None:
            known = self._compiled[id(node)] = tuple(map(compiled, node.rules))
        return known

    def errors(self, value: Any, root: Node, old: Any = MISSING) -> list[FieldError]:
        """Every rule that does not hold. `old` is MISSING at a creation."""
        evaluation = _Evaluation(self)
        try:
            evaluation.walk(value, root, "", old)
        except _Stopped:
            pass
        except BadExpression as wrong:
            # Only a definition that was stored by a trusted writer can hold such a rule.
            evaluation.found.append(
                invalid_value("<nil>", None, f"a validation rule cannot be read: {wrong}")
            )
        return evaluation.found


class _Stopped(Exception):
    """Out of steps: no further rules are run."""


@dataclass(slots=True)
class _Evaluation:
    rules: Rules
    found: list[FieldError] = field(default_factory=list)
    left: int = ALL_RULES_STEPS

    def walk(self, value: Any, node: Node, path: str, old: Any) -> None:
        if not node.has_rules or value is None:
            return
        if node.rules:
            self._evaluate(value, node, path, old)
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for key, item in value.items():
                child = node.child(key)
                if child is not None:
                    place = f"{path}.{key}" if path else key
                    if key not in node.properties:
                        place = f"{path}[{key}]"
                    self.walk(item, child, place, before.get(key, MISSING))
        elif isinstance(value, list) and node.items is not None:
            before_items = correlated(value, old, node.schema)
            for index, item in enumerate(value):
                self.walk(item, node.items, f"{path}[{index}]", before_items[index])

    def _evaluate(self, value: Any, node: Node, path: str, old: Any) -> None:
        unchanged = old is not MISSING and old == value
        self_ = to_cel(value, node)
        for rule in self.rules.of(node):
            variables = {"self": self_}
            if rule.uses_old:
                if old is MISSING and not rule.rule.optional_old_self:
                    continue
                variables["oldSelf"] = _old_self(old, node, rule.rule)
            elif unchanged:
                # What stands as it was is let be (CRDValidationRatcheting).
                continue
            self._hold(rule, variables, node, path or "<nil>")

    def _hold(self, compiled_: Compiled, variables: Mapping[str, Any], node: Node, path: str) -> None:
        rule = compiled_.rule
        try:
            value = self._run(compiled_.program, variables)
        except CelError as wrong:
            self._add(path, node, f"{wrong} evaluating rule: {rule.message.strip() or rule.text.strip()}")
            return
        except OverBudget as wrong:
            self._stop(rule, node, path, wrong)
            return
        if value is not True:
            message = self._message(compiled_, variables)
            self.found.append(_failure(rule, node, path, message))

    def _run(self, program: Program, variables: Mapping[str, Any]) -> Any:
        limit = min(PER_RULE_STEPS, self.left)
        try:
            value, steps = program.run(variables, limit)
        except CelError:
            self.left -= 1
            raise
        except OverBudget:
            self.left -= limit
            raise
        self.left -= steps
        return value

    def _stop(self, rule: Rule, node: Node, path: str, why: OverBudget) -> None:
        none_further = "no further validation rules will be run"
        says = f"validation failed due to running out of cost budget, {none_further}"
        if self.left > 0:
            told = rule.message.strip() or rule.text.strip()
            says = f"'{why}': {none_further} due to call cost exceeds limit for rule: {told}"
        self._add(path, node, says)
        raise _Stopped

    def _add(self, path: str, node: Node, says: str) -> None:
        self.found.append(invalid_value(path, _type_of(node), says))

    def _message(self, compiled_: Compiled, variables: Mapping[str, Any]) -> str:
        rule = compiled_.rule
        default = rule.message.strip() or f"failed rule: {rule.text.strip()}"
        if compiled_.message is None:
            return default
        try:
            told = self._run(compiled_.message, variables)
        except (CelError, OverBudget):
            return default
        if not isinstance(told, str) or not told.strip() or "\n" in told or len(told) > MESSAGE_MAX:
            return default
        return told.strip()


def _type_of(node: Node) -> str:
    return node.types[0] if len(node.types) == 1 else ""


def _failure(rule: Rule, node: Node, path: str, message: str) -> FieldError:
    place = f"{path}{rule.field_path}" if path != "<nil>" else rule.field_path.removeprefix(".") or path
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden_field(place, message)
        case "FieldValueRequired":
            return required(place, message)
        case "FieldValueDuplicate":
            return FieldError("FieldValueDuplicate", place, f"Duplicate value: {shown(_type_of(node))}")
    return invalid_value(place, _type_of(node), message)


def _old_self(old: Any, node: Node, rule: Rule) -> Any:
    if not rule.optional_old_self:
        return to_cel(old, node)
    return NONE if old is MISSING else Optional(to_cel(old, node), present=True)


# --- values -----------------------------------------------------------------------------------------------


def to_cel(value: Any, node: Node) -> Any:
    """A JSON value as its schema means it: doubles, instants, durations, bytes, sets."""
    if not node.converts or value is None:
        return value
    if isinstance(value, dict):
        return {
            key: item if (child := node.child(key)) is None else to_cel(item, child)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return _list(value, node)
    if node.types == ("number",) and isinstance(value, int):
        return float(value)
    if isinstance(value, str):
        return _text(value, node.schema.get("format") or "")
    return value


def _list(value: list[Any], node: Node) -> list[Any]:
    items = [item if node.items is None else to_cel(item, node.items) for item in value]
    kind = node.schema.get("x-kubernetes-list-type")
    if kind == "set":
        return SetList(items)
    if kind == "map":
        found = MapList(items)
        found.keys = tuple(node.schema.get("x-kubernetes-list-map-keys") or ())
        return found
    return items


_READ: Mapping[str, Callable[[str], Any]] = {
    "date-time": standard.to_timestamp,
    "datetime": standard.to_timestamp,
    "date": lambda text: standard.to_timestamp(f"{text}T00:00:00Z"),
    "duration": standard.to_duration,
    "byte": lambda text: base64.b64decode(text, validate=True),
}


def _text(value: str, format_: str) -> Any:
    read = _READ.get(format_)
    try:
        return value if read is None else read(value)
    except (CelError, ValueError, binascii.Error):
        return value


def nodes(node: Node, path: str, *, follows: bool = True) -> Iterator[tuple[Node, str, bool]]:
    """Every node with its place in the schema, and whether an old value can be found for it."""
    yield node, path, follows
    for name, child in node.properties.items():
        yield from nodes(child, f"{path}.properties[{name}]", follows=follows)
    if node.additional is not None:
        yield from nodes(node.additional, f"{path}.additionalProperties", follows=follows)
    if node.items is not None:
        keeps = node.schema.get("x-kubernetes-list-type") == "map"
        yield from nodes(node.items, f"{path}.items", follows=follows and keeps)
