"""What an operator gets wrong around a real cluster: rows 100, 101 and 102, as a person types it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitrel.backends.kubernetes.backend import open_kubernetes
from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
from tests.realcluster.conftest import RealPlane
from tests.realcluster.site import Site, config_map, lay_out

VERSION = {"settings-configmap.yaml": config_map("settings", a="1")}


def site(folder: Path, plane: RealPlane) -> Site:
    return lay_out(folder / "repo", plane.kubeconfig, plane.namespace, {"v1": VERSION})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "there is no kubeconfig (looked at: {path})", id="missing"),
        pytest.param("", "there is no context 'real' in {path} (have: none)", id="empty"),
        pytest.param("users: [", "{path}:2:1: the kubeconfig is not valid YAML", id="no YAML"),
        pytest.param("contexts: 7", "{path}: contexts is not a list", id="no kubeconfig"),
        pytest.param(
            "contexts: [{name: prod, context: {cluster: c}}]",
            "there is no context 'real' in {path} (have: prod)",
            id="another context",
        ),
        pytest.param(
            "contexts: [{name: real, context: {cluster: c}}]",
            "context real: {path}: its cluster is not there",
            id="no cluster",
        ),
    ],
)
def test_a_kubeconfig_that_leads_nowhere(
    tmp_path: Path, real_plane: RealPlane, text: str | None, said: str
) -> None:
    """100, 102: what was looked at and which contexts there are is told; before that nothing is written, not
    to the bundled region either."""
    whole = site(tmp_path, real_plane)
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    lost = replace(whole, kubeconfig=path)
    done = lost.gitrel("reconcile")
    assert done.code == 2, done.told
    assert said.format(path=path) in done.err and "quiet" in done.err
    assert not (whole.folder / ".gitrel/clusters/busy").exists()


def test_a_context_that_leads_to_another_cluster(tmp_path: Path, real_plane: RealPlane) -> None:
    """101: refused by what writes and by what only looks, with both UIDs, until a person adopts it."""
    whole = site(tmp_path, real_plane)
    whole.good("reconcile", "--wait", "--timeout", "60s")
    uid = real_plane.backend.identity()
    other = tmp_path / "other"
    with served(other, ClusterSpec(name="other")):
        kubeconfig = other / "kubeconfig"
        text = kubeconfig.read_text(encoding="utf-8").replace("gitrel-other", "real")
        kubeconfig.write_text(text, encoding="utf-8")
        backend = open_kubernetes("other", "real", kubeconfig=str(kubeconfig))
        try:
            wrong = replace(whole, kubeconfig=kubeconfig)
            for words in (("reconcile",), ("diff", "web", "quiet")):
                done = wrong.gitrel(*words)
                assert done.code == 7, done.told
                assert f"this is {backend.identity()} and not {uid}, which is recorded for quiet" in done.err
            assert backend.list("v1", "ConfigMap", real_plane.namespace) == []
            assert "--adopt" in wrong.gitrel("reconcile").err
            wrong.good("reconcile", "--wait", "--timeout", "60s", "--adopt", "quiet")
            found = backend.list("v1", "ConfigMap", real_plane.namespace)
            assert "settings" in [one["metadata"]["name"] for one in found]
        finally:
            backend.close()
    assert whole.gitrel("diff", "web", "quiet").code == 7
