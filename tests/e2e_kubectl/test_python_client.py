"""The official Python client on a served cluster: typed, dynamic, watching, from YAML, and electing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from tests.e2e_kubectl.test_verbs import WEB


@pytest.fixture(scope="module")
def api(kubeconfig: Path) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(kubeconfig)) as found:
        yield found


@pytest.fixture(scope="module")
def resources(api: client.ApiClient, tmp_path_factory: pytest.TempPathFactory) -> Any:
    cache = tmp_path_factory.mktemp("cache") / "discovery"
    return dynamic.DynamicClient(api, cache_file=str(cache))


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_the_dynamic_client_finds_and_changes_everything(resources: Any) -> None:
    """Discovery, create, get, list by label, each kind of patch, server-side apply, replace, delete."""
    maps = resources.resources.get(api_version="v1", kind="ConfigMap")
    made = maps.create(body=config_map("dynamic", a="1"), namespace="default")
    assert maps.get(name="dynamic", namespace="default").metadata.uid == made.metadata.uid
    assert maps.patch(name="dynamic", namespace="default", body={"data": {"b": "2"}}).data.b == "2"
    applied = maps.server_side_apply(
        body=config_map("dynamic", c="3"), name="dynamic", namespace="default", field_manager="py"
    )
    assert applied.data.to_dict() == {"a": "1", "b": "2", "c": "3"}
    body = {**applied.to_dict(), "data": {"z": "26"}}
    assert maps.replace(body=body, namespace="default").data.z == "26"
    names = [item.metadata.name for item in maps.get(namespace="default").items]
    assert "dynamic" in names
    maps.delete(name="dynamic", namespace="default")
    with pytest.raises(dynamic.exceptions.NotFoundError):
        maps.get(name="dynamic", namespace="default")


def test_the_dynamic_client_reads_subresources(resources: Any, api: client.ApiClient) -> None:
    """status and scale are attributes of the resource."""
    utils.create_from_dict(api, yaml.safe_load(WEB.replace("name: web\n", "name: parts\n")))
    deployments = resources.resources.get(api_version="apps/v1", kind="Deployment")
    assert deployments.scale.get(name="parts", namespace="default").spec.replicas == 2
    body = {"spec": {"replicas": 1}}
    deployments.scale.patch(name="parts", namespace="default", body=body)
    assert deployments.get(name="parts", namespace="default").spec.replicas == 1
    deployments.delete(name="parts", namespace="default")


def test_the_typed_client_reads_and_writes(api: client.ApiClient) -> None:
    """Models both ways, chunks, and errors with their Status."""
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    container = client.V1Container(name="main", image="nginx")
    labels = {"app": "typed"}
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1DeploymentSpec(
        replicas=2, selector=client.V1LabelSelector(match_labels=labels), template=template
    )
    body = client.V1Deployment(metadata=client.V1ObjectMeta(name="typed"), spec=spec)
    apps.create_namespaced_deployment("default", body)
    seen = watch.Watch()
    for event in seen.stream(apps.list_namespaced_deployment, "default", timeout_seconds=20):
        if event["object"].metadata.name == "typed" and event["object"].status.available_replicas == 2:
            seen.stop()
    first = core.list_namespaced_pod("default", label_selector="app=typed", limit=1)
    assert len(first.items) == 1 and first.metadata._continue
    rest = core.list_namespaced_pod("default", label_selector="app=typed", _continue=first.metadata._continue)
    assert len(rest.items) == 1
    with pytest.raises(ApiException) as refused:
        apps.create_namespaced_deployment("default", body)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    apps.delete_namespaced_deployment("typed", "default")


def test_a_watch_resumes_where_it_was(api: client.ApiClient) -> None:
    """From the revision of a list, in order, and from any event on."""
    core = client.CoreV1Api(api)
    start = core.list_namespaced_config_map("default").metadata.resource_version
    for number in range(3):
        core.create_namespaced_config_map("default", config_map(f"resumed-{number}"))
    seen = watch.Watch()
    names = []
    since = {"resource_version": start, "timeout_seconds": 10}
    for event in seen.stream(core.list_namespaced_config_map, "default", **since):
        names.append(event["object"].metadata.name)
        if len(names) == 3:
            seen.stop()
    assert names == ["resumed-0", "resumed-1", "resumed-2"]


def test_files_of_several_objects_are_created(api: client.ApiClient, tmp_path: Path) -> None:
    """create_from_yaml, as scripts use it."""
    documents = [config_map("from-file"), yaml.safe_load(WEB.replace("name: web\n", "name: from-file\n"))]
    path = tmp_path / "objects.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    utils.create_from_yaml(api, str(path))
    with pytest.raises(utils.FailToCreateError):
        utils.create_from_yaml(api, str(path))


def test_one_of_two_candidates_leads(api: client.ApiClient, kubeconfig: Path) -> None:
    """Leader election over a Lease: whoever comes second does not get it while it is held."""
    config.load_kube_config(str(kubeconfig))

    def candidate(name: str) -> leaderelection.LeaderElection:
        return leaderelection.LeaderElection(
            electionconfig.Config(
                LeaseLock("election", "default", name),
                lease_duration=60,
                renew_deadline=30,
                retry_period=1,
                onstarted_leading=lambda: None,
                onstopped_leading=lambda: None,
            )
        )

    assert candidate("first").try_acquire_or_renew()
    assert not candidate("second").try_acquire_or_renew()
    lease = client.CoordinationV1Api(api).read_namespaced_lease("election", "default")
    assert lease.spec.holder_identity == "first"
