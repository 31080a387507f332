"""Checking rules when a definition is written: syntax, types, and what `oldSelf` can mean where they stand.

apiextensions `pkg/apis/apiextensions/validation` and `pkg/apiserver/schema/cel/compilation.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.crds.rules import nodes
from gitrel.cluster.api.crds.structure import Node, Schema, parse
from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value
from gitrel.kube.cel.checking import check
from gitrel.kube.cel.tree import BadExpression, names_in
from gitrel.kube.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    optional_of,
)
from gitrel.kube.cel.values import json_names

RULES_MAX = 1000
"""In one schema."""

_FORMATS = {
    "byte": BYTES,
    "duration": DURATION,
    "date": TIMESTAMP,
    "date-time": TIMESTAMP,
    "datetime": TIMESTAMP,
}
_SCALARS = {"boolean": BOOL, "integer": INT, "number": DOUBLE}
_META = Type("metadata", fields={"name": STRING, "generateName": STRING}.get)
_WHOLE = {"apiVersion": STRING, "kind": STRING, "metadata": _META}


def declared(node: Node, *, root: bool = False) -> Type:
    """The type of `self` for a rule at this node."""
    if node.int_or_string or len(node.types) != 1:
        return Type("object", fields=_fields(node, whole=root)) if root else DYN
    match node.types[0]:
        case "array":
            return list_of(declared(node.items) if node.items is not None else DYN)
        case "object" if node.additional is not None:
            return map_of(STRING, declared(node.additional))
        case "object" if node.open:
            return map_of(STRING, DYN)
        case "object":
            return Type("object", fields=_fields(node, whole=root or node.embedded))
        case "string":
            return _FORMATS.get(node.schema.get("format") or "", STRING)
        case name:
            return _SCALARS.get(name, DYN)


def _fields(node: Node, *, whole: bool) -> Any:
    def field(name: str) -> Type | None:
        for spelt in (name, json_names(name)):
            if whole and spelt in _WHOLE:
                return _WHOLE[spelt]
            if spelt in node.properties:
                return declared(node.properties[spelt])
        return None

    return field


def errors(schema: Schema, path: str) -> Iterator[FieldError]:
    """Of a schema that is structural."""
    root = parse(schema)
    if not root.has_rules:
        return
    count = 0
    for node, place, follows in nodes(root, path):
        rows = node.schema.get("x-kubernetes-validations") or ()
        count += len(rows)
        if count > RULES_MAX:
            yield forbidden_field(path, f"more than {RULES_MAX} validation rules in one schema")
            return
        type_ = declared(node, root=node is root) if rows else DYN
        for index, row in enumerate(rows):
            at = f"{place}.x-kubernetes-validations[{index}]"
            yield from _rule(row, type_, node, at, place, follows=follows)


def _rule(
    row: Mapping[str, Any], type_: Type, node: Node, at: str, place: str, *, follows: bool
) -> Iterator[FieldError]:
    lenient = bool(row.get("optionalOldSelf"))
    variables = {"self": type_, "oldSelf": optional_of(type_) if lenient else type_}
    try:
        tree, result = check(row["rule"], variables)
    except BadExpression as wrong:
        yield invalid_value(f"{at}.rule", row, f"compilation failed: {wrong}")
        return
    if result.name not in ("bool", "dyn"):
        yield invalid_value(f"{at}.rule", row, "cel expression must evaluate to a bool")
    uses_old = "oldSelf" in names_in(tree)
    if uses_old and not follows:
        says = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place}"
        yield invalid_value(f"{at}.rule", row["rule"], says)
    if lenient and not uses_old:
        yield invalid_value(f"{at}.optionalOldSelf", True, "may not be set if oldSelf is not used in rule")
    yield from _message(row, variables, at)
    if (field := row.get("fieldPath")) and not _leads_somewhere(node, field):
        yield invalid_value(f"{at}.fieldPath", field, "fieldPath must be a valid path")


def _message(row: Mapping[str, Any], variables: Mapping[str, Type], at: str) -> Iterator[FieldError]:
    if not (text := row.get("messageExpression")):
        return
    try:
        _, result = check(text, variables)
    except BadExpression as wrong:
        yield invalid_value(f"{at}.messageExpression", row, f"messageExpression compilation failed: {wrong}")
        return
    if result.name not in ("string", "dyn"):
        yield invalid_value(f"{at}.messageExpression", row, "messageExpression must evaluate to a string")


def _leads_somewhere(node: Node | None, path: str) -> bool:
    if not path.startswith("."):
        return False
    for name in path[1:].split("."):
        node = None if node is None else node.child(name)
    return node is not None
