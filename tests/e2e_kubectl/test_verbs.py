"""Every verb of the real kubectl that people use daily, with its own words and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e_kubectl.conftest import FOUND, Kubectl

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {kubernetes.io/change-cause: first}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: 'nginx:1', ports: [{containerPort: 80}]}
"""


@pytest.fixture(scope="module", autouse=True)
def web(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web created\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=30s")


def test_get_prints_tables_and_documents(kubectl: Kubectl) -> None:
    """Columns, wide ones, names, JSON paths, sorted and by labels; nothing found is no failure."""
    lines = kubectl("get", "deploy", "web").splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:4] == ["web", "2/2", "2", "2"]
    pods = kubectl("get", "pods", "-l", "app=web", "-o", "wide", "--sort-by=.metadata.name").splitlines()
    assert pods[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert [row.split()[1:3] for row in pods[1:]] == [["1/1", "Running"]] * 2
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "2"
    assert kubectl("get", "deploy,rs", "-o", "name").splitlines()[0] == "deployment.apps/web"
    assert json.loads(kubectl("get", "ns", "default", "-o", "json"))["status"]["phase"] == "Active"
    names = "custom-columns=N:.metadata.name"
    assert kubectl("get", "nodes", "-o", names, "--no-headers").split() == ["node-0", "node-1", "node-2"]
    done = kubectl.run("get", "pods", "-n", "kube-public")
    assert "No resources found in kube-public namespace." in done.stderr
    assert "deployment.apps/web" in kubectl("get", "all")
    assert "pods/x" not in kubectl("get", "pods", "-A", "-L", "app", "--show-labels")


def test_what_is_not_there_is_told(kubectl: Kubectl) -> None:
    """In the words that scripts look for."""
    assert kubectl("get", "pod", "nobody", code=1) == (
        'Error from server (NotFound): pods "nobody" not found\n'
    )
    assert "the server doesn't have a resource type" in kubectl("get", "nonsense", code=1)
    assert "field label not supported" in kubectl("get", "pods", "--field-selector=a=b", code=1)


def test_describe_tells_the_whole_story(kubectl: Kubectl) -> None:
    """Deployments, pods, nodes, Services and namespaces, with their events."""
    about = kubectl("describe", "deploy", "web")
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in about
    assert "ScalingReplicaSet" in about
    pods = kubectl("describe", "pods", "-l", "app=web")
    assert "Scheduled" in pods and "Image:          nginx:1" in pods
    assert "Non-terminated Pods:" in kubectl("describe", "node", "node-0")
    assert "Endpoints:" in kubectl("describe", "svc", "kubernetes")
    assert "Status:       Active" in kubectl("describe", "ns", "default")


def test_apply_changes_what_changed(kubectl: Kubectl) -> None:
    """unchanged, configured, a dry run, a difference, and a prune of fields."""
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web unchanged\n"
    more = WEB.replace("first}", "first, team: red}")
    assert "configured (server dry run)" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=more)
    done = kubectl.run("diff", "-f", "-", stdin=more, code=1)
    assert "+    team: red" in done.stdout
    assert kubectl("apply", "-f", "-", stdin=more) == "deployment.apps/web configured\n"
    assert kubectl("apply", "-f", "-", stdin=WEB) == "deployment.apps/web configured\n"
    assert kubectl("diff", "-f", "-", stdin=WEB) == ""
    assert "team" not in kubectl("get", "deploy", "web", "-o", "jsonpath={.metadata.annotations}")


def test_mistakes_in_files_are_told(kubectl: Kubectl) -> None:
    """Unknown fields and invalid values, as the API server words them."""
    odd = WEB.replace("replicas: 2", "replicas: 2\n  repilcas: 3")
    assert 'unknown field "spec.repilcas"' in kubectl("apply", "-f", "-", stdin=odd, code=1)
    wrong = WEB.replace("matchLabels: {app: web}", "matchLabels: {app: other}").replace(
        "name: web\n", "name: w\n"
    )
    assert "`selector` does not match template `labels`" in kubectl("create", "-f", "-", stdin=wrong, code=1)
    assert "field is immutable" in kubectl(
        "patch", "deploy", "web", "-p", '{"spec":{"selector":{"matchLabels":{"a":"b"}}}}', code=1
    )


def test_server_side_apply_settles_who_owns_what(kubectl: Kubectl) -> None:
    """A conflict names the other manager; force takes over; the record can be shown."""
    mine = WEB.replace("name: web\n", "name: mine\n")
    first = ("apply", "--server-side", "--field-manager=one", "-f", "-")
    assert kubectl(*first, stdin=mine) == "deployment.apps/mine serverside-applied\n"
    other = mine.replace("replicas: 2", "replicas: 5")
    second = ("apply", "--server-side", "--field-manager=two", "-f", "-")
    told = kubectl(*second, stdin=other, code=1)
    assert 'conflict with "one": .spec.replicas' in told
    assert "serverside-applied" in kubectl(*second, "--force-conflicts", stdin=other)
    shown = kubectl("get", "deploy", "mine", "-o", "yaml", "--show-managed-fields")
    assert "manager: two" in shown
    assert "deleted" in kubectl("delete", "deploy", "mine")


def test_scale_label_annotate_and_expose(kubectl: Kubectl) -> None:
    """The verbs that change one thing."""
    assert kubectl("scale", "deploy/web", "--replicas=3") == "deployment.apps/web scaled\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deploy/web", "--timeout=20s")
    assert "no objects passed to scale" in kubectl("scale", "rs", "-l", "a=b", "--replicas=1", code=1)
    assert kubectl("label", "deploy", "web", "tier=front") == "deployment.apps/web labeled\n"
    assert "already has a value" in kubectl("label", "deploy", "web", "tier=back", code=1)
    assert kubectl("label", "deploy", "web", "tier-") == "deployment.apps/web unlabeled\n"
    assert kubectl("annotate", "deploy", "web", "note=hello", "--overwrite").endswith("annotated\n")
    assert kubectl("expose", "deploy", "web", "--port=80") == "service/web exposed\n"
    row = kubectl("get", "svc", "web").splitlines()[1].split()
    assert (row[1], row[4]) == ("ClusterIP", "80/TCP")
    assert kubectl("autoscale", "deploy", "web", "--max=5").startswith("horizontalpodautoscaler")
    assert "Deployment/web" in kubectl("get", "hpa", "web")
    assert kubectl("scale", "deploy/web", "--replicas=2")


def test_rollouts_go_forth_and_back(kubectl: Kubectl) -> None:
    """set image, status, history, undo, restart, pause and resume."""
    assert "image updated" in kubectl("set", "image", "deploy/web", "main=nginx:2")
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    kubectl("annotate", "deploy/web", "kubernetes.io/change-cause=second")
    history = kubectl("rollout", "history", "deploy/web")
    assert "first" in history and "second" in history
    assert "nginx:1" in kubectl("rollout", "history", "deploy/web", "--revision=1")
    assert "rolled back" in kubectl("rollout", "undo", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deploy", "web", "-o", image) == "nginx:1"
    assert "restarted" in kubectl("rollout", "restart", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    assert "paused" in kubectl("rollout", "pause", "deploy/web")
    assert "cannot rollback a paused deployment" in kubectl("rollout", "undo", "deploy/web", code=1)
    assert "resumed" in kubectl("rollout", "resume", "deploy/web")


def test_edit_patch_and_replace(kubectl: Kubectl, tmp_path: Path) -> None:
    """An editor's change, the three kinds of patch, and a whole object."""
    kubectl("create", "configmap", "notes", "--from-literal=a=1")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/a: "1"/a: "2"/\' "$1"\n')
    editor.chmod(0o755)
    assert "edited" in kubectl.run("edit", "cm", "notes", env={"KUBE_EDITOR": str(editor)}).stdout
    assert kubectl("get", "cm", "notes", "-o", "jsonpath={.data.a}") == "2"
    for kind, patch in (
        ("strategic", '{"data":{"b":"1"}}'),
        ("merge", '{"data":{"a":null}}'),
        ("json", '[{"op":"add","path":"/data/c","value":"1"}]'),
    ):
        assert "patched" in kubectl("patch", "cm", "notes", "--type", kind, "-p", patch)
    assert kubectl("get", "cm", "notes", "-o", "jsonpath={.data}") == '{"b":"1","c":"1"}'
    assert "patched (no change)" in kubectl("patch", "cm", "notes", "-p", '{"data":{"b":"1"}}')
    whole = kubectl("get", "cm", "notes", "-o", "yaml").replace('b: "1"', 'b: "9"')
    assert kubectl("replace", "-f", "-", stdin=whole) == "configmap/notes replaced\n"
    assert "the object has been modified" in kubectl("replace", "-f", "-", stdin=whole, code=1)
    status = '{"status":{"conditions":[{"type":"Odd","status":"True"}]}}'
    assert "patched" in kubectl("patch", "node", "node-0", "--subresource=status", "-p", status)


def test_create_makes_each_of_its_kinds(kubectl: Kubectl) -> None:
    """The generators, whose typed clients write protobuf."""
    made = (
        ("configmap", "c", "--from-literal=k=v"),
        ("secret", "generic", "s", "--from-literal=password=hush"),
        ("secret", "tls", "t", "--cert", "CERT", "--key", "KEY"),
        ("deployment", "d", "--image=nginx", "--replicas=1"),
        ("service", "clusterip", "x", "--tcp=80:8080"),
        ("job", "j", "--image=busybox", "--", "true"),
        ("cronjob", "cj", "--image=busybox", "--schedule=*/5 * * * *"),
        ("namespace", "elsewhere"),
        ("serviceaccount", "robot"),
        ("role", "r", "--verb=get", "--resource=pods"),
        ("rolebinding", "rb", "--role=r", "--serviceaccount=default:robot"),
        ("clusterrole", "cr", "--verb=get", "--resource=nodes"),
        ("ingress", "i", "--rule=example.com/*=web:80"),
        ("quota", "q", "--hard=pods=100"),
        ("poddisruptionbudget", "p", "--selector=app=none", "--min-available=1"),
        ("priorityclass", "high", "--value=1000"),
    )
    for arguments in made:
        if "CERT" not in arguments:
            assert kubectl("create", *arguments).endswith(" created\n")
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.password}") == "aHVzaA=="
    kubectl("wait", "--for=condition=complete", "job/j", "--timeout=30s")
    assert "already exists" in kubectl("create", "ns", "elsewhere", code=1)
    assert kubectl("run", "solo", "--image=nginx") == "pod/solo created\n"
    kubectl("wait", "--for=condition=Ready", "pod/solo", "--timeout=20s")


def test_delete_waits_until_it_is_done(kubectl: Kubectl) -> None:
    """One object, many by label, a whole namespace, and what depends on them."""
    kubectl("run", "gone", "--image=nginx", "--labels=temp=yes")
    # From 1.34 on it says from which namespace, too.
    assert kubectl("delete", "pod", "gone", "--timeout=30s").startswith('pod "gone" deleted')
    kubectl("run", "one", "--image=nginx", "--labels=temp=yes")
    kubectl("run", "two", "--image=nginx", "--labels=temp=yes")
    assert kubectl("delete", "pod", "-l", "temp=yes", "--timeout=30s").count("deleted") == 2
    kubectl("create", "ns", "doomed")
    kubectl("create", "deployment", "inside", "--image=nginx", "-n", "doomed")
    assert "deleted" in kubectl("delete", "ns", "doomed", "--timeout=60s")
    assert "NotFound" in kubectl("get", "ns", "doomed", code=1)
    assert kubectl("delete", "pod", "nobody", "--ignore-not-found") == ""
    kubectl("create", "deployment", "parent", "--image=nginx")
    assert "deleted" in kubectl("delete", "deploy", "parent", "--cascade=foreground", "--timeout=60s")
    assert kubectl("get", "rs", "-l", "app=parent", "-o", "name") == ""


def test_what_is_served_can_be_looked_up(kubectl: Kubectl) -> None:
    """explain, api-resources, api-versions, version and cluster-info."""
    about = kubectl("explain", "deployment.spec.strategy")
    assert "KIND:       Deployment" in about and "rollingUpdate\t<RollingUpdateDeployment>" in about
    assert "containers\t<[]Container> -required-" in kubectl("explain", "pod.spec")
    assert "FIELDS:" in kubectl("explain", "cronjob", "--recursive")
    rows = kubectl("api-resources", "--no-headers").splitlines()
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in [row.split() for row in rows]
    assert "pods" in kubectl("api-resources", "--namespaced", "--verbs=list,get", "-o", "name")
    assert "apps/v1\n" in kubectl("api-versions")
    assert "Server Version: v1.36.0" in kubectl("version")
    assert "is running at" in kubectl("cluster-info")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_access_can_be_asked_about(kubectl: Kubectl) -> None:
    """can-i and whoami, for oneself and for others."""
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "kubernetes-admin" in kubectl("auth", "whoami")
    assert "dave" in kubectl("auth", "whoami", "--as=dave")


def test_kubelets_that_cannot_be_reached_are_told(kubectl: Kubectl) -> None:
    """logs and exec fail as on a real cluster whose node is away."""
    assert "connection refused" in kubectl("logs", "deploy/web", code=1)
    pod = kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    assert "error dialing backend" in kubectl("exec", pod, "--", "ls", code=1)
    assert "error" in kubectl("port-forward", pod, "8080:80", code=1)


def test_nodes_are_drained(kubectl: Kubectl) -> None:
    """cordon, drain by evictions, uncordon, and taints."""
    assert "cordoned" in kubectl("cordon", "node-1")
    assert "SchedulingDisabled" in kubectl("get", "node", "node-1")
    done = kubectl("drain", "node-1", "--force", "--ignore-daemonsets", "--timeout=60s")
    assert "node/node-1 drained" in done
    on_node = "--field-selector=spec.nodeName=node-1"
    assert kubectl("get", "pods", on_node, "-o", "name") == ""
    assert "uncordoned" in kubectl("uncordon", "node-1")
    assert "tainted" in kubectl("taint", "node", "node-1", "a=b:NoSchedule")
    assert "untainted" in kubectl("taint", "node", "node-1", "a:NoSchedule-")


def test_watches_and_events(kubectl: Kubectl) -> None:
    """get --watch prints rows as they come; events are listed."""
    kubectl("create", "configmap", "watched")
    rows = kubectl("get", "cm", "watched", "--watch", "--request-timeout=2s")
    assert rows.splitlines()[1].startswith("watched")
    assert "ScalingReplicaSet" in kubectl("events", "--for=deploy/web")
    assert "REASON" in kubectl("get", "events")


def siblings() -> list[str]:
    """Other versions of kubectl beside the one on the PATH, from 1.30 on."""
    if FOUND is None:
        return []
    found = Path(FOUND).resolve().parent.glob("kubectl.1.*")
    return sorted(str(path) for path in found if int(path.name.rpartition(".")[2]) >= 30)


@pytest.mark.parametrize("program", siblings())
def test_other_versions_of_kubectl_feel_at_home(program: str, kubeconfig: Path, tmp_path: Path) -> None:
    """The few verbs by which versions differ most: discovery, apply, explain and the generators."""
    kubectl = Kubectl(program, kubeconfig, tmp_path)
    assert "deployments" in kubectl("api-resources", "-o", "name")
    name = Path(program).name.replace(".", "-")
    mine = WEB.replace("name: web\n", f"name: {name}\n")
    assert "created" in kubectl("apply", "-f", "-", stdin=mine)
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=mine)
    assert "serverside-applied" in kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=mine
    )
    assert "<integer>" in kubectl("explain", "deploy.spec.replicas")
    assert "created" in kubectl("create", "configmap", name)
    assert "deleted" in kubectl("delete", "deploy", name)
