"""What strangers try on an API server, beyond bytes that make no sense: each has Kubernetes' answer."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def bob(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Somebody whom no role allows anything."""
    folder = tmp_path_factory.mktemp("strict")
    spec = ClusterSpec(authorization="RBAC", nodes=())
    with served(folder, spec, tokens=("bobs-token,bob,2",)), Api(folder / "kubeconfig", "bobs-token") as api:
        yield api


def test_compressed_bodies_are_not_unpacked(api: Api) -> None:
    """A gzip bomb is bytes that are no JSON, however much it would become."""
    bomb = gzip.compress(b'{"metadata": {"name": "' + b"a" * 50_000_000 + b'"}}')
    answer = api.call("POST", CONFIG_MAPS, bomb, {"Content-Encoding": "gzip"})
    assert answer.code in (400, 415)


@pytest.mark.parametrize("patch", [[], [{"data": {}}], "text", 7, None])
def test_merge_patches_that_are_no_objects(api: Api, patch: object) -> None:
    """A list, a text or nothing in place of a patch is refused, and the object stays."""
    api.call("POST", CONFIG_MAPS, config_map("merged", a="1"))
    body = b"null" if patch is None else patch
    assert api.call("PATCH", f"{CONFIG_MAPS}/merged", body, MERGE).code in (400, 422)
    assert api.get(f"{CONFIG_MAPS}/merged")["data"] == {"a": "1"}


def test_forms_of_other_sites_are_no_requests(api: Api) -> None:
    """What a page can make a browser send without asking has a media type that is not taken."""
    for media in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        answer = api.call("POST", CONFIG_MAPS, b'{"metadata":{"name":"forged"}}', {"Content-Type": media})
        assert answer.code == 415, media
    assert api.call("GET", f"{CONFIG_MAPS}/forged").code == 404


def test_sockets_of_other_sites_are_refused(api: Api) -> None:
    """A page of another origin opens no WebSocket."""
    headers = {
        "Origin": "https://evil.example.com",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert api.call("GET", f"{PODS}?watch=true", headers=headers).code == 403


def test_scripts_in_names_come_back_as_data(api: Api) -> None:
    """Nothing that is said back is taken for a page."""
    script = "</script><script>alert(1)</script>"
    refused = api.call("POST", CONFIG_MAPS, config_map(script))
    noted = {**config_map("noted"), "metadata": {"name": "noted", "annotations": {"a": script}}}
    kept = api.call("POST", CONFIG_MAPS, noted)
    lost = api.call("GET", "/%3Cscript%3E")
    assert (refused.code, kept.code, lost.code) == (422, 201, 404)
    for answer in (refused, kept):
        assert answer.headers["content-type"] == "application/json"
    assert "html" not in lost.headers["content-type"]
    assert kept.json["metadata"]["annotations"]["a"] == script


FORBIDDEN = {
    "delete a collection": (
        "DELETE",
        CONFIG_MAPS,
        'configmaps is forbidden: User "bob" cannot deletecollection resource "configmaps" in API group "" '
        'in the namespace "default"',
    ),
    "write a status": (
        "PATCH",
        f"{PODS}/a/status",
        'pods "a" is forbidden: User "bob" cannot patch resource "pods/status" in API group "" in the '
        'namespace "default"',
    ),
    "add a webhook": (
        "POST",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        'mutatingwebhookconfigurations.admissionregistration.k8s.io is forbidden: User "bob" cannot create '
        'resource "mutatingwebhookconfigurations" in API group "admissionregistration.k8s.io" at the cluster '
        "scope",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_no_role_allows(case: str, bob: Api) -> None:
    """403 in Kubernetes' words, before anything else is looked at."""
    method, path, said = FORBIDDEN[case]
    assert bob.call(method, path, {}, MERGE if method == "PATCH" else None).said == (403, "Forbidden", said)


def test_nobody_becomes_somebody_else(bob: Api) -> None:
    """Impersonation is a right of its own, for users and for groups."""
    who = {"Impersonate-User": "system:admin", "Impersonate-Group": "system:masters"}
    code, reason, said = bob.call("GET", CONFIG_MAPS, headers=who).said
    assert (code, reason) == (403, "Forbidden")
    assert 'User "bob" cannot impersonate resource "' in said


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%b", "A", "a_b", "-a", "x" * 254, "a b", ""])
def test_names_that_are_none(api: Api, name: str) -> None:
    """422 for a name that no object can have."""
    assert api.call("POST", CONFIG_MAPS, config_map(name)).code == 422


def test_objects_of_other_places(api: Api) -> None:
    """400 where the object says another namespace, or another name, than the path; 409 for a name in use."""
    elsewhere = {**config_map("a"), "metadata": {"name": "a", "namespace": "kube-system"}}
    assert api.call("POST", CONFIG_MAPS, elsewhere).code == 400
    api.call("POST", CONFIG_MAPS, config_map("taken"))
    assert api.call("PUT", f"{CONFIG_MAPS}/taken", config_map("other")).code == 400
    assert api.call("POST", CONFIG_MAPS, config_map("taken")).said[:2] == (409, "AlreadyExists")
