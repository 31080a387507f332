"""One served cluster for each module of tests, on a virtual clock that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.cluster.server.bringup import served
from gitrel.cluster.server.serving import Serving
from tests.cluster.server.client import Api

TOKENS = ('secret-token,alice,1,"team-a,team-b"', "other-token,bob,2")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Serving]:
    with served(directory, tokens=TOKENS) as serving:
        yield serving


@pytest.fixture(scope="module")
def api(server: Serving, directory: Path) -> Iterator[Api]:
    api = Api(directory / "kubeconfig")
    yield api
    api.close()
