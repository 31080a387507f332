"""The rest of the official Python client: informers, elections that go over, directories, streams, 410."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import yaml
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import exceptions
from kubernetes.informer import SharedInformer
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from kubernetes.stream import portforward, stream

from gitrel.cluster.server.bringup import served
from gitrel.cluster.server.serving import Serving
from tests.e2e_kubectl.test_verbs import WEB

NAMESPACE = "default"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Serving]:
    with served(directory) as serving:
        yield serving


@pytest.fixture(scope="module")
def api(server: Serving, directory: Path) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(directory / "kubeconfig")) as found:
        yield found


@pytest.fixture(scope="module")
def resources(api: client.ApiClient, directory: Path) -> Any:
    return dynamic.DynamicClient(api, cache_file=str(directory / "discovery")).resources


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


# --- informers --------------------------------------------------------------------------------------------


def test_an_informer_keeps_what_the_cluster_has(api: client.ApiClient) -> None:
    """What was there, what came, what changed and what went; its cache is the cluster's list."""
    core = client.CoreV1Api(api)
    labelled = {**config_map("told", a="0"), "metadata": {"name": "told", "labels": {"informed": "yes"}}}
    core.create_namespaced_config_map(NAMESPACE, labelled)
    seen: Queue[tuple[str, str]] = Queue()
    informer = SharedInformer(core.list_namespaced_config_map, NAMESPACE, label_selector="informed=yes")
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        informer.add_event_handler(
            kind, lambda obj, kind=kind: seen.put((kind, (obj.data or {}).get("a", "")))
        )
    informer.start()
    try:
        assert seen.get(timeout=20) == ("ADDED", "0")
        core.patch_namespaced_config_map("told", NAMESPACE, {"data": {"a": "1"}})
        assert seen.get(timeout=20) == ("MODIFIED", "1")
        assert [obj.data["a"] for obj in informer.cache.list()] == ["1"]
        core.patch_namespaced_config_map("told", NAMESPACE, {"metadata": {"labels": {"informed": None}}})
        # Out of what it selects is gone, as far as it is concerned.
        assert seen.get(timeout=20)[0] == "DELETED"
        assert informer.cache.list() == []
        core.create_namespaced_config_map(
            NAMESPACE, {**labelled, "metadata": {"name": "next", "labels": {"informed": "yes"}}}
        )
        assert seen.get(timeout=20) == ("ADDED", "0")
    finally:
        stopping = threading.Thread(target=informer.stop)
        stopping.start()
        # It waits for its stream, and the stream for the next event.
        for count in itertools.count():
            stopping.join(0.1)
            if not stopping.is_alive():
                break
            core.patch_namespaced_config_map("next", NAMESPACE, {"data": {"count": str(count)}})


# --- watches ----------------------------------------------------------------------------------------------


def test_a_revision_that_is_gone_is_told_to_every_client(
    server: Serving, api: client.ApiClient, resources: Any
) -> None:
    """410 with reason Expired: the typed watch raises it, the dynamic one too; a list starts afresh."""
    core = client.CoreV1Api(api)
    start = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, config_map("after-start"))
    server.call(lambda cluster: cluster.store.compact(cluster.store.revision))
    typed = watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, resource_version=start)
    with pytest.raises(ApiException) as gone:
        next(iter(typed))
    assert gone.value.status == 410
    maps = resources.get(api_version="v1", kind="ConfigMap")
    with pytest.raises(exceptions.DynamicApiError) as gone_too:
        next(iter(maps.watch(namespace=NAMESPACE, resource_version=start, timeout=5)))
    assert gone_too.value.status == 410
    fresh = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    assert int(fresh) > int(start)


def test_a_watch_ends_when_its_time_is_over(api: client.ApiClient, resources: Any) -> None:
    """The generator just stops: the server ended the stream, and nothing failed."""
    core = client.CoreV1Api(api)
    now = core.list_namespaced_secret(NAMESPACE).metadata.resource_version
    events = watch.Watch().stream(
        core.list_namespaced_secret, NAMESPACE, resource_version=now, timeout_seconds=1
    )
    assert list(events) == []
    secrets = resources.get(api_version="v1", kind="Secret")
    assert list(secrets.watch(namespace=NAMESPACE, resource_version=now, timeout=1)) == []


def test_a_dynamic_watch_begins_with_what_is_there(api: client.ApiClient, resources: Any) -> None:
    """sendInitialEvents: everything as ADDED, then a bookmark that says that it was all."""
    maps = resources.get(api_version="v1", kind="ConfigMap")
    maps.create(body=config_map("initial"), namespace=NAMESPACE)
    found: list[tuple[str, str]] = []
    watcher = watch.Watch()
    for event in maps.watch(
        namespace=NAMESPACE,
        watcher=watcher,
        timeout=20,
        allow_watch_bookmarks=True,
        send_initial_events=True,
        resource_version_match="NotOlderThan",
    ):
        metadata = event["raw_object"]["metadata"]
        found.append((event["type"], metadata.get("name", "")))
        if event["type"] == "BOOKMARK":
            assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
            watcher.stop()
    assert ("ADDED", "initial") in found and found[-1][0] == "BOOKMARK"


# --- writes -----------------------------------------------------------------------------------------------


def test_managers_meet_through_the_dynamic_client(resources: Any) -> None:
    """Server-side apply: a conflict names the other manager, force takes over."""
    maps = resources.get(api_version="v1", kind="ConfigMap")

    def apply(manager: str, value: str, *, force: bool | None = None) -> Any:
        return maps.server_side_apply(
            body=config_map("shared", a=value),
            namespace=NAMESPACE,
            field_manager=manager,
            force_conflicts=force,
        )

    apply("one", "1")
    with pytest.raises(exceptions.ConflictError) as conflict:
        apply("two", "2")
    assert 'conflict with \\"one\\": .data.a' in conflict.value.body
    taken = apply("two", "2", force=True)
    owners = {row["manager"]: row["operation"] for row in taken.to_dict()["metadata"]["managedFields"]}
    assert taken.data.a == "2" and owners["two"] == "Apply"


def test_a_directory_of_files_is_created_and_applied(api: client.ApiClient, tmp_path: Path) -> None:
    """In the order of their names, Lists unpacked; then applied."""
    (tmp_path / "1-list.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [config_map("one"), config_map("two")]})
    )
    deployment = yaml.safe_load(WEB.replace("name: web\n", "name: filed\n"))
    (tmp_path / "2-web.yaml").write_text(yaml.safe_dump(deployment))
    created = utils.create_from_directory(api, str(tmp_path))
    assert created
    assert client.AppsV1Api(api).read_namespaced_deployment("filed", NAMESPACE).spec.replicas == 2
    with pytest.raises(utils.FailToCreateError) as failed:
        utils.create_from_directory(api, str(tmp_path))
    assert {error.status for error in failed.value.api_exceptions} == {409}
    more = {**deployment, "spec": {**deployment["spec"], "replicas": 3}}
    utils.create_from_dict(api, more, apply=True, force_conflicts=True)
    assert client.AppsV1Api(api).read_namespaced_deployment("filed", NAMESPACE).spec.replicas == 3


# --- elections --------------------------------------------------------------------------------------------


class Candidates:
    """Two of them for one lock: the first fails at its work, the second waits all along."""

    def __init__(self, lock: Callable[[str], Any]) -> None:
        self.led: list[str] = []
        self._lock = lock
        self._threads = [threading.Thread(target=self._run, args=(name,)) for name in ("first", "second")]

    def _run(self, name: str) -> None:
        wanted = electionconfig.Config(
            self._lock(name), lease_duration=3, renew_deadline=2, retry_period=1.1,
            onstarted_leading=lambda: self._work(name), onstopped_leading=lambda: None,
        )  # fmt: skip
        leaderelection.LeaderElection(wanted).run()

    def _work(self, name: str) -> None:
        self.led.append(name)
        raise RuntimeError("the work is over")

    def start(self) -> None:
        first, second = self._threads
        first.start()
        while not self.led:
            first.join(0.01)
        second.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=30)


def test_the_lead_goes_over_to_the_next(server: Serving, directory: Path) -> None:
    """The second one leads when the first one's lease has run out, over a Lease and over a ConfigMap."""
    config.load_kube_config(str(directory / "kubeconfig"))
    elections = [
        Candidates(lambda name: LeaseLock("handover", NAMESPACE, name)),
        Candidates(lambda name: ConfigMapLock("handover", NAMESPACE, name)),
    ]
    for election in elections:
        election.start()
    for election in elections:
        election.join()
        assert election.led == ["first", "second"]


# --- what no kubelet answers ------------------------------------------------------------------------------


def test_streams_are_refused_as_an_api_server_refuses_them(api: client.ApiClient, directory: Path) -> None:
    """exec, attach and port-forward fail in the handshake; logs with 500; unknown pods with 404."""
    core = client.CoreV1Api(api)
    container = {"name": "main", "image": "nginx"}
    body = {"metadata": {"name": "streamed"}, "spec": {"containers": [container]}}
    core.create_namespaced_pod(NAMESPACE, body)
    events = watch.Watch()
    for event in events.stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=20):
        if event["object"].metadata.name == "streamed" and event["object"].status.phase == "Running":
            events.stop()
    with config.new_client_from_config(str(directory / "kubeconfig")) as own:
        other = client.CoreV1Api(own)
        for connect in (other.connect_get_namespaced_pod_exec, other.connect_get_namespaced_pod_attach):
            more = {"command": ["ls"]} if "exec" in connect.__name__ else {}
            with pytest.raises(ApiException, match="Handshake status 500"):
                stream(connect, "streamed", NAMESPACE, stdout=True, **more)
        with pytest.raises(ApiException, match="Handshake status 500"):
            portforward(other.connect_get_namespaced_pod_portforward, "streamed", NAMESPACE, ports="80")
        with pytest.raises(ApiException, match="Handshake status 404"):
            stream(other.connect_get_namespaced_pod_exec, "nobody", NAMESPACE, command=["ls"], stdout=True)
    with pytest.raises(ApiException) as refused:
        core.read_namespaced_pod_log("streamed", NAMESPACE)
    assert refused.value.status == 500 and "connection refused" in refused.value.body


def test_the_metrics_api_is_absent(api: client.ApiClient) -> None:
    """404, as on a cluster without a metrics server."""
    with pytest.raises(ApiException) as absent:
        utils.get_nodes_metrics(api)
    assert absent.value.status == 404
