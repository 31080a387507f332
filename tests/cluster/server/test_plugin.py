"""The fixtures that come with the package, as somebody else's tests use them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.cluster.cluster import Cluster
from tests.cluster.server.client import PODS, Api, pod

pytest_plugins = ("pytester",)


@pytest.mark.gitrel_cluster(nodes=2)
def test_a_cluster_in_this_process(gitrel_cluster: Cluster) -> None:
    """Made as the mark says, and moved by the test."""
    assert len(gitrel_cluster.api.list("nodes")) == 2
    made = pod("mine")
    made["metadata"]["namespace"] = "default"
    gitrel_cluster.api.apply(made)
    gitrel_cluster.advance(timedelta(minutes=1))
    assert gitrel_cluster.api.get("pods", "mine", "default")["status"]["phase"] == "Running"


@pytest.mark.gitrel_cluster(nodes=1)
def test_a_cluster_behind_https(gitrel_cluster_kubeconfig: Path) -> None:
    """A kubeconfig for any client; pods start without waiting."""
    api = Api(gitrel_cluster_kubeconfig)
    with api.watch(f"{PODS}?watch=true") as events:
        api.post(PODS, pod("mine"))
        phases = (event["object"]["status"]["phase"] for event in events)
        assert "Running" in (next(phases) for _ in range(10))
    api.close()


@pytest.mark.gitrel_cluster(without=["scheduler", "kubelet"])
def test_a_bare_control_plane(gitrel_cluster_kubeconfig: Path) -> None:
    """Without a scheduler, a pod stays where it is."""
    api = Api(gitrel_cluster_kubeconfig)
    api.post(PODS, pod("mine"))
    assert api.get(f"{PODS}/mine")["status"]["phase"] == "Pending"
    api.close()


def test_a_mark_that_means_nothing_is_told(pytester: pytest.Pytester) -> None:
    """Misspelt options are an error of use, not a cluster of some other kind."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.gitrel_cluster(knodes=3)
        def test_one(gitrel_cluster):
            pass

        @pytest.mark.gitrel_cluster(speed=3)
        def test_two(gitrel_cluster):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["*unexpected keyword argument 'knodes'*", "*only means something over HTTPS*"]
    )
