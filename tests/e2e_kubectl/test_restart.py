"""What a second process sees of a server that is killed and comes back: all of it, or a clean 410."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.informer import SharedInformer

from gitrel.cluster.server.home import Home, home, state_root
from tests.cluster.server.client import CONFIG_MAPS, Api, config_map
from tests.waiting import until

NAME = "killed"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    kill(place(tmp_path))


def place(state: Path) -> Home:
    return home(NAME, state_root({"XDG_STATE_HOME": str(state)}))


def up(state: Path) -> Home:
    command = [sys.executable, "-m", "gitrel", "cluster", "up", "--name", NAME, "--nodes", "1"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GITREL_")}
    subprocess.run(
        command,
        env={**environment, "XDG_STATE_HOME": str(state)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return place(state)


def kill(one: Home) -> None:
    """As the kernel does when memory is short."""
    if (running := one.running()) is None:
        return
    os.kill(running["pid"], signal.SIGKILL)
    until(lambda: one.running() is None, "the server is dead")


def write_until(api: Api, first: int, stopped: threading.Event, acknowledged: list[str]) -> None:
    """Creates one object after another; those that were acknowledged are remembered."""
    number = first
    while not stopped.is_set():
        try:
            answer = api.call("POST", CONFIG_MAPS, config_map(f"object-{number:05}"))
        except (OSError, http.client.HTTPException):
            return
        if answer.code == 201:
            acknowledged.append(f"object-{number:05}")
        number += 1


def follow(api: Api, since: str, seen: list[tuple[str, str]]) -> None:
    """A watch from `since` until the connection breaks: names and revisions."""
    try:
        with api.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={since}") as events:
            for event in events:
                metadata = event["object"]["metadata"]
                seen.append((metadata["name"], metadata["resourceVersion"]))
    except (OSError, ValueError, http.client.HTTPException):
        return


def test_a_watch_loses_nothing_when_the_server_is_killed(state: Path) -> None:
    """Killed in the midst of writes: what was acknowledged is there again, and a watch that goes on from its
    last revision gets the rest in order, or is told 410 and finds it all in a list."""
    one = up(state)
    writer, reader = Api(one.kubeconfig), Api(one.kubeconfig)
    start = reader.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    reader.close()
    acknowledged: list[str] = []
    seen: list[tuple[str, str]] = []
    following = threading.Thread(target=follow, args=(reader, start, seen))
    writing = threading.Thread(target=write_until, args=(writer, 0, threading.Event(), acknowledged))
    following.start()
    writing.start()
    until(lambda: len(acknowledged) >= 100, "a hundred writes are acknowledged")
    kill(one)
    for thread in (following, writing):
        thread.join(timeout=20)
        assert not thread.is_alive()
    for api in (writer, reader):
        api.close()

    up(state)
    kept = reader.get(CONFIG_MAPS)
    names = [
        item["metadata"]["name"] for item in kept["items"] if item["metadata"]["name"].startswith("object")
    ]
    assert set(acknowledged) <= set(names), "an acknowledged write was lost"
    watched = [name for name, _ in seen]
    assert watched == names[: len(watched)], (
        "the watch saw something that is not there, or left something out"
    )
    last = seen[-1][1] if seen else start
    answer = reader.call("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={last}&timeoutSeconds=1")
    if answer.code == 410:
        assert answer.json["reason"] == "Expired"
    else:
        rest = [line for line in answer.body.splitlines() if line]
        assert len(rest) == len(names) - len(watched)
    # From the list on, it goes on as if nothing had happened.
    with reader.watch(
        f"{CONFIG_MAPS}?watch=true&resourceVersion={kept['metadata']['resourceVersion']}"
    ) as events:
        writer.post(CONFIG_MAPS, config_map("afterwards"))
        assert next(events)["object"]["metadata"]["name"] == "afterwards"
    writer.close()
    reader.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_informer_finds_its_way_back(state: Path) -> None:
    """The official client's informer, over a kill: in the end its cache is what the cluster has."""
    one = up(state)
    with config.new_client_from_config(str(one.kubeconfig)) as found:
        core: Any = client.CoreV1Api(found)
        core.create_namespaced_config_map("default", config_map("before"))
        added: Queue[str] = Queue()
        informer: Any = SharedInformer(core.list_namespaced_config_map, "default", resync_period=1)
        informer.add_event_handler("ADDED", lambda obj: added.put(obj.metadata.name))
        informer.start()
        seen = {added.get(timeout=20)}
        while "before" not in seen:
            seen.add(added.get(timeout=20))
        kill(one)
        up(state)
        with Api(one.kubeconfig) as api:
            api.post(CONFIG_MAPS, config_map("after"))
            while "after" not in seen:
                seen.add(added.get(timeout=30))
            names = {item["metadata"]["name"] for item in api.get(CONFIG_MAPS)["items"]}
        assert {obj.metadata.name for obj in informer.cache.list()} == names
        informer.stop()
