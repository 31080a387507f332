"""A structural schema as a tree of nodes, made once per definition and walked at every write.

The vocabulary is that of apiextensions `pkg/apiserver/schema` (Structural): what belongs to a value's form is
read out into attributes, and what is only asked about its contents stays in `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]

DEPTH_MAX = 200
"""Levels of JSON in a schema, two for each level of a value; deeper ones could exhaust the stack."""


class _Missing:
    """Not even null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One entry of `x-kubernetes-validations`, as it was written."""

    text: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old_self: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """What one value may be. `additional` describes values under any other key; `open` takes all of them."""

    schema: Schema
    types: tuple[str, ...] = ()
    nullable: bool = False
    properties: Mapping[str, Node] = field(default_factory=dict)
    additional: Node | None = None
    open: bool = False
    items: Node | None = None
    preserve: bool = False
    embedded: bool = False
    int_or_string: bool = False
    default: Any = MISSING
    rules: Sequence[Rule] = ()
    has_defaults: bool = False
    """Here or anywhere below."""
    has_rules: bool = False
    """Here or anywhere below."""
    converts: bool = False
    """Whether a value, or anything below it, means something else than its JSON: an instant, a set."""

    def child(self, key: str) -> Node | None:
        """The node of what stands under a key of an object."""
        return self.properties.get(key) or self.additional


def parse(schema: Schema) -> Node:
    """A schema that `structural.errors` found nothing wrong with."""
    properties = {name: parse(of) for name, of in (schema.get("properties") or {}).items()}
    beside = schema.get("additionalProperties")
    additional = parse(beside) if isinstance(beside, Mapping) else None
    items = parse(schema["items"]) if isinstance(schema.get("items"), Mapping) else None
    below = [node for node in (*properties.values(), additional, items) if node is not None]
    rules = tuple(_rule(row) for row in schema.get("x-kubernetes-validations") or ())
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    type_ = schema.get("type")
    return Node(
        schema,
        ("integer", "string") if int_or_string else (type_,) if type_ else (),
        nullable=bool(schema.get("nullable")),
        properties=properties,
        additional=additional,
        open=beside is True,
        items=items,
        preserve=bool(schema.get("x-kubernetes-preserve-unknown-fields")),
        embedded=bool(schema.get("x-kubernetes-embedded-resource")),
        int_or_string=int_or_string,
        default=schema.get("default", MISSING),
        rules=rules,
        has_defaults="default" in schema or any(node.has_defaults for node in below),
        has_rules=bool(rules) or any(node.has_rules for node in below),
        converts=_converts(schema) or any(node.converts for node in below),
    )


_READ_OTHERWISE = frozenset(("byte", "date", "date-time", "datetime", "duration"))


def _converts(schema: Schema) -> bool:
    lists = schema.get("x-kubernetes-list-type") in ("map", "set")
    return lists or schema.get("type") == "number" or schema.get("format") in _READ_OTHERWISE


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        row.get("rule") or "",
        row.get("message") or "",
        row.get("messageExpression") or "",
        row.get("reason") or "",
        row.get("fieldPath") or "",
        bool(row.get("optionalOldSelf")),
    )


def depth(value: Any) -> int:
    """How deeply mappings and lists are nested; counted without recursion, for it is asked of strangers'."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        here, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(here, Mapping):
            waiting.extend((item, level + 1) for item in here.values())
        elif isinstance(here, list):
            waiting.extend((item, level + 1) for item in here)
    return deepest
