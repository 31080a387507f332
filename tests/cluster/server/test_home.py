"""Clusters that are kept: brought up, ended in every way, and brought up again as they were."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.clock import parse_instant
from gitrel.cluster.server.bringup import address, spec_of
from gitrel.cluster.server.home import Home, Settings, home, homes, state_root
from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import UsageError
from tests.cluster.server.client import CONFIG_MAPS, Api, config_map
from tests.waiting import until

NAME = "kept"


def gitrel(state: Path, *arguments: str, code: int = 0) -> str:
    """Runs `gitrel cluster …`; what it says on both streams."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GITREL_")}
    done = subprocess.run(
        [sys.executable, "-m", "gitrel", "cluster", *arguments],
        env={**environment, "XDG_STATE_HOME": str(state)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("state")
    yield root
    for one in homes(root / "gitrel" / "clusters"):
        if (running := one.running()) is not None:
            os.kill(running["pid"], signal.SIGKILL)


def place(state: Path, name: str = NAME) -> Home:
    return home(name, state_root({"XDG_STATE_HOME": str(state)}))


def test_a_cluster_survives_every_end(state: Path, tmp_path: Path) -> None:
    """down, kill -9 and up again: the same address, authority and objects; a snapshot starts a twin."""
    token_file = tmp_path / "tokens.csv"
    token_file.write_text("let-me-in,carol,3\n")
    up = ("up", "--name", NAME, "--nodes", "1", "--clock", "virtual", "--token-file", str(token_file))
    told = gitrel(state, *up, "--without", "scheduler,kubelet")
    kept = place(state)
    assert str(kept.kubeconfig) in told
    running = kept.running()
    assert running is not None
    with Api(kept.kubeconfig) as api:
        made = api.post(CONFIG_MAPS, config_map("precious", a="1"))
        with Api(kept.kubeconfig, token="let-me-in") as carol:
            assert carol.call("GET", "/version").code == 200
        for path in (kept.directory, kept.pki):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        for path in (kept.kubeconfig, kept.pki / "ca.key", kept.log, kept.directory / "cluster.db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

        os.kill(running["pid"], signal.SIGKILL)
        until(lambda: kept.running() is None, "the server is dead")
        assert "stopped" in gitrel(state, "list")
        gitrel(state, "up", "--name", NAME)
        again = kept.running()
        assert again is not None and again["url"] == running["url"] and again["pid"] != running["pid"]
        api.close()
        assert api.get(f"{CONFIG_MAPS}/precious") == made
        # A watch goes on from the last revision; from an earlier one it is told to list again.
        last = api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
        with api.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={last}") as events:
            api.post(CONFIG_MAPS, config_map("later"))
            assert next(events)["object"]["metadata"]["name"] == "later"
        earlier = int(made["metadata"]["resourceVersion"]) - 1
        assert api.call("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={earlier}").code == 410
    assert "is running already" in gitrel(state, "up", "--name", NAME)
    _time_passes(state, kept)

    snapshot = tmp_path / "snapshot"
    gitrel(state, "snapshot", "--name", NAME, str(snapshot))
    gitrel(state, "down", "--name", NAME)
    assert kept.running() is None
    gitrel(state, "up", "--name", "twin", "--from", str(snapshot))
    with Api(place(state, "twin").kubeconfig) as twin:
        assert twin.get(f"{CONFIG_MAPS}/precious") == made
    gitrel(state, "down", "--name", "twin", "--delete")
    assert [one.name for one in homes(state_root({"XDG_STATE_HOME": str(state)}))] == [NAME]


def _time_passes(state: Path, kept: Home) -> None:
    """As long as it is told to, and it is not forgotten when the server is killed."""
    now = parse_instant(gitrel(state, "advance", "--name", NAME, "3d").strip())
    running = kept.running()
    assert running is not None
    os.kill(running["pid"], signal.SIGKILL)
    until(lambda: kept.running() is None, "the server is dead")
    assert "is not running" in gitrel(state, "advance", "--name", NAME, "1h", code=2)
    gitrel(state, "up", "--name", NAME)
    later = parse_instant(gitrel(state, "advance", "--name", NAME, "1h").strip())
    assert later == now + timedelta(hours=1)
    assert "is not a duration" in gitrel(state, "advance", "--name", NAME, "soon", code=2)


def test_what_cannot_be_is_said(state: Path) -> None:
    """Each refusal is one sentence, and leaves nothing behind."""
    assert "there is no cluster 'nobody'" in gitrel(state, "down", "--name", "nobody", code=2)
    assert "only 1.36 is emulated" in gitrel(state, "up", "--kubernetes-version", "1.30", code=2)
    assert "choose from" in gitrel(state, "up", "--name", "odd", "--without", "soul", code=2)
    assert not place(state, "odd").directory.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "x" * 64, "-a", "a-", "a\n"])
def test_names_stay_inside_their_folder(name: str, tmp_path: Path) -> None:
    """A name is one label, so that no cluster is made anywhere else."""
    with pytest.raises(UsageError, match="no name for a cluster"):
        home(name, tmp_path)


@pytest.mark.parametrize("text", ["", "6443", ":6443", "host:", "host:x", "host:70000", "h:1:2:x"])
def test_addresses_are_host_and_port(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(UsageError, match="write it as"):
        address(text)


def test_addresses_of_both_families() -> None:
    """With brackets or without."""
    assert address("127.0.0.1:0") == ("127.0.0.1", 0)
    assert address("[::1]:6443") == ("::1", 6443)


def test_settings_make_a_spec() -> None:
    """What is not given is as in any cluster; ranges are checked."""
    assert spec_of("x", Settings()) == ClusterSpec(name="x")
    assert spec_of("x", Settings(nodes=0)).nodes == ()
    for cidr in ("10.0.0.0/30", "fd00::/64", "10.0.0.1/16", "much"):
        with pytest.raises(UsageError, match="--service-cidr"):
            spec_of("x", Settings(service_cidr=cidr))


def test_the_state_home_is_where_xdg_says() -> None:
    """An absolute XDG_STATE_HOME, else ~/.local/state."""
    assert state_root({"XDG_STATE_HOME": "/state"}) == Path("/state/gitrel/clusters")
    assert state_root({"XDG_STATE_HOME": "relative"}) == state_root({})
