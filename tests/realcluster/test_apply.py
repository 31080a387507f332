"""Applying to a real control plane: its own words for conflicts and refusals, its own pace for waiting."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitrel.app import world
from gitrel.clock import SystemClock
from gitrel.kube.identity import Object, annotations_of
from gitrel.orchestrator import commands
from gitrel.orchestrator.wait import reconcile_retrying
from gitrel.orchestrator.world import PassReport, World
from gitrel.repo.edit import PutFile
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.creation import create
from gitrel.rollout.state import Phase
from tests import small
from tests.cli.support import gitrel
from tests.orchestrator.test_deliver import DEFINITION, GADGET, SECRET, config
from tests.orchestrator.test_deliver_hooks import HOOK
from tests.realcluster.conftest import RealPlane

V1, V2 = "apps/web/v1", "apps/web/v2"


@dataclass
class Site:
    """A repository with one region, which is real."""

    folder: Path
    world: World
    plane: RealPlane

    def write(self, *files: tuple[str, str]) -> None:
        """A person's commit."""
        with GitRepository(self.folder) as repository:
            head = repository.head()
            changes = [PutFile(path, text.encode()) for path, text in files]
            commit = repository.commit_tree(
                head.commit, changes, message="By hand", author=small.AUTHOR, at=SystemClock().now()
            )
            repository.update_refs([RefUpdate(head.ref, commit, head.commit)])

    def until(self, met: Callable[[PassReport], bool], seconds: float = 60) -> list[PassReport]:
        """All the passes that it took."""
        reports, end = [], time.monotonic() + seconds
        while not reports or not met(reports[-1]):
            assert time.monotonic() < end, reports[-1].rollouts if reports else "no pass was made"
            reports.append(reconcile_retrying(self.world))
            time.sleep(0.2)
        return reports

    def until_passed(self) -> list[PassReport]:
        return self.until(lambda report: report.rollouts["web"].status == "passed" and not report.outcomes)

    def live(self, name: str, kind: str = "ConfigMap", api_version: str = "v1") -> Object:
        metadata = {"name": name, "namespace": self.plane.namespace}
        wanted = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        (found,) = self.plane.backend.read([wanted]).values()
        return found

    def jobs(self) -> list[str]:
        found = self.plane.backend.list("batch/v1", "Job", self.plane.namespace)
        return [str(job["metadata"]["name"]).rpartition("-")[0] for job in found]


@pytest.fixture
def site(tmp_path: Path, real_plane: RealPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Installed: v1 runs there."""
    monkeypatch.setenv("KUBECONFIG", str(real_plane.kubeconfig))
    small.write(tmp_path)
    (tmp_path / "environments/busy.yaml").unlink()
    (tmp_path / "apps/web/busy").unlink()
    for name, old, new in (
        ("pipeline", "    - {name: then, environments: [busy]}\n", ""),
        ("pipeline", "meanTimeToSmoke: 10m", "meanTimeToSmoke: 1s"),
        ("pipeline", "minReadySeconds: 5", "minReadySeconds: 1"),
        ("quiet", "{embedded: {nodes: 1}}", f"{{kubernetes: {{context: {real_plane.context}}}}}"),
        ("quiet", "namespace: shop", f"namespace: {real_plane.namespace}"),
    ):
        path = tmp_path / f"environments/{name}.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    create(tmp_path, message="Begin", author=small.AUTHOR, at=small.START)
    with world(tmp_path, actor=small.AUTHOR) as it:
        found = Site(tmp_path, it, real_plane)
        found.until_passed()
        yield found


def test_hooks_run_around_a_release(site: Site) -> None:
    """Before anything is applied, after everything is ready, by the real Job controller; and only once."""
    site.write(
        (f"{V2}/migrate-job.yaml", HOOK.replace("NAME", "migrate").replace("MOMENT", "before")),
        (f"{V2}/check-job.yaml", HOOK.replace("NAME", "check").replace("MOMENT", "after")),
    )
    commands.promote(site.world, "web", "v2")
    reports = site.until_passed()
    waits = [outcome.waiting for report in reports for outcome in report.waiting]
    assert "the before hook Job.batch" in waits[0]
    assert site.jobs() == ["check", "migrate"]
    order = [site.live(job["metadata"]["name"], "Job", "batch/v1") for job in _named(site, "Job", "batch/v1")]
    check, migrate = (job["status"]["completionTime"] for job in order)
    made = site.live("web-v2")["metadata"]["creationTimestamp"]
    assert migrate <= made <= check


def _named(site: Site, kind: str, api_version: str) -> list[Object]:
    return list(site.plane.backend.list(api_version, kind, site.plane.namespace))


def test_a_definition_and_what_it_defines_go_in_one_release(site: Site) -> None:
    """The definition is established and discovered before the first object of its kind is applied."""
    group = f"{site.plane.namespace}.example.com"
    texts = [text.replace("example.com", group) for text in (DEFINITION, GADGET)]
    site.write((f"{V2}/gadgets-crd.yaml", texts[0]), (f"{V2}/one-gadget.yaml", texts[1]))
    commands.promote(site.world, "web", "v2")
    try:
        site.until_passed()
        assert site.live("one", "Gadget", f"{group}/v1")["spec"] == {"size": 1}
    finally:
        metadata = {"name": f"gadgets.{group}"}
        kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        site.plane.backend.delete({**kind, "metadata": metadata})


def test_conflicts_are_told_forced_or_yielded(site: Site) -> None:
    """The real server's message names manager and field, dotted keys too; the object says what then."""
    other = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "web-v1",
            "namespace": site.plane.namespace,
            "labels": {"example.com/who.ever": "them"},
        },
        "data": {"where": "elsewhere"},
    }
    site.plane.write(other, manager="hpa")
    label = "labels: {example.com/who.ever: us}, "

    def text(notes: str) -> str:
        return config("web-v1", "where: new, other: x", notes).replace("annotations:", label + "annotations:")

    path = f"{V1}/web-configmap.yaml"
    site.write((path, text("")))
    error = site.until(lambda report: bool(report.errors))[-1].errors[0].error
    assert f"{path}:1: ConfigMap {site.plane.namespace}/web-v1: data.where is managed by hpa" in error
    assert "metadata.labels.example.com/who.ever is managed by hpa" in error
    site.write((path, text("gitrel.dev/conflicts: yield")))
    site.until_passed()
    assert site.live("web-v1")["data"] == {"where": "elsewhere", "other": "x"}
    assert site.live("web-v1")["metadata"]["labels"]["example.com/who.ever"] == "them"
    version = site.live("web-v1")["metadata"]["resourceVersion"]
    reconcile_retrying(site.world)
    assert site.live("web-v1")["metadata"]["resourceVersion"] == version
    site.write((path, text("gitrel.dev/conflicts: force")))
    site.until_passed()
    assert site.live("web-v1")["data"] == {"where": "new", "other": "x"}


def test_a_container_field_is_yielded_by_its_key(site: Site) -> None:
    """A path through a keyed list, as an autoscaler of resources would take it."""
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": site.plane.namespace},
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "web", "resources": {"requests": {"cpu": "7m"}}}]},
            },
        },
    }
    site.plane.write(patch, manager="vpa")
    path = f"{V1}/web-deployment.yaml"
    text = (site.folder / path).read_text(encoding="utf-8")
    text = text.replace("{name: web}\n", '{name: web, annotations: {gitrel.dev/conflicts: "yield"}}\n', 1)
    text = text.replace('web:v1"}', 'web:v1", resources: {requests: {cpu: 50m, memory: 8Mi}}}')
    site.write((path, text))
    site.until_passed()
    (container,) = site.live("web", "Deployment", "apps/v1")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "7m", "memory": "8Mi"}


def test_an_ignored_field_survives_every_apply(site: Site) -> None:
    """A field that gitrel alone owns is not reset when its file says otherwise; one handed over stays."""
    path, notes = f"{V1}/more-configmap.yaml", "gitrel.dev/ignore: data.mode"
    site.write((path, config("more", "mode: a, other: x", notes)))
    site.until_passed()
    site.write((path, config("more", "mode: b, other: z", notes)))
    site.until_passed()
    assert site.live("more")["data"] == {"mode": "a", "other": "z"}
    metadata = {"name": "more", "namespace": site.plane.namespace}
    site.plane.write({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mode": "c"}})
    site.write((path, config("more", "mode: d, other: w", notes)))
    site.until_passed()
    assert site.live("more")["data"] == {"mode": "c", "other": "w"}


def test_frozen_fields_are_refused_or_made_anew(site: Site) -> None:
    """By the real server's own refusal of a Secret's type, a Deployment's selector and a claim of a set."""
    path = f"{V1}/key-secret.yaml"
    allowed = SECRET.replace("NOTES", "gitrel.dev/recreate: allowed")
    site.write((path, SECRET.replace("NOTES", "").replace("TYPE", "example.com/a")))
    site.until_passed()
    uid = site.live("key", "Secret")["metadata"]["uid"]
    site.write((path, SECRET.replace("NOTES", "").replace("TYPE", "example.com/b")))
    error = site.until(lambda report: bool(report.errors))[-1].errors[0].error
    assert f"{path}:1: Secret {site.plane.namespace}/key: type cannot be changed" in error
    site.write((path, allowed.replace("TYPE", "example.com/b")))
    site.until_passed()
    assert site.live("key", "Secret")["type"] == "example.com/b"
    assert site.live("key", "Secret")["metadata"]["uid"] != uid
    path = f"{V1}/web-deployment.yaml"
    text = (site.folder / path).read_text(encoding="utf-8").replace("app: web}", "app: www}")
    site.write((path, text))
    error = site.until(lambda report: bool(report.errors))[-1].errors[0].error
    assert "spec.selector.matchLabels.app cannot be changed" in error
    note = "{name: web, annotations: {gitrel.dev/recreate: allowed}}\n"
    site.write((path, text.replace("{name: web}\n", note, 1)))
    site.until_passed()
    assert site.live("web", "Deployment", "apps/v1")["spec"]["selector"] == {"matchLabels": {"app": "www"}}


def test_what_kubectl_made_is_named_and_adopted_on_request(site: Site) -> None:
    """A plain `kubectl apply` before: its fields become gitrel's, and what its file no longer has goes."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not in PATH")
    site.plane.kubectl("apply", "-f", "-", stdin=config("mine", "a: old, b: old").replace("{}", "null"))
    path = f"{V1}/mine-configmap.yaml"
    site.write((path, config("mine", "a: new")))
    error = site.until(lambda report: bool(report.errors))[-1].errors[0].error
    assert f"{path}:1: ConfigMap {site.plane.namespace}/mine is there already" in error
    assert "made by kubectl-client-side-apply" in error
    site.write((path, config("mine", "a: new", "gitrel.dev/adopt: allowed")))
    done = gitrel("diff", "web", "quiet", "-C", str(site.folder), "--revision", "HEAD")
    assert "-  b: old" in done.out, done.out + done.err
    site.until_passed()
    found = site.live("mine")
    assert found["data"] == {"a": "new"}
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"gitrel"}
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations_of(found)


def test_a_denied_object_stops_midway_and_the_next_pass_goes_on(site: Site) -> None:
    """A quota refuses the second object: what was applied is told, nothing else is touched; it converges."""
    namespace = site.plane.namespace
    count = len(_named(site, "ConfigMap", "v1"))
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": namespace},
        "spec": {"hard": {"count/configmaps": str(count + 1)}},
    }
    site.plane.backend.apply(quota)
    site.plane.wait_for(lambda: "used" in (site.live("few", "ResourceQuota").get("status") or {}))
    for name in ("c1", "c2"):
        site.write((f"{V2}/{name}-configmap.yaml", config(name, "a: b")))
    commands.promote(site.world, "web", "v2")
    error = site.until(lambda report: bool(report.errors))[-1].errors[0].error
    assert f"{V2}/c2-configmap.yaml:1: ConfigMap {namespace}/c2: " in error
    assert "exceeded quota: few" in error
    assert site.live("web", "Deployment", "apps/v1")["spec"]["template"]["spec"]["containers"][0][
        "image"
    ].endswith("v1")
    told = site.until(lambda report: bool(report.rollouts["web"].environments["quiet"].waits))[-1]
    assert told.rollouts["web"].environments["quiet"].phase is Phase.APPLYING
    site.plane.backend.delete(quota)
    site.until_passed()
    assert site.live("c2")["data"] == {"a": "b"}
