"""Releases into a real cluster that go wrong on the way: rows 66, 67, 74, 77 and 78."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from gitrel.kube.fields import get
from gitrel.kube.identity import Object
from gitrel.orchestrator.reconcile import reconcile
from tests.realcluster.conftest import RealPlane, wait_for
from tests.realcluster.faults import faults
from tests.realcluster.faults.proxy import FaultProxy
from tests.realcluster.faults.webhook import Verdict, deny, never, patch, webhook
from tests.realcluster.site import config_map, deployment, lay_out

SETTINGS = r"/configmaps/settings$"
FILE = "settings-configmap.yaml"
SPLIT = range(1, 7), range(7, 21)


def names(plane: RealPlane, kind: str = "ConfigMap") -> list[str]:
    """What stands in the test's namespace, beside what Kubernetes and gitrel keep there themselves."""
    found = plane.backend.list("v1", kind, plane.namespace)
    own = (one["metadata"]["name"] for one in found)
    return [name for name in own if name not in ("kube-root-ca.crt", "gitrel-web")]


def data(plane: RealPlane, name: str = "settings") -> object:
    obj = config_map(name) | {"metadata": {"name": name, "namespace": plane.namespace}}
    return next((live["data"] for live in plane.backend.read([obj]).values()), None)


def test_what_somebody_else_manages_is_shown_and_left(real_plane: RealPlane, tmp_path: Path) -> None:
    """66: a release that wants another's field says whose it is, writes nothing, and goes nowhere."""
    versions = {
        "v1": {FILE: config_map("settings", a="1")},
        "v2": {FILE: config_map("settings", a="2"), "more-configmap.yaml": config_map("more", b="1")},
    }
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, versions)
    site.good("reconcile", "--wait", "--timeout", "60s")
    real_plane.write(config_map("settings", a="theirs"), manager="hand")
    done = site.gitrel("promote", "web", "v2", "--wait", "--timeout", "3s", "--reason", "proof")
    assert done.code in (4, 5, 6), done.told
    assert "data.a is managed by hand" in done.told
    assert data(real_plane) == {"a": "theirs"} and names(real_plane) == ["settings"]
    assert site.phase("busy") in ("queued", "held")


def test_an_object_that_is_being_deleted_is_waited_for(real_plane: RealPlane, tmp_path: Path) -> None:
    """67: the wait names object and finalizer, has a time-out, and the release is whole once it is gone."""
    versions = {f"v{n}": {FILE: config_map("settings", a=str(n))} for n in (1, 2)}
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, versions)
    site.good("reconcile", "--wait", "--timeout", "60s")
    real_plane.write(
        config_map("settings") | {"metadata": {"name": "settings", "finalizers": ["example.com/hold"]}}
    )
    real_plane.kubectl("delete", "configmap", "settings", "--wait=false")
    done = site.gitrel("promote", "web", "v2", "--wait", "--timeout", "3s", "--reason", "proof")
    assert done.code == 6, done.told
    assert f"ConfigMap {real_plane.namespace}/settings" in done.told and "example.com/hold" in done.told
    assert data(real_plane) == {"a": "1"}
    real_plane.kubectl(
        "patch", "configmap", "settings", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    site.good("reconcile", "--wait", "--timeout", "60s")
    assert data(real_plane) == {"a": "2"}


def test_a_release_that_stops_at_the_seventh_object(
    real_plane: RealPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    """74: what was applied and what not is listed, no other region starts, running again converges."""
    maps = {f"c{n:02}-configmap.yaml": config_map(f"c{n:02}", n=str(n)) for n in range(1, 21)}
    site = lay_out(tmp_path, proxy.kubeconfig, real_plane.namespace, {"v1": maps})
    refusal = faults.status(422, "Invalid", 'ConfigMap "c07" is invalid: data: unlucky number')
    proxy.on("PATCH", "/configmaps/c07$", refusal, query={"force": "false"})
    done = site.gitrel("reconcile", "--wait", "--timeout", "3s")
    assert done.code in (4, 5, 6), done.told
    assert f"ConfigMap {real_plane.namespace}/c07" in done.told and "unlucky number" in done.told
    assert "object 7 of 20 was refused" in done.told, done.told
    applied, left = (
        ", ".join(f"ConfigMap {real_plane.namespace}/c{n:02}" for n in numbers) for numbers in SPLIT
    )
    assert f"\napplied: {applied}\nnot applied: {left}" in done.told.replace("\\n", "\n")
    assert names(real_plane) == [f"c{n:02}" for n in range(1, 7)]
    assert site.phase("busy") in ("queued", "held")
    proxy.heal()
    site.good("reconcile", "--wait", "--timeout", "60s")
    assert names(real_plane) == [f"c{n:02}" for n in range(1, 21)]
    assert site.phase("busy") == "passed"


def test_what_is_invalid_is_told_in_the_servers_words(real_plane: RealPlane, tmp_path: Path) -> None:
    """77: 422 keeps field and reason and names the file the object is from; nothing is written."""
    port = {"port": 80, "nodePort": 1}
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    wrong |= {"spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [port]}}
    version = {FILE: config_map("settings", a="1"), "web-service.yaml": wrong}
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, {"v1": version})
    done = site.gitrel("reconcile", "--wait", "--timeout", "3s")
    assert done.code in (3, 4, 5, 6), done.told
    assert f"Service {real_plane.namespace}/web" in done.told and "spec.ports[0].nodePort" in done.told
    assert "not in the valid range" in done.told and "web-service.yaml" in done.told


def test_a_webhook_that_denies_is_quoted_without_secrets(real_plane: RealPlane, tmp_path: Path) -> None:
    """77: the policy's message is kept, what is secret in it is not; the object leads to its file."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "stringData": {"k": "hunter2-hunter2"},
    }
    version = {"key-secret.yaml": secret}
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, {"v1": version})
    verdict = deny("the value hunter2-hunter2 is too weak for policy 7")
    with webhook(real_plane, tmp_path, verdict, ("", "secrets")):
        wait_for(lambda: _is_denied(real_plane))
        done = site.gitrel("reconcile", "--wait", "--timeout", "3s")
    assert done.code in (4, 5, 6), done.told
    assert "policy.example.com" in done.told and "too weak for policy 7" in done.told
    assert "hunter2" not in done.told and "key-secret.yaml" in done.told
    assert names(real_plane, "Secret") == []


def _is_denied(plane: RealPlane) -> bool:
    """A webhook counts a moment after it was configured."""
    try:
        plane.kubectl("create", "secret", "generic", "probe", "--dry-run=server")
    except AssertionError:
        return True
    return False


def test_a_webhook_that_does_not_answer(real_plane: RealPlane, tmp_path: Path) -> None:
    """77: the API server's time-out is tried again within the budget and then named; later it converges."""
    site = lay_out(
        tmp_path, real_plane.kubeconfig, real_plane.namespace, {"v1": {FILE: config_map("settings", a="1")}}
    )
    released = threading.Event()
    with webhook(real_plane, tmp_path, never(released), ("", "configmaps")):
        wait_for(lambda: _is_slow(real_plane))
        with site.world() as world:
            report = reconcile(world)
        told = " ".join([*(outcome.error for outcome in report.errors), *report.unreachable.values()])
        assert "policy.example.com" in told and "deadline exceeded" in told, told
        assert "quiet" in told
        released.set()
    site.good("reconcile", "--wait", "--timeout", "60s")
    assert data(real_plane) == {"a": "1"}


def _is_slow(plane: RealPlane) -> bool:
    try:
        plane.kubectl("create", "configmap", "probe", "--dry-run=server")
    except AssertionError:
        return True
    return False


def test_what_the_server_changes_is_no_difference(real_plane: RealPlane, tmp_path: Path) -> None:
    """78: a sidecar, a label and defaults that a webhook adds are no diff, no drift, and cause no write."""
    sidecar = {
        "op": "add",
        "path": "/spec/template/spec/containers/-",
        "value": {"name": "mesh", "image": "m:1"},
    }
    label = {"op": "add", "path": "/metadata/labels/injected", "value": "yes"}
    version = {"web-deployment.yaml": deployment()}
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, {"v1": version})
    with webhook(real_plane, tmp_path, _once(sidecar, label), ("apps", "deployments"), mutating=True):
        wait_for(lambda: _is_mutated(real_plane))
        site.good("reconcile", "--wait", "--timeout", "60s")
        before = _deployment(real_plane)
        assert len(get(before, "spec", "template", "spec", "containers")) == 2
        done = site.gitrel("reconcile", "--wait", "--timeout", "20s")
        assert done.code == 0 and "drift" not in done.told.lower(), done.told
        diff = site.gitrel("diff")
        assert diff.code == 0, diff.told
        after = _deployment(real_plane)
        assert after["metadata"]["generation"] == before["metadata"]["generation"]


def _once(*operations: dict[str, Any]) -> Verdict:
    patched = patch(*operations)

    def verdict(obj: Object) -> dict[str, Any]:
        containers = get(obj, "spec", "template", "spec", "containers", default=())
        return {"allowed": True} if len(containers) > 1 else patched(obj)

    return verdict


def _is_mutated(plane: RealPlane) -> bool:
    dry = plane.kubectl("create", "deployment", "probe", "--image=a", "--dry-run=server", "-o", "yaml")
    return "mesh" in dry


def _deployment(plane: RealPlane) -> Object:
    (found,) = plane.backend.list("apps/v1", "Deployment", plane.namespace)
    return found
