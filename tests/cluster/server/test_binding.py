"""Binding pods by hand: by the subresource, and by the `bindings` resource that is older than it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
from tests.cluster.server.client import PODS, Api, pod

BINDINGS = "/api/v1/namespaces/default/bindings"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Of a cluster without a scheduler."""
    directory = tmp_path_factory.mktemp("cluster")
    with served(directory, ClusterSpec(without=("scheduler",))):
        api = Api(directory / "kubeconfig")
        yield api
        api.close()


def binding(name: str, node: str = "node-1", **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, **metadata},
        "target": {"kind": "Node", "name": node},
    }


@pytest.mark.parametrize("path", [BINDINGS, f"{PODS}/{{name}}/binding"], ids=["resource", "subresource"])
def test_a_pod_is_bound(api: Api, path: str) -> None:
    """It gets its node and runs there; a second binding is a conflict."""
    name = "by-subresource" if "{" in path else "by-resource"
    api.post(PODS, pod(name))
    done = api.post(path.format(name=name), binding(name))
    assert (done["kind"], done["status"], done["code"]) == ("Status", "Success", 201)
    api.until(f"{PODS}/{name}", lambda answer: answer.json["status"]["phase"] == "Running")
    assert api.get(f"{PODS}/{name}")["spec"]["nodeName"] == "node-1"
    code, reason, message = api.call("POST", path.format(name=name), binding(name, "node-2")).said
    assert (code, reason) == (409, "Conflict") and "is already assigned to node" in message


def test_bindings_that_make_no_sense(api: Api) -> None:
    """Nobody's pod, no node, another kind of target, another pod of that name; a dry run changes nothing."""
    assert api.call("POST", BINDINGS, binding("nobody")).said[:2] == (404, "NotFound")
    api.post(PODS, pod("unbound"))
    code, _, message = api.call("POST", BINDINGS, binding("unbound", "")).said
    assert code == 422 and "target.name: Required value" in message
    other = {**binding("unbound"), "target": {"kind": "Pod", "name": "x"}}
    assert 'supported values: "Node", "<empty>"' in api.call("POST", BINDINGS, other).said[2]
    stale = binding("unbound", uid="00000000-0000-0000-0000-000000000000")
    assert "UID in precondition" in api.call("POST", BINDINGS, stale).said[2]
    old = binding("unbound", resourceVersion="1")
    assert api.call("POST", BINDINGS, old).code == 409
    assert api.call("POST", f"{BINDINGS}?dryRun=All", binding("unbound")).code == 201
    assert "nodeName" not in api.get(f"{PODS}/unbound")["spec"]


def test_bindings_can_only_be_created(api: Api) -> None:
    """As discovery says."""
    found = {row["name"]: row for row in api.get("/api/v1")["resources"]}
    assert found["bindings"]["verbs"] == ["create"] and found["bindings"]["kind"] == "Binding"
    assert api.call("GET", BINDINGS).code == 405
