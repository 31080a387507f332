"""Server-side apply to custom objects gives, step by step, what a real API server gives.

The definition has every type of list and of map, with and without keys and defaults, unknown fields that are
kept, values of two types, and a status of its own. Histories are random.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.realcluster.conftest import wait_for
from tests.realcluster.twins import APPLY, MERGE, Twins, comparable

EXAMPLES = 110
GROUP = "same.example.com"
_NUMBERS = count(1)


# --- the definition ---------------------------------------------------------------------------------------


def struct(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


STRING = {"type": "string"}
INTEGER = {"type": "integer"}
KEEPS = {"x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
STRINGS = {"type": "array", "items": STRING}


def map_list(keys: list[str], **properties: Any) -> dict[str, Any]:
    items = {**struct(**properties), "required": [k for k in keys if "default" not in properties[k]]}
    return {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": keys,
    }


SPEC = struct(
    atomic=STRINGS,
    declared={**STRINGS, "x-kubernetes-list-type": "atomic"},
    members={**STRINGS, "x-kubernetes-list-type": "set"},
    numbers={"type": "array", "items": INTEGER, "x-kubernetes-list-type": "set"},
    byName=map_list(["name"], name=STRING, value=STRING, more=struct(a=STRING, b=STRING)),
    byTwo=map_list(
        ["port", "protocol"],
        port=INTEGER,
        protocol={**STRING, "default": "TCP"},
        label=STRING,
        tags={**STRINGS, "x-kubernetes-list-type": "set"},
    ),
    labels={"type": "object", "additionalProperties": STRING},
    wholeLabels={"type": "object", "additionalProperties": STRING, "x-kubernetes-map-type": "atomic"},
    whole={**struct(a=STRING, b=STRING), "x-kubernetes-map-type": "atomic"},
    nested=struct(a=STRING, deep=struct(x=STRING, y={**STRING, "default": "d"})),
    structs={"type": "object", "additionalProperties": struct(a=STRING, b=STRING)},
    free={"type": "object", **KEEPS},
    anything=KEEPS,
    half={**struct(known=STRING, list={**STRINGS, "x-kubernetes-list-type": "set"}), **KEEPS},
    either=INT_OR_STRING,
    eithers={"type": "object", "additionalProperties": INT_OR_STRING},
    size={**INTEGER, "default": 3},
    nothing={**STRING, "nullable": True},
)
STATUS = struct(phase=STRING, conditions=map_list(["type"], type=STRING, status=STRING), count=INTEGER)


def definition(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [version],
        },
    }


KINDS = {
    "Typed": struct(spec=SPEC, status=STATUS),
    "Open": {"type": "object", **KEEPS, "properties": {"spec": {**SPEC, **KEEPS}, "status": STATUS}},
    "Bare": {"type": "object", **KEEPS},
}


# --- what managers say ------------------------------------------------------------------------------------

WORDS = st.sampled_from(("1", "2"))
ANY = st.recursive(
    WORDS | st.sampled_from((1, True)),
    lambda below: st.dictionaries(st.sampled_from("xyz"), below, max_size=2) | st.lists(below, max_size=2),
    max_leaves=4,
)


def some(keys: str, values: st.SearchStrategy[Any] = WORDS) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys.split()), values, max_size=2)


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def rows(key: str, *names: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Each of `names` once at most, in any order."""

    def entries(chosen: list[str]) -> st.SearchStrategy[list[Any]]:
        each = [st.fixed_dictionaries({key: st.just(name)}, optional=dict(fields)) for name in chosen]
        return st.tuples(*each).map(list)

    return st.lists(st.sampled_from(names), unique=True, max_size=3).flatmap(entries)


MEMBERS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
PORTS = st.lists(
    st.fixed_dictionaries(
        {"port": st.sampled_from((80, 81))},
        optional={"protocol": st.sampled_from(("TCP", "UDP")), "label": WORDS, "tags": MEMBERS},
    ),
    max_size=3,
    unique_by=lambda row: (row["port"], row.get("protocol", "TCP")),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "atomic": st.lists(WORDS, max_size=2),
    "declared": st.lists(WORDS, max_size=2),
    "members": MEMBERS,
    "numbers": st.lists(st.sampled_from((1, 2, 3)), unique=True, max_size=3),
    "byName": rows("name", "a", "b", "c", value=WORDS, more=some("a b")),
    "byTwo": PORTS,
    "labels": some("x y z"),
    "wholeLabels": some("x y"),
    "whole": some("a b"),
    "nested": maybe(a=WORDS, deep=some("x y")),
    "structs": some("x y", some("a b")),
    "free": st.dictionaries(st.sampled_from("xy"), ANY, max_size=2),
    "anything": ANY,
    "half": maybe(known=WORDS, list=MEMBERS, other=ANY),
    "either": st.sampled_from((1, "1", "50%")),
    "eithers": some("x y", st.sampled_from((1, "1"))),
    "size": st.sampled_from((1, 2)),
    "nothing": WORDS | st.none(),
}
UNKNOWN: dict[str, st.SearchStrategy[Any]] = {"stranger": ANY, "other": ANY}
STATUSES = maybe(phase=WORDS, conditions=rows("type", "a", "b", status=WORDS), count=st.sampled_from((1, 2)))
HOW = ("apply", "apply", "apply", "force", "merge", "put")


@dataclass(frozen=True)
class Step:
    manager: str
    how: str
    part: str
    config: Mapping[str, Any]


def steps(kind: str) -> st.SearchStrategy[list[Step]]:
    spec = maybe(**FIELDS, strange=WORDS) if kind == "Typed" else maybe(**FIELDS, **UNKNOWN)
    metadata = maybe(labels=some("x y"), finalizers=st.just([]))
    more = {"top": ANY} if kind != "Typed" else {}
    config = maybe(spec=spec, metadata=metadata, status=STATUSES, **more)
    part = st.sampled_from(("", "", "", "/status"))
    step = st.builds(Step, st.sampled_from(("a", "b", "c")), st.sampled_from(HOW), part, config)
    return st.lists(step, min_size=2, max_size=6)


# --- the two servers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    both: Twins
    namespace: str

    def collection(self, kind: str) -> str:
        return f"/apis/{GROUP}/v1/namespaces/{self.namespace}/{kind.lower()}s"

    def take(self, kind: str, step: Step, name: str) -> list[Any]:
        path = f"{self.collection(kind)}/{name}"
        metadata = {**step.config.get("metadata", {}), "name": name, "namespace": self.namespace}
        body = {"apiVersion": f"{GROUP}/v1", "kind": kind, **step.config, "metadata": metadata}
        how = step.how
        if step.part and kind != "Typed" and how in ("merge", "put"):
            # What stands beside spec and status is not written with a status: see the differences.
            how = "merge"
            body.pop("top", None)
        query = {"fieldManager": step.manager}
        if how == "put":
            answers = []
            for server in (self.both.real, self.both.bundled):
                stored = server.call("GET", path)
                revision = stored.body["metadata"].get("resourceVersion") if stored.code == 200 else ""
                new = {**body, "metadata": {**metadata, "resourceVersion": revision}}
                answers.append(server.call("PUT", path + step.part, new, **query))
        elif how == "merge":
            answers = list(self.both.call("PATCH", path + step.part, body, MERGE, **query))
        else:
            query["force"] = str(step.how == "force").lower()
            answers = list(self.both.call("PATCH", path + step.part, body, APPLY, **query))
        return [comparable(answer) for answer in answers]


@pytest.fixture(scope="module")
def place(both: Twins) -> Iterator[Place]:
    found = Place(both, both.namespace)
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    try:
        for kind, schema in KINDS.items():
            both.make(definitions, definition(kind, schema))
        for kind in KINDS:
            path = found.collection(kind)
            wait_for(partial(lambda path: both.real.call("GET", path).code == 200, path))
        yield found
    finally:
        for kind in KINDS:
            both.call("DELETE", f"{definitions}/{kind.lower()}s.{GROUP}")


@pytest.mark.parametrize("kind", KINDS)
def test_random_histories_of_custom_objects_end_the_same(place: Place, kind: str) -> None:
    """After every step: the same code, object and owners; or the same refusal, word for word."""

    @settings(
        derandomize="GITREL_RANDOM" not in os.environ,
        max_examples=EXAMPLES // len(KINDS),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=steps(kind))
    def play(steps: list[Step]) -> None:
        name = f"t{next(_NUMBERS)}"
        for number, step in enumerate(steps):
            note(f"{number}: {step}")
            theirs, ours = place.take(kind, step, name)
            assert ours == theirs, f"step {number}: {step}"

    play()
