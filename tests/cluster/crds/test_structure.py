"""Pruning and defaulting, proved over random schemas and values."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.crds import pruning, structural, validation
from gitrel.cluster.api.crds.structure import parse

KEYS = st.sampled_from(["a", "b", "c", "apiVersion", "metadata"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x"]))
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=4)),
    max_leaves=12,
)


def _leaf(type_: str, default: Any, nullable: bool) -> dict[str, Any]:
    return {"type": type_, "nullable": nullable, **({} if default is None else {"default": default})}


LEAVES = st.one_of(
    st.builds(_leaf, st.just("string"), st.sampled_from([None, "x"]), st.booleans()),
    st.builds(_leaf, st.just("integer"), st.sampled_from([None, 3]), st.booleans()),
    st.just({"x-kubernetes-int-or-string": True}),
    st.just({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(lambda p: {"type": "object", "properties": p}, st.dictionaries(KEYS, below, max_size=3)),
        st.builds(lambda p: {"type": "object", "default": {}, "properties": p},
                  st.dictionaries(KEYS, below, max_size=3)),
        st.builds(lambda items: {"type": "array", "items": items}, below),
        st.builds(lambda of: {"type": "object", "additionalProperties": of}, below),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(SCHEMAS, VALUES)
def test_doing_it_twice_changes_nothing(schema: dict[str, Any], value: Any) -> None:
    """Pruned stays pruned, defaulted stays defaulted, and what is fine is the very same object."""
    node = parse(schema)
    pruned = pruning.pruned(value, node)
    assert pruning.pruned(pruned, node) is pruned
    filled = pruning.defaulted(pruned, node)
    assert pruning.defaulted(filled, node) == filled
    unknown: list[str] = []
    pruning.pruned(filled, node, unknown)
    assert not unknown


@settings(deadline=None, max_examples=100)
@given(SCHEMAS, VALUES)
def test_nothing_that_a_schema_says_breaks_on_any_value(schema: dict[str, Any], value: Any) -> None:
    """Every value is judged, and one that is left as it was is never found wrong."""
    whole = {"type": "object", "properties": {"spec": schema}}
    assert not [
        e for e in structural.errors(whole, "s") if "metadata" not in e.field and "apiVersion" not in e.field
    ]
    node = parse(schema)
    found = list(validation.errors(value, node, "v"))
    assert all(error.text for error in found)
    assert not list(validation.errors(value, node, "v", value))


@settings(deadline=None, max_examples=100)
@given(st.recursive(SCALARS, lambda b: st.one_of(st.lists(b), st.dictionaries(
    st.sampled_from(["type", "items", "properties", "anyOf", "default", "required", "pattern", "enum", "not",
                     "additionalProperties", "x-kubernetes-list-type", "x-kubernetes-validations"]), b)),
    max_leaves=20))  # fmt: skip
def test_any_json_is_judged_as_a_schema(schema: Any) -> None:
    """Whatever is sent as a schema gets an answer, never an exception."""
    list(structural.errors(schema if isinstance(schema, dict) else {"type": schema}, "s"))
