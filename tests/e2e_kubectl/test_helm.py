"""The real helm on a served cluster: a chart with hooks, a custom kind and common workloads, all its life.

Helm 3 and helm 4 alike: `GITREL_HELM` names the binaries to try, separated by colons; without it, the one on
the PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from gitrel.cluster.server.bringup import served
from tests.cluster.server.client import Api

Helm = Callable[..., str]

_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.demo.example.com"},
    "spec": {
        "group": "demo.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}

_OBJECTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: "{{ .Release.Name }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data:
  image: "{{ .Values.image }}"
  kubernetes: "{{ .Capabilities.KubeVersion.Version }}"
  namespace: "{{ (lookup "v1" "Namespace" "" "default").metadata.name }}"
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: "{{ .Release.Name }}"}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec:
      serviceAccountName: "{{ .Release.Name }}"
      nodeSelector: {kubernetes.io/os: "{{ .Values.node }}"}
      containers: [{name: main, image: "{{ .Values.image }}"}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "{{ .Release.Name }}-db"}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "postgres:17"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: "{{ .Release.Name }}"}
spec: {minAvailable: 1, selector: {matchLabels: {app: "{{ .Release.Name }}"}}}
---
apiVersion: demo.example.com/v1
kind: Widget
metadata: {name: "{{ .Release.Name }}"}
spec: {size: 3}
"""


def hook(name: str, events: str, policy: str = "before-hook-creation") -> str:
    annotations = {"helm.sh/hook": events, "helm.sh/hook-delete-policy": policy}
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "{{ .Release.Name }}-" + name, "annotations": annotations},
        "spec": {"template": {"spec": pod}},
    }
    return yaml.safe_dump(job)


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts") / "demo"
    (folder / "templates").mkdir(parents=True)
    (folder / "crds").mkdir()
    about = {"apiVersion": "v2", "name": "demo", "version": "0.1.0", "appVersion": "1"}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    (folder / "values.yaml").write_text(yaml.safe_dump({"replicas": 2, "image": "nginx:1", "node": "linux"}))
    (folder / "crds" / "widget.yaml").write_text(yaml.safe_dump(_CRD))
    (folder / "templates" / "objects.yaml").write_text(_OBJECTS)
    hooks = (
        hook("before", "pre-install,pre-upgrade,pre-rollback"),
        hook("after", "post-install,post-upgrade", "hook-succeeded"),
        hook("check", "test"),
        hook("farewell", "pre-delete", "hook-succeeded"),
    )
    (folder / "templates" / "hooks.yaml").write_text("---\n".join(hooks))
    return folder


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a cluster for every helm: time jumps, so that nobody waits for hooks."""
    folder = tmp_path_factory.mktemp("cluster")
    with served(folder):
        yield folder


def found() -> list[str]:
    named = [path for path in os.environ.get("GITREL_HELM", "").split(":") if path]
    return named or [path for path in (shutil.which("helm"),) if path]


@pytest.fixture(scope="module", params=found() or [""])
def helm(request: pytest.FixtureRequest, directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    if not request.param:
        pytest.skip("there is no helm on this machine: the bundled cluster is not tried with it")
    home = tmp_path_factory.mktemp("home")

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [request.param, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(directory / "kubeconfig")},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stderr if code else done.stdout

    return run


@pytest.fixture
def api(directory: Path) -> Iterator[Api]:
    with Api(directory / "kubeconfig") as found:
        yield found


def test_a_release_lives_its_whole_life(helm: Helm, chart: Path, api: Api) -> None:
    """install, list, status, upgrade, history, rollback, test, get, uninstall, each waiting for its pods."""
    web = "/apis/apps/v1/namespaces/default/deployments/web"

    def image() -> str:
        return str(api.get(web)["spec"]["template"]["spec"]["containers"][0]["image"])

    told = helm("install", "web", str(chart), "--wait", "--timeout", "60s")
    assert "STATUS: deployed" in told and api.get(web)["status"]["availableReplicas"] == 2
    kept = api.get("/api/v1/namespaces/default/configmaps/web")["data"]
    assert (kept["kubernetes"], kept["namespace"]) == ("v1.36.0", "default")
    assert api.get("/apis/demo.example.com/v1/namespaces/default/widgets/web")["spec"] == {"size": 3}
    [row] = json.loads(helm("list", "-o", "json"))
    assert (row["name"], row["status"], row["revision"]) == ("web", "deployed", "1")
    assert json.loads(helm("status", "web", "-o", "json"))["info"]["status"] == "deployed"

    helm("upgrade", "web", str(chart), "--set", "image=nginx:2,replicas=3", "--wait", "--timeout", "60s")
    assert (image(), api.get(web)["status"]["availableReplicas"]) == ("nginx:2", 3)
    helm("rollback", "web", "1", "--wait", "--timeout", "60s")
    assert (image(), api.get(web)["spec"]["replicas"]) == ("nginx:1", 2)
    history = json.loads(helm("history", "web", "-o", "json"))
    assert [row["status"] for row in history] == ["superseded", "superseded", "deployed"]
    assert "Succeeded" in helm("test", "web", "--timeout", "60s")
    assert "kind: StatefulSet" in helm("get", "manifest", "web")

    helm("uninstall", "web", "--wait", "--timeout", "60s")
    assert api.call("GET", web).code == 404
    jobs = {row["metadata"]["name"] for row in api.get("/apis/batch/v1/namespaces/default/jobs")["items"]}
    # Hooks belong to nobody: those without a policy for their end stay, as helm has it.
    assert {name for name in jobs if name.startswith("web-")} == {"web-before", "web-check"}
    assert (
        api.call("DELETE", "/apis/batch/v1/namespaces/default/jobs", {"propagationPolicy": "Background"}).code
        == 200
    )


def test_what_would_be_is_asked_of_the_cluster(helm: Helm, chart: Path, api: Api) -> None:
    """`template --validate` and a dry run on the server look kinds up, and store nothing."""
    assert "kind: Deployment" in helm("template", "dry", str(chart), "--dry-run=server")
    assert "kind: Deployment" in helm("install", "dry", str(chart), "--dry-run=server")
    assert api.call("GET", "/apis/apps/v1/namespaces/default/deployments/dry").code == 404


def test_what_never_gets_ready_fails_the_release(helm: Helm, chart: Path) -> None:
    """--wait gives up, the release says so, and can be taken away."""
    helm("install", "stuck", str(chart), "--set", "node=nowhere", "--wait", "--timeout", "3s", code=1)
    assert json.loads(helm("status", "stuck", "-o", "json"))["info"]["status"] == "failed"
    helm("uninstall", "stuck", "--wait", "--timeout", "60s")


def test_mistakes_are_told_in_the_servers_words(helm: Helm, chart: Path) -> None:
    """An invalid object fails the install with Kubernetes' own message."""
    told = helm("install", "wrong", str(chart), "--set", "replicas=-1", "--timeout", "30s", code=1)
    assert "must be greater than or equal to 0" in told
    helm("uninstall", "wrong", "--ignore-not-found", "--no-hooks")
