"""Clusters for other people's tests: comes with the package, no import needed.

    def test_my_controller(gitrel_cluster_kubeconfig):
        kubernetes.config.load_kube_config(str(gitrel_cluster_kubeconfig))
        ...

`gitrel_cluster` is a cluster in the test's own process, moved by calls (`settle`, `advance`);
`gitrel_cluster_kubeconfig` is one behind HTTPS, for kubectl and any client. Each test gets one of its own.
A mark says what it is made of: `@pytest.mark.gitrel_cluster(nodes=5, without=["scheduler"], speed=60)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gitrel.cluster.cluster import Cluster
    from gitrel.cluster.spec import ClusterSpec

MARK = "gitrel_cluster"
_MEANS = (
    "nodes: how many, or a sequence of NodePool; without: parts to leave out; behaviours: what images "
    "do; seed; and over HTTPS clock ('virtual', which jumps to whatever is due, or 'system') and speed"
)
_OVER_HTTPS = ("clock", "speed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(**options): the cluster that a fixture gives. {_MEANS}")


@pytest.fixture
def gitrel_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster in this process, settled, on a virtual clock that moves when told."""
    from gitrel.cluster.cluster import Cluster

    options = _options(request)
    if given := [name for name in _OVER_HTTPS if name in options]:
        raise pytest.UsageError(f"{MARK}: {', '.join(given)} only means something over HTTPS")
    with Cluster(_spec(options)) as cluster:
        cluster.settle()
        yield cluster


@pytest.fixture
def gitrel_cluster_kubeconfig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a cluster that is served over HTTPS on a free port of this machine."""
    from gitrel.cluster.server.bringup import served

    options = _options(request)
    over_https = {name: options.pop(name) for name in _OVER_HTTPS if name in options}
    directory = tmp_path / "gitrel-cluster"
    with served(directory, _spec(options), **over_https):
        yield directory / "kubeconfig"


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the nearest mark says, over what those further out say."""
    options: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(MARK))):
        if mark.args:
            raise pytest.UsageError(f"{MARK} takes keywords only: {_MEANS}")
        options |= mark.kwargs
    return options


def _spec(options: dict[str, Any]) -> ClusterSpec:
    from gitrel.cluster.spec import ClusterSpec, NodePool

    nodes = options.pop("nodes", None)
    if isinstance(nodes, int):
        nodes = (NodePool(count=nodes),) if nodes else ()
    if nodes is not None:
        options["nodes"] = tuple(nodes)
    try:
        return ClusterSpec(**options)
    except TypeError as wrong:
        raise pytest.UsageError(f"{MARK}: {wrong}: {_MEANS}") from None
