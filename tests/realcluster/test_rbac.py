"""What `gitrel rbac` prints is enough for a whole rollout on a real API server; without a part of it gitrel
says which right is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
import yaml

from gitrel.backends.backend import Refused, Scope
from gitrel.backends.kubernetes.access import AccessOptions, resolve
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.backends.kubernetes.connection import Connection
from gitrel.backends.kubernetes.requests import Requests
from gitrel.delivery.rbac import objects, rights
from gitrel.kube.identity import Object
from tests.delivery.support import release
from tests.realcluster.conftest import RealPlane
from tests.realcluster.plane import write_kubeconfig
from tests.realcluster.test_rollout import lay_out

RBAC = "rbac.authorization.k8s.io/v1"


def gitrel(folder: Path, kubeconfig: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "-m", "gitrel", *words, "-C", str(folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=110)
    assert done.returncode == code, done.stderr
    return done


def as_account(plane: RealPlane, folder: Path, account: str) -> Path:
    """A kubeconfig with a token for the account, from the API server's own TokenRequest."""
    token = plane.kubectl("create", "token", account, "--duration=1h").strip()
    path = folder / "account.kubeconfig"
    return write_kubeconfig(path, plane.plane.server, ca=str(plane.plane.ca), token=token, name="real")


@pytest.fixture
def cleaned(real_plane: RealPlane) -> Iterator[RealPlane]:
    """Takes the cluster-wide role away again: it is not in the test's namespace."""
    yield real_plane
    for kind in ("clusterrole", "clusterrolebinding"):
        real_plane.kubectl("delete", kind, "gitrel-quiet", "--ignore-not-found")


def test_a_rollout_with_exactly_the_printed_rights(tmp_path: Path, cleaned: RealPlane) -> None:
    """reconcile and promote as a service account that holds what was printed and nothing else; then, without
    one rule at a time, gitrel names verb, resource and namespace, and goes on once it is given back."""
    plane, space = cleaned, cleaned.namespace
    repo = tmp_path / "repo"
    lay_out(repo, space)
    printed = gitrel(repo, plane.kubeconfig, "rbac", "--service-account", f"{space}/gitrel").stdout
    assert printed.startswith("# What gitrel needs in quiet, for web v1, web v2.\n")
    plane.kubectl("apply", "-f", "-", stdin=printed)
    account = as_account(plane, tmp_path, "gitrel")
    gitrel(repo, account, "reconcile", "--wait", "--timeout", "90s")

    (role,) = [obj for obj in yaml.safe_load_all(printed) if obj["kind"] == "Role"]
    for verb, resource, code in (("patch", "deployments", 5), ("list", "pods", 7)):
        plane.kubectl("replace", "-f", "-", stdin=orjson.dumps(without(role, verb, resource)).decode())
        said = gitrel(repo, account, "promote", "web", "v2", "--reason", "proof", code=code).stderr
        assert f'cannot {verb} resource "{resource}" in API group' in said
        assert f'in the namespace "{space}"' in said
    plane.kubectl("replace", "-f", "-", stdin=orjson.dumps(role).decode())
    gitrel(repo, account, "reconcile", "--wait", "--timeout", "90s")
    names = [m["metadata"]["name"] for m in plane.backend.list("v1", "ConfigMap", space)]
    assert names == ["gitrel-web", "kube-root-ca.crt", "web-v2"]


def without(role: Mapping[str, Any], verb: str, resource: str) -> Object:
    """The role with one verb on one resource taken away."""
    rules = []
    for rule in role["rules"]:
        others = [name for name in rule["resources"] if name != resource]
        if others:
            rules.append({**rule, "resources": others})
        if len(others) < len(rule["resources"]):
            verbs = [name for name in rule["verbs"] if name != verb]
            if verbs:
                rules.append({**rule, "resources": [resource], "verbs": verbs})
    return {**role, "rules": rules}


def roles(space: str) -> list[Object]:
    """A release with a role of its own, a binding to it, and a binding to a role that Kubernetes brings."""
    account = {"kind": "ServiceAccount", "name": "web", "namespace": space}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["web"]}

    def made(kind: str, name: str, **fields: Any) -> Object:
        return {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "namespace": space}, **fields}

    def reference(kind: str, name: str) -> Object:
        return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}

    return [
        made("Role", "web", rules=[rule]),
        made("RoleBinding", "web", roleRef=reference("Role", "web"), subjects=[account]),
        made("RoleBinding", "web-view", roleRef=reference("ClusterRole", "view"), subjects=[account]),
    ]


@pytest.mark.parametrize("escalate", [False, True])
def test_roles_may_be_handed_on(tmp_path: Path, cleaned: RealPlane, escalate: bool) -> None:
    """Applying roles takes their rights, or the verbs for it: what is printed is enough either way, and
    neither lets gitrel hand on anything else."""
    plane, space = cleaned, cleaned.namespace
    wanted = roles(space)
    made = replace(release(*wanted), environment="quiet", namespace=space)
    needed = rights("quiet", [made], {}, {}, escalate=escalate)
    for obj in objects(needed, (space, "gitrel")):
        plane.backend.apply(obj)
    backend = open_kubernetes("real", "real", kubeconfig=str(as_account(plane, tmp_path, "gitrel")))
    try:
        for obj in wanted:
            backend.apply(obj)
        edit = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
        with pytest.raises(Refused, match="attempting to grant RBAC permissions not currently held"):
            backend.apply({**wanted[2], "metadata": {"name": "more", "namespace": space}, "roleRef": edit})
    finally:
        backend.close()


NEEDED: list[tuple[str, str, Callable[[KubernetesBackend, str], object]]] = [
    ("get", "configmaps", lambda it, space: it.read([config_map(space, "there")])),
    ("list", "configmaps", lambda it, space: it.list("v1", "ConfigMap", space)),
    ("create", "configmaps", lambda it, space: it.apply(config_map(space, "new"))),
    ("patch", "configmaps", lambda it, space: it.apply(config_map(space, "there"))),
    ("delete", "configmaps", lambda it, space: it.delete(config_map(space, "there"))),
    ("list", "pods", lambda it, space: it.list("v1", "Pod", space)),
    ("list", "events", lambda it, space: it.list("v1", "Event", space)),
    ("get", "namespaces", lambda it, space: it.identity()),
]


def config_map(space: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space}}


def test_every_verb_that_is_printed_is_needed(tmp_path: Path, cleaned: RealPlane) -> None:
    """An account for each, which has everything that is printed but this: what gitrel does with it is refused
    by name, and is done with all of it. Without `watch` nothing fails, and every look asks the cluster."""
    plane, space = cleaned, cleaned.namespace
    repo = tmp_path / "repo"
    lay_out(repo, space)
    printed = gitrel(repo, plane.kubeconfig, "rbac", "--service-account", f"{space}/gitrel").stdout
    plane.kubectl("apply", "-f", "-", stdin=printed)
    documents = [obj for obj in yaml.safe_load_all(printed) if obj]
    (role,) = [obj for obj in documents if obj["kind"] == "Role"]
    (wide,) = [obj for obj in documents if obj["kind"] == "ClusterRole"]
    verbs = {(verb, name) for rule in role["rules"] for name in rule["resources"] for verb in rule["verbs"]}
    assert {(verb, name) for verb, name, _ in NEEDED[:-1]} | {("watch", "configmaps")} <= verbs
    plane.backend.apply(config_map(space, "there"))
    for number, (verb, resource, use) in enumerate([*NEEDED, ("watch", "configmaps", watched)]):
        lesser = account_without(plane, tmp_path, f"lesser-{number}", [role, wide], verb, resource)
        try:
            if verb == "watch":
                assert use(lesser, space) is False
                continue
            with pytest.raises(Refused, match=f'cannot {verb} resource "{resource}"'):
                use(lesser, space)
        finally:
            lesser.close()
    whole = KubernetesBackend(requests_of(plane, tmp_path, "gitrel"), "real", watching=True)
    try:
        for _, _, use in NEEDED:
            use(whole, space)
        assert watched(whole, space) is True
    finally:
        whole.close()


def watched(backend: KubernetesBackend, space: str) -> bool:
    """Whether the backend comes to know by itself that nothing has changed, and goes on knowing."""
    backend.hold({Scope("v1", "ConfigMap", space): 1}, {}, "")
    wait, quiet = Event(), 0
    for _ in range(40):
        mark, _ = backend.changed_since("")
        quiet = 0 if backend.changed_since(mark)[1] else quiet + 1
        wait.wait(0.05)
    return quiet > 20


def requests_of(plane: RealPlane, folder: Path, account: str) -> Requests:
    access = resolve("real", AccessOptions(kubeconfig=str(as_account(plane, folder, account))))
    return Requests(Connection(access), "real")


def account_without(
    plane: RealPlane, folder: Path, name: str, roles: list[Object], verb: str, resource: str
) -> KubernetesBackend:
    """As an account of its own that has the roles without one verb: nothing has to be waited for."""
    space = plane.namespace
    plane.backend.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space}}
    )
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": space}]
    for role in roles:
        metadata = {"name": f"{space}-{name}", "namespace": space}
        if role["kind"] == "ClusterRole":
            del metadata["namespace"]
        reference = {"apiGroup": RBAC.partition("/")[0], "kind": role["kind"], "name": metadata["name"]}
        binding = {"apiVersion": RBAC, "kind": f"{role['kind']}Binding", "metadata": metadata}
        plane.backend.apply({**without(role, verb, resource), "metadata": metadata})
        plane.backend.apply({**binding, "roleRef": reference, "subjects": subjects})
    return KubernetesBackend(requests_of(plane, folder, name), "real", watching=True)
