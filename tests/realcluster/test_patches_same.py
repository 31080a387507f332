"""Patches of every kind give what a real API server gives: the object, or the refusal word for word.

Strategic merge patches with all directives, merge patches and JSON patches, of a Deployment that does nothing
and of a Service. All are dry runs on one object that stays as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitrel.kube.identity import Object
from tests.realcluster.test_refusals_same import said
from tests.realcluster.twins import JSON_PATCH, MERGE, STRATEGIC, Twins

EXAMPLES = 60
_CONTAINERS = [
    {"name": "one", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
    {"name": "two", "image": "i:1", "ports": [{"containerPort": 80}], "args": ["a", "b"]},
]
_POD = {
    "containers": _CONTAINERS,
    "nodeSelector": {"x": "1", "y": "2"},
    "volumes": [{"name": "v1", "emptyDir": {}}, {"name": "v2", "configMap": {"name": "c"}}],
    "tolerations": [{"key": "a", "operator": "Exists"}],
}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "patched", "labels": {"x": "1", "y": "2"}, "finalizers": ["e.com/a", "e.com/b"]},
    "spec": {
        "replicas": 0,
        "paused": True,
        "selector": {"matchLabels": {"app": "x"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": _POD},
    },
}
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "patched", "labels": {"x": "1"}},
    "spec": {
        "selector": {"app": "x"},
        "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}, {"name": "c", "port": 82}],
    },
}


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def directed(fields: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Now and then with a directive about the whole map."""
    word = st.sampled_from((None, None, None, None, "replace", "merge", "delete", "nonsense"))
    return st.tuples(fields, word).map(lambda both: both[0] | ({"$patch": both[1]} if both[1] else {}))


WORDS = st.sampled_from(("1", "2", None))
LABELS = directed(st.dictionaries(st.sampled_from("xyz"), WORDS, max_size=2))


def rows(key: str, names: tuple[Any, ...], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    row = directed(st.fixed_dictionaries({key: st.sampled_from(names)}, optional=dict(fields)))
    only = st.just({"$patch": "replace"})
    # An entry that one patch names twice is nobody's intention; what becomes of it is left out.
    return st.lists(st.one_of(row, row, row, only), max_size=3, unique_by=lambda one: str(one.get(key)))


def order(key: str, names: tuple[Any, ...]) -> st.SearchStrategy[list[Any]]:
    return st.permutations(names).flatmap(
        lambda found: st.integers(0, len(found)).map(lambda n: [{key: name} for name in found[:n]])
    )


ENV = rows("name", ("A", "B", "C"), value=st.sampled_from(("1", "2")))
PORTS = rows("containerPort", (80, 81), name=st.sampled_from(("p", "q")))
CONTAINERS = rows(
    "name", ("one", "two", "three"), image=st.just("i:2"), env=ENV, ports=PORTS,
    args=st.lists(st.sampled_from("abc"), max_size=2),
)  # fmt: skip
VOLUME = st.one_of(
    st.just({"name": "v1", "configMap": {"name": "d"}, "$retainKeys": ["name", "configMap"]}),
    st.just({"name": "v2", "configMap": {"name": "d"}}),
    st.just({"name": "v2", "$patch": "delete"}),
    st.just({"name": "v3", "emptyDir": {}}),
)
POD_PATCH = st.fixed_dictionaries(
    {},
    optional={
        "containers": CONTAINERS,
        "$setElementOrder/containers": order("name", ("one", "two", "three")),
        "nodeSelector": LABELS,
        "volumes": st.lists(VOLUME, max_size=2),
        "tolerations": st.lists(st.just({"key": "b", "operator": "Exists"}), max_size=1),
    },
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": LABELS,
        "finalizers": st.lists(st.sampled_from(("e.com/b", "e.com/c")), max_size=2, unique=True),
        "$deleteFromPrimitiveList/finalizers": st.lists(st.just("e.com/a"), max_size=1),
        "$setElementOrder/finalizers": st.permutations(("e.com/a", "e.com/b", "e.com/c")),
    },
)
STRATEGY = st.one_of(
    st.just({"type": "Recreate", "$retainKeys": ["type"]}),
    st.just({"type": "Recreate"}),
    st.just({"rollingUpdate": {"maxSurge": 2}}),
)
DEPLOYMENT_PATCH = maybe(
    metadata=METADATA,
    spec=maybe(strategy=STRATEGY, template=maybe(spec=POD_PATCH, metadata=maybe(labels=LABELS))),
)
SERVICE_PATCH = maybe(
    metadata=maybe(labels=LABELS),
    spec=st.fixed_dictionaries(
        {},
        optional={
            "ports": rows("port", (80, 81, 83), name=st.sampled_from(("a", "b", "d"))),
            "$setElementOrder/ports": order("port", (80, 81, 82)),
            "selector": LABELS,
            "sessionAffinity": st.sampled_from(("ClientIP", "None", None)),
        },
    ),
)
LABEL_PLACES = ("/metadata/labels/x", "/metadata/labels/z", "/metadata/labels/y", "/spec/no/where")
PARTS = tuple(f"/spec/template/spec/containers/{place}" for place in ("0", "1", "-", "7"))


def operations(places: tuple[str, ...], value: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Anywhere among places that take the same values."""
    path, start = st.sampled_from(places), st.sampled_from(places)
    words = st.sampled_from(("add", "replace", "test", "nonsense"))
    return st.one_of(
        st.fixed_dictionaries({"op": words, "path": path, "value": st.just(value)}),
        st.fixed_dictionaries({"op": st.just("remove"), "path": path}),
        st.fixed_dictionaries({"op": st.sampled_from(("move", "copy")), "from": start, "path": path}),
    )


OPERATIONS = st.lists(
    operations(LABEL_PLACES, "1") | operations(PARTS, {"name": "new", "image": "i:3"}), min_size=1, max_size=3
)


@pytest.fixture(scope="module")
def paths(both: Twins) -> Iterator[dict[str, str]]:
    found = {
        "Deployment": f"/apis/apps/v1/namespaces/{both.namespace}/deployments",
        "Service": f"/api/v1/namespaces/{both.namespace}/services",
    }
    for obj in (DEPLOYMENT, SERVICE):
        both.make(found[obj["kind"]], obj)
    yield {kind: f"{path}/patched" for kind, path in found.items()}
    for path in found.values():
        both.call("PATCH", f"{path}/patched", {"metadata": {"finalizers": None}}, MERGE)
        both.call("DELETE", f"{path}/patched")


CASES = {
    "a strategic merge patch of a Deployment": ("Deployment", STRATEGIC, DEPLOYMENT_PATCH),
    "a strategic merge patch of a Service": ("Service", STRATEGIC, SERVICE_PATCH),
    "a merge patch of a Deployment": ("Deployment", MERGE, DEPLOYMENT_PATCH),
    "a JSON patch of a Deployment": ("Deployment", JSON_PATCH, OPERATIONS),
}


@pytest.mark.parametrize(("kind", "media", "patches"), CASES.values(), ids=CASES)
def test_random_patches_give_the_same(
    both: Twins, paths: dict[str, str], kind: str, media: str, patches: st.SearchStrategy[Any]
) -> None:
    """Whatever a patch of that type does or is refused for on a real API server, it is on the bundled one."""

    @settings(
        derandomize="GITREL_RANDOM" not in os.environ,
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(patch=patches)
    def play(patch: Any) -> None:
        patch = unordered(patch)
        theirs, ours = map(said, both.call("PATCH", paths[kind], patch, media, dryRun="All"))
        assert settled(ours) == settled(theirs), json.dumps(patch)

    play()


def unordered(patch: Any) -> Any:
    """Without an order for lists that are replaced: whether that is refused depends on what is in both."""
    if isinstance(patch, list):
        return [unordered(item) for item in patch]
    if not isinstance(patch, dict):
        return patch
    replaced = {
        f"$setElementOrder/{key}"
        for key, value in patch.items()
        if isinstance(value, list) and any(isinstance(row, dict) and row.get("$patch") for row in value)
    }
    return {key: unordered(value) for key, value in patch.items() if key not in replaced}


def settled(answer: tuple[int, Any]) -> tuple[int, Any]:
    """Without what controllers of the real server add by themselves; an empty map is told as none here."""
    code, body = answer
    if code == 500:
        return code, "which of several mistakes is told is random"
    if code >= 400:
        return code, json.loads(json.dumps(body).replace("value: {}:", "value: null:"))
    if code < 400:
        metadata = body[0]["metadata"] if isinstance(body, list) else body["metadata"]
        (metadata.get("annotations") or {}).pop("deployment.kubernetes.io/revision", None)
        if not metadata.get("annotations"):
            metadata.pop("annotations", None)
    return code, body
