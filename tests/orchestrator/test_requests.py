"""A pass asks a distant cluster for lists, not for each component: what it costs does not grow with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.app import Reach, world
from gitrel.backends.kubernetes import absence
from gitrel.backends.kubernetes.access import AccessOptions
from gitrel.backends.kubernetes.backend import KubernetesBackend
from gitrel.cluster.server import bringup
from gitrel.cluster.spec import ClusterSpec
from gitrel.orchestrator.reconcile import reconcile
from gitrel.repo.git.creation import create
from tests import small

PIPELINE = """\
apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
metadata: {name: plain}
spec:
  defaults: {minReadySeconds: 0, meanTimeToSmoke: 0s, soakFactor: 0}
"""
ENVIRONMENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Environment
metadata: {name: far}
spec: {role: region, traffic: 1, namespace: shop, cluster: {kubernetes: {context: gitrel-served}}}
"""
COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: NAME}
"""
OBJECTS = {
    "config": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {of: NAME}\n",
    "account": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: NAME}\n",
}


def repository(root: Path, components: int) -> Path:
    files = {"environments/pipeline.yaml": PIPELINE, "environments/far.yaml": ENVIRONMENT}
    for number in range(components):
        name = f"part-{number:02d}"
        files[f"apps/{name}/component.yaml"] = COMPONENT.replace("NAME", name)
        for kind, text in OBJECTS.items():
            files[f"apps/{name}/v1/{name}-{kind}.yaml"] = text.replace("NAME", name)
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for number in range(components):
        (root / f"apps/part-{number:02d}/far").symlink_to("v1")
    create(root, message="Begin", author=small.AUTHOR, at=small.START)
    return root


def requests_of_the_first_pass(root: Path, kubeconfig: Path) -> int:
    """Which has everything to apply."""
    reach = Reach(AccessOptions(kubeconfig=str(kubeconfig)))
    with world(root, actor=small.AUTHOR, reach=reach) as it:
        report = reconcile(it)
        (backend,) = it.clusters.connected()
        assert isinstance(backend, KubernetesBackend)
        assert not report.errors and report.outcomes
        return backend.requests


def requests_of_a_pass(root: Path, kubeconfig: Path) -> int:
    """By a process that begins with nothing, as a CI job does; of a pass in which nothing is to be done."""
    reach = Reach(AccessOptions(kubeconfig=str(kubeconfig)))
    for _ in range(4):
        with world(root, actor=small.AUTHOR, reach=reach) as it:
            report = reconcile(it)
            (backend,) = it.clusters.connected()
            assert isinstance(backend, KubernetesBackend)
            asked = backend.requests
        assert not report.errors
        if not report.outcomes and all(one.status == "passed" for one in report.rollouts.values()):
            return asked
    raise AssertionError("it does not come to rest")


def test_a_first_apply_asks_twice_for_each_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each component costs its objects and two writes of its inventory; that none of it is there yet, and
    that the namespace is, is found out for all of them together."""
    monkeypatch.setattr(absence, "FRESH_SECONDS", 600.0)  # however slow the machine is
    components, counts = (6, 18), []
    for number in components:
        folder = tmp_path / f"served-{number}"
        with bringup.served(folder, ClusterSpec(name="served", nodes=())):
            root = repository(tmp_path / f"repository-{number}", number)
            counts.append(requests_of_the_first_pass(root, folder / "kubeconfig"))
    fewer, more = components
    assert counts[1] - counts[0] == (more - fewer) * (len(OBJECTS) + 2)
    assert counts[0] <= fewer * (len(OBJECTS) + 2) + 25


@pytest.mark.parametrize("fewer, more", [(4, 12)])
def test_requests_do_not_grow_with_components(tmp_path: Path, fewer: int, more: int) -> None:
    """The clusters' identity, the kinds that are served, and one list for each kind in each namespace."""
    counts = []
    for components in (fewer, more):
        folder = tmp_path / f"served-{components}"
        with bringup.served(folder, ClusterSpec(name="served", nodes=())):
            root = repository(tmp_path / f"repository-{components}", components)
            counts.append(requests_of_a_pass(root, folder / "kubeconfig"))
    assert counts[0] == counts[1] <= 8
