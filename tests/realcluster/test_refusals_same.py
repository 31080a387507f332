"""What a stranger writes wrongly is refused by both servers with the same code, reason, message and causes;
what is right is stored with the same defaults.

A valid object of each built-in kind is changed in one place: a field goes, or has another value, an empty
one, too long a one. Everything is a dry run, so that nobody acts on it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gitrel.kube.identity import Object
from tests.cluster.kinds.test_robustness import paths_of, with_value
from tests.realcluster import catalogue
from tests.realcluster.twins import Answer, Twins, comparable

EXAMPLES = 6
"""Of each kind, beside the object as it is."""
GONE = "-"
DIFFERENT = {
    "nodes": "a new node has no taint `node.kubernetes.io/not-ready` here",
    "customresourcedefinitions": "versions are shown by their names here",
    "prioritylevelconfigurations": "an empty type is told as an unknown one",
}
"""Kinds that are left out, and why: see docs/reference/differences.md."""
LEFT = {
    "pods": 1,  # a key that no ConfigMap can have
    "replicationcontrollers": 1,  # labels that are empty are as if not given
    "limitranges": 1,  # a type is told only by its form
    "endpoints": 1,  # an address is told twice
    "deployments": 1,  # envFrom without a name
    "jobs": 1,  # the status of a condition
    "networkpolicies": 1,
    "ingresses": 1,  # the name of a certificate
    "volumeattachments": 1,  # the order of two problems
    "flowschemas": 1,
}
"""How many of a kind's examples are known to differ in words: the less the better."""
_NOISE = (
    (re.compile(r"kube-api-access-\w{5}"), "TOKEN"),
    (re.compile(r'"10\.\d+\.\d+\.\d+"'), '"IP"'),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), "UID"),
)


def others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [GONE, not value]
    if isinstance(value, int):
        return [GONE, -1, 0, 70000]
    if isinstance(value, str):
        return [GONE, "Bad_Name!", "other"]
    return [GONE]


def changes(obj: Object, seed: str) -> Iterator[Object]:
    """The object as it is, and some that are wrong, or just different, in one place."""
    yield obj
    cases = [
        (path, value)
        for path in paths_of(obj)
        if path[0] not in ("apiVersion", "kind") and path[:2] != ("metadata", "namespace")
        for value in others(at(obj, path))
    ]
    for path, value in random.Random(seed).sample(cases, min(EXAMPLES, len(cases))):
        yield with_value(obj, path, value)


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def said(answer: Answer) -> Any:
    """A refusal, or the object without its status and what is empty: Go leaves some of that out."""
    code, *rest = comparable(answer, owners=False)
    if code < 400:
        body = {key: value for key, value in rest[0].items() if key != "status"}
        text = json.dumps(full(body), sort_keys=True)
    else:
        text = json.dumps(rest)
    for pattern, word in _NOISE:
        text = pattern.sub(word, text)
    return code, json.loads(text)


def full(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept for key, item in value.items() if (kept := full(item)) not in (None, {}, [], "", 0)}
    return [full(item) for item in value] if isinstance(value, list) else value


KINDS = [resource for resource, _, _ in catalogue.entries("any")]


@pytest.mark.parametrize("resource", [kind for kind in KINDS if kind not in DIFFERENT])
def test_what_is_wrong_is_refused_in_the_same_words(both: Twins, resource: str) -> None:
    """One kind: whatever is done to its object, both servers answer the same."""
    path, obj = next((p, o) for kind, p, o in catalogue.entries(both.namespace) if kind == resource)
    different = []
    for number, changed in enumerate(changes(obj, resource)):
        theirs, ours = map(said, both.call("POST", path, changed, dryRun="All"))
        if theirs != ours:
            different.append((number, theirs, ours))
    assert len(different) <= LEFT.get(resource, 0), different
