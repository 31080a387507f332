"""The three patches that are no apply: what each makes of lists, nulls and directives."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.patch import json_patch, merge_patch
from gitrel.cluster.api.patching import PatchType
from gitrel.cluster.api.schema import type_of
from gitrel.cluster.api.strategic import strategic_merge_patch
from tests.cluster.harness import cluster, container, deployment, get

POD = type_of("v1", "Pod")
SERVICE = type_of("v1", "Service")


@pytest.mark.parametrize(
    ("document", "patch", "wanted"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, [1], [1]),
    ],
)
def test_merge_patch(document: Any, patch: Any, wanted: Any) -> None:
    """The examples of RFC 7386: null removes, objects merge, lists are replaced."""
    assert merge_patch(document, patch) == wanted


@pytest.mark.parametrize(
    ("operations", "wanted"),
    [
        ([{"op": "add", "path": "/b", "value": 2}], {"a": [1, 2], "b": 2}),
        ([{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
        ([{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
        ([{"op": "replace", "path": "/a/0", "value": 9}], {"a": [9, 2]}),
        ([{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ([{"op": "move", "from": "/a/0", "path": "/a/-"}], {"a": [2, 1]}),
        ([{"op": "copy", "from": "/a", "path": "/c"}], {"a": [1, 2], "c": [1, 2]}),
        ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2]}),
        ([{"op": "add", "path": "/a~1b", "value": 1}, {"op": "remove", "path": "/a"}], {"a/b": 1}),
    ],
)
def test_json_patch(operations: Any, wanted: Any) -> None:
    """Every operation of RFC 6902; the document itself stays."""
    document = {"a": [1, 2]}
    assert json_patch(document, operations) == wanted
    assert document == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/nothing"}], 422),
        ([{"op": "replace", "path": "/a/b", "value": 2}], 422),
        ([{"op": "add", "path": "/x/y", "value": 2}], 422),
        ([{"op": "melt", "path": "/a"}], 422),
        ([{"path": "/a"}], 400),
        ([{"op": "add", "path": "a", "value": 1}], 400),
        ({"op": "add"}, 400),
        ([{"op": "test", "path": "", "value": {}}] * 10_001, 413),
    ],
)
def test_a_json_patch_that_fails(operations: Any, code: int) -> None:
    """422 for one that does not apply, 400 for one that makes no sense, 413 for one that is too long."""
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1}, operations)
    assert refused.value.code == code


STRATEGIC: dict[str, tuple[Any, Any, Any]] = {
    "entries are found by their key": (
        {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
        {"containers": [{"name": "b", "image": "2"}]},
        {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
    ),
    "new entries come first, where nobody asks for an order": (
        {"containers": [{"name": "a"}]},
        {"containers": [{"name": "b"}]},
        {"containers": [{"name": "b"}, {"name": "a"}]},
    ),
    "an entry is deleted by a directive": (
        {"containers": [{"name": "a"}, {"name": "b"}]},
        {"containers": [{"$patch": "delete", "name": "a"}]},
        {"containers": [{"name": "b"}]},
    ),
    "a list is replaced by a directive": (
        {"containers": [{"name": "a"}]},
        {"containers": [{"$patch": "replace"}, {"name": "c"}]},
        {"containers": [{"name": "c"}]},
    ),
    "a map is replaced by a directive": (
        {"securityContext": {"runAsUser": 1}},
        {"securityContext": {"$patch": "replace", "fsGroup": 2}},
        {"securityContext": {"fsGroup": 2}},
    ),
    "a map is deleted by a directive": (
        {"securityContext": {"runAsUser": 1}, "hostname": "h"},
        {"securityContext": {"$patch": "delete"}},
        {"securityContext": {}, "hostname": "h"},
    ),
    "the order is set": (
        {"containers": [{"name": "a"}, {"name": "b"}]},
        {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "containers": [{"name": "a", "tty": True}],
        },
        {"containers": [{"name": "b"}, {"name": "a", "tty": True}]},
    ),
    "other keys are dropped where a union is retained": (
        {"volumes": [{"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/d"}}]},
        {"volumes": [{"name": "v", "hostPath": {"path": "/d"}}]},
    ),
    "a list without a key is replaced": (
        {"tolerations": [{"key": "a"}]},
        {"tolerations": [{"key": "b"}]},
        {"tolerations": [{"key": "b"}]},
    ),
    "null removes": ({"hostname": "h", "subdomain": "s"}, {"hostname": None}, {"subdomain": "s"}),
}


@pytest.mark.parametrize("case", STRATEGIC)
def test_strategic_merge_patch(case: str) -> None:
    """Keys and strategies from the schema, directives from the patch; on the spec of a pod."""
    document, patch, wanted = STRATEGIC[case]
    assert strategic_merge_patch({"spec": document}, {"spec": patch}, POD) == {"spec": wanted}


def test_members_of_a_set_are_added_and_deleted() -> None:
    """Finalizers merge as a set, and leave it by name."""
    document = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic_merge_patch(document, {"metadata": {"finalizers": ["b", "c"]}}, SERVICE)
    assert added == {"metadata": {"finalizers": ["a", "b", "c"]}}
    deletion = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic_merge_patch(document, deletion, SERVICE) == {"metadata": {"finalizers": ["b"]}}


BODIES: dict[str, Any] = {
    "application/json-patch+json": [{"op": "replace", "path": "/spec/replicas", "value": 5}],
    "application/merge-patch+json": {"spec": {"replicas": 5}},
    "application/strategic-merge-patch+json": {"spec": {"replicas": 5}},
}


@pytest.mark.parametrize("type_", BODIES)
def test_each_patch_goes_the_write_path(type_: str) -> None:
    """Defaults, validation and generation apply to what a patch makes."""
    c = cluster()
    c.api.create(deployment("web"))
    after = c.api.patch("deployments.apps", "web", BODIES[type_], "default", type_=cast(PatchType, type_))
    assert (after["spec"]["replicas"], after["metadata"]["generation"]) == (5, 2)
    with pytest.raises(ApiError, match="must be greater than or equal to 0"):
        c.api.patch("deployments.apps", "web", {"spec": {"replicas": -5}}, "default")
    with pytest.raises(ApiError, match=r'unknown field "spec\.replica"'):
        c.api.patch("deployments.apps", "web", {"spec": {"replica": 5}}, "default")


def test_a_patch_may_name_the_revision_it_was_made_for() -> None:
    """A stale resourceVersion in the patch is a conflict; a patch cannot rename."""
    c = cluster()
    old = c.api.create(deployment("web"))
    c.api.patch("deployments.apps", "web", {"spec": {"replicas": 5}}, "default")
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "spec": {"replicas": 6}}
    with pytest.raises(ApiError, match="the object has been modified"):
        c.api.patch("deployments.apps", "web", stale, "default")
    with pytest.raises(ApiError, match="field is immutable"):
        c.api.patch("deployments.apps", "web", {"metadata": {"name": "other"}}, "default")
    assert get(c, "deployments.apps", "default", "web")["spec"]["replicas"] == 5


def test_an_unknown_media_type_is_refused() -> None:
    """415, with what would be accepted."""
    c = cluster()
    c.api.create(deployment("web"))
    with pytest.raises(ApiError) as refused:
        c.api.patch("deployments.apps", "web", {}, "default", type_=cast(PatchType, "text/plain"))
    assert refused.value.code == 415
    assert "application/apply-patch+yaml" in refused.value.message


def test_restarting_a_rollout_is_a_strategic_patch() -> None:
    """What `kubectl rollout restart` sends changes the template's annotations and nothing beside them."""
    c = cluster()
    c.api.create(deployment("web"))
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    body = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    template = c.api.patch("deployments.apps", "web", body, "default")["spec"]["template"]
    assert template["metadata"] == {"labels": {"app": "web"}, "annotations": stamp}
    assert template["spec"]["containers"][0]["image"] == container()["image"]
