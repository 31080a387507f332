"""One config repository with a remote for each test, and the command line on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE
from tests.sources.support import GitServer, Start, config, remote_of, starting

TOKEN = "canary-4f0c9d2e7b"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    remote_of(config(folder / "config", ("web", "api")))
    return folder


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Path:
    """A checked-out repository whose remote is beside it, as `config.git`."""
    shutil.copytree(made, tmp_path / "sandbox", symlinks=True)
    return tmp_path / "sandbox" / "config"


@pytest.fixture
def remote(work: Path) -> Path:
    return work.with_suffix(".git")


@pytest.fixture
def server(remote: Path) -> Iterator[GitServer]:
    """Serves the remote to whoever has the token."""
    with GitServer(remote.parent, TOKEN).running() as running:
        yield running


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that do not outlive the test."""
    with starting() as found:
        yield found


Run = Callable[..., Ran]


@pytest.fixture
def run(server: GitServer, tmp_path: Path) -> Run:
    """Runs a verb on the remote by its URL, with the token in the environment unless told otherwise."""

    def call(*arguments: str, token: str = TOKEN, **env: str) -> Ran:
        url = f"{server.origin}/config.git"
        here = ("--repo", url, "--allow-transport", "http", "--cache-dir", str(tmp_path / "cache"))
        return gitrel(*arguments, *here, env={**PEOPLE, "GITREL_TOKEN": token, **env})

    return call
