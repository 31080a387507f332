"""Who owns a new object: the one walk gives what comparing with nothing gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.apply import applying
from gitrel.cluster.api.apply.fieldset import to_fields_v1
from gitrel.cluster.api.apply.making import made
from gitrel.cluster.api.apply.merging import compared
from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.schema import type_of

_LETTERS = st.sampled_from("abc")
_KINDS = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)
_CUSTOM = Type(
    {},
    {
        "type": "object",
        "properties": {
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "sizes": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "spec": {"type": "object", "properties": {"a": {"type": "integer"}}},
        },
    },
)


_FREE = st.sampled_from(["text", 0, True, {}, [], {"free": {"form": []}, "and": [1], "none": None}])


@st.composite
def _values(draw: Any, type_: Type, depth: int) -> Any:
    """Anything that such a field can hold, now and then null, empty, or with what nobody knows."""
    odd = draw(st.integers(0, 20))
    if odd == 0:
        return None
    if type_.shape == "struct":
        names = sorted(type_.fields) if depth else []
        chosen = draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) if names else []
        value = {name: draw(_values(type_.fields[name], depth - 1)) for name in chosen}
        return {**value, "nobodyKnows": draw(_FREE)} if odd == 1 else value
    if type_.shape == "map":
        keys = draw(st.lists(_LETTERS, max_size=2, unique=True)) if depth else []
        return {key: draw(_values(type_.element, depth - 1)) for key in keys}
    if type_.shape == "list":
        return draw(_lists(type_, depth, with_keys=odd > 2)) if depth else []
    return draw(_FREE if type_.shape == "any" else st.sampled_from(["text", 0, 7, True]))


@st.composite
def _lists(draw: Any, type_: Type, depth: int, *, with_keys: bool) -> list[Any]:
    items = [draw(_values(type_.element, depth - 1)) for _ in range(draw(st.integers(0, 3)))]
    if not type_.list_keys:
        return items
    keys = {key: draw(_LETTERS) for key in type_.list_keys} if with_keys else {}
    return [{**keys, **(item or {})} for item in items]


def _by_comparing(part: dict[str, Any], type_: Type) -> dict[str, Any]:
    return to_fields_v1(applying.ownable(compared({}, part, type_).touched, ""))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_walk_is_a_comparison_with_nothing(data: st.DataObject) -> None:
    """Of any fields of any object, byte for byte: also of nulls, unknown fields and lists without keys."""
    type_ = data.draw(st.sampled_from([type_of(*kind) for kind in _KINDS] + [_CUSTOM]))
    names = sorted(set(type_.fields) - {"apiVersion", "kind", "metadata", "status"})
    name = data.draw(st.sampled_from(names))
    part = {name: data.draw(_values(type_.fields[name], 5))}
    assert json.dumps(made(part, type_) or {}) == json.dumps(_by_comparing(part, type_))


def test_a_key_that_comes_twice_is_owned_with_all_that_is_said_of_it() -> None:
    """Two ports of one number are one entry, and what each says is owned."""
    ports = [{"containerPort": 80, "name": "a"}, {"containerPort": 80, "hostPort": 1}]
    part = {"spec": {"containers": [{"name": "web", "ports": ports}]}}
    type_ = type_of("v1", "Pod")
    assert made(part, type_) == _by_comparing(part, type_)
    assert "f:hostPort" in json.dumps(made(part, type_)) and "f:name" in json.dumps(made(part, type_))


@pytest.mark.parametrize("number", range(3))
def test_what_was_built_before_does_not_show(number: int) -> None:
    """Trees are shared between objects: the second asks for the same one, another value for another one."""
    type_ = type_of("v1", "Pod")
    container = {"name": "web", "image": "a", "env": [{"name": f"N{number}", "value": "x"}]}
    first = made({"spec": {"containers": [container]}}, type_)
    again = made({"spec": {"containers": [{**container, "image": "b"}]}}, type_)
    assert first is again
    assert made({"spec": {"containers": [{**container, "tty": True}]}}, type_) != first
