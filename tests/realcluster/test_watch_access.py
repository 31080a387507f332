"""Watches, identity and impersonation on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from gitrel.backends.backend import Refused, Scope
from gitrel.backends.kubernetes.access import AccessOptions, resolve
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.backends.kubernetes.connection import Connection
from gitrel.backends.kubernetes.requests import Requests
from gitrel.kube.identity import Object, ref_of
from gitrel.kube.impersonation import Impersonation
from tests.realcluster.conftest import RealPlane

OWNER = "gitrel.dev/component"
SELECTOR = {"app.kubernetes.io/managed-by": "gitrel"}


def config(plane: RealPlane, name: str = "settings", owner: str = "web", **data: str) -> Object:
    metadata = {"name": name, "namespace": plane.namespace, "labels": {**SELECTOR, OWNER: owner}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def opened(plane: RealPlane, **more: Any) -> KubernetesBackend:
    return open_kubernetes("real", plane.context, kubeconfig=str(plane.kubeconfig), **more)


@pytest.fixture
def watching(real_plane: RealPlane) -> Iterator[KubernetesBackend]:
    backend = opened(real_plane, watching=True)
    yield backend
    backend.close()


def held(backend: KubernetesBackend, plane: RealPlane) -> None:
    backend.hold({Scope("v1", "ConfigMap", plane.namespace): 1}, SELECTOR, OWNER)


def test_a_watch_hears_what_others_do_and_asks_nothing(
    real_plane: RealPlane, watching: KubernetesBackend
) -> None:
    """No request while nothing happens; a change is one component's; so is a removed label."""
    real_plane.backend.apply(config(real_plane, a="1"))
    real_plane.backend.apply(config(real_plane, "other", "api"))
    held(watching, real_plane)
    web, _ = watching.changed_since("", "web")
    api, _ = watching.changed_since("", "api")
    watching.identity()
    watching.identity()
    asked = watching.requests
    for _ in range(20):
        held(watching, real_plane)
        assert watching.changed_since(web, "web") == (web, False)
        (found,) = watching.read([config(real_plane)], recent=True).values()
        assert found["data"] == {"a": "1"}
        watching.identity()
    assert watching.requests == asked
    real_plane.kubectl("patch", "configmap", "settings", "-p", '{"data":{"a":"2"}}')
    real_plane.wait_for(lambda: watching.changed_since(web, "web")[1])
    assert watching.read([config(real_plane)], recent=True)[ref_of(config(real_plane))]["data"] == {"a": "2"}
    assert watching.changed_since(api, "api") == (api, False)
    web, _ = watching.changed_since("", "web")
    real_plane.kubectl("label", "configmap", "settings", "app.kubernetes.io/managed-by-")
    real_plane.wait_for(lambda: watching.changed_since(web, "web")[1])
    # It matches no more and is there all the same: the cluster itself is asked.
    assert list(watching.read([config(real_plane)], recent=True)) == [ref_of(config(real_plane))]


def test_our_own_write_is_seen_at_once(real_plane: RealPlane, watching: KubernetesBackend) -> None:
    """What was applied is read back from memory, whatever the watch has told so far."""
    watching.apply(config(real_plane, a="0"))
    held(watching, real_plane)
    for number in range(1, 30):
        watching.apply(config(real_plane, a=str(number)))
        (found,) = watching.read([config(real_plane)], recent=True).values()
        assert found["data"] == {"a": str(number)}


def test_a_job_reads_lists_instead_of_objects(real_plane: RealPlane) -> None:
    """Forty objects of twenty components cost one request; what was deleted meanwhile is asked for."""
    wanted = [config(real_plane, f"c{number}", f"w{number % 20}") for number in range(40)]
    for obj in wanted:
        real_plane.backend.apply(obj)
    backend = opened(real_plane)
    backend.read(wanted[:1])  # discovery
    before = backend.requests
    backend.hold({Scope("v1", "ConfigMap", real_plane.namespace): 20}, SELECTOR, OWNER)
    assert len(backend.read(wanted, recent=True)) == 40
    assert backend.requests - before == 1
    assert backend.changed_since("", "w1")[1]
    backend.close()


def test_what_may_not_be_watched_is_asked_for(real_plane: RealPlane) -> None:
    """Rights to get and none to list: everything works, and nothing is claimed to be unchanged."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "getter", "namespace": real_plane.namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "getter", "namespace": real_plane.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "getter"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "narrow"}],
    }
    real_plane.backend.apply(role)
    real_plane.backend.apply(binding)
    real_plane.backend.apply(config(real_plane, a="1"))
    backend = opened(real_plane, watching=True, act_as=Impersonation("narrow"))
    held(backend, real_plane)
    real_plane.wait_for(lambda: _can_read(backend, real_plane))
    mark, _ = backend.changed_since("", "web")
    assert backend.changed_since(mark, "web")[1]
    backend.close()


def _can_read(backend: KubernetesBackend, plane: RealPlane) -> bool:
    try:
        return len(backend.read([config(plane)], recent=True)) == 1
    except Refused:
        return False  # the role is not known to the authorizer yet


def test_who_is_impersonated_is_who_acts(real_plane: RealPlane) -> None:
    """The API server's own word: user and groups as they were sent, and the rights of nobody else."""
    somebody = Impersonation("deployer", "u-1", ("one", "two"))
    options = AccessOptions(kubeconfig=str(real_plane.kubeconfig), act_as=somebody)
    requests = Requests(Connection(resolve(real_plane.context, options)), "real")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = requests.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    requests.close()
    user = answer.body["status"]["userInfo"]
    backend = open_kubernetes("real", real_plane.context, options=options)
    assert (user["username"], user["uid"]) == ("deployer", "u-1")
    assert user["groups"] == ["one", "two", "system:authenticated"]
    with pytest.raises(Refused, match="deployer"):
        backend.apply(config(real_plane, a="1"))
    backend.close()


def test_many_objects_are_read_by_one_list(real_plane: RealPlane) -> None:
    """With their managers, and nothing for one that is not there; where memory answers for some, the rest is
    asked for all the same."""
    wanted = [config(real_plane, f"m{number:03}", "w1") for number in range(120)]
    for obj in wanted:
        real_plane.backend.apply(obj)
    absent = config(real_plane, "absent", "w1")
    backend = opened(real_plane)
    backend.read(wanted[:1])  # discovery
    before = backend.requests
    found = backend.read([*wanted, absent])
    assert backend.requests - before == 1
    assert set(found) == set(map(ref_of, wanted))
    assert found[ref_of(wanted[7])]["metadata"]["managedFields"]
    assert found[ref_of(wanted[7])]["kind"] == "ConfigMap"
    assert set(backend.read([*wanted[:3], absent], recent=True)) == set(map(ref_of, wanted[:3]))
    backend.close()


def test_who_writes_right_after_us_is_heard(real_plane: RealPlane, watching: KubernetesBackend) -> None:
    """An apply that changes nothing has no event, and the event of one that does may be here before its
    answer: the next change is somebody else's, and is remembered at once."""
    watching.apply(config(real_plane, a="0"))
    held(watching, real_plane)
    for number in range(5):
        for _ in range(2):
            watching.apply(config(real_plane, a=f"ours-{number}"))
        real_plane.backend.apply(config(real_plane, a=f"theirs-{number}"))
        real_plane.wait_for(partial(remembers, watching, real_plane, f"theirs-{number}"), 8)


def remembers(backend: KubernetesBackend, plane: RealPlane, value: str) -> bool:
    (found,) = backend.read([config(plane)], recent=True).values()
    return bool(found["data"] == {"a": value})
