"""A release with all that goes around it, as a person types it: no command remembers the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitrel.kube.identity import Object
from tests.cli.conftest import commit, git
from tests.realcluster.conftest import RealPlane
from tests.realcluster.site import config_map, deployment, lay_out


def noted(obj: Object, **notes: str) -> Object:
    annotations = {f"gitrel.dev/{key.replace('_', '-')}": text for key, text in notes.items()}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def job(name: str, **notes: str) -> Object:
    containers = [{"name": name, "image": f"example.com/{name}:v2"}]
    template: dict[str, Any] = {"spec": {"restartPolicy": "Never", "containers": containers}}
    made = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template},
    }
    return noted(made, **notes)


@pytest.mark.timeout(300)
def test_hooks_stages_and_what_is_waited_for(tmp_path: Path, real_plane: RealPlane) -> None:
    """The diff shows the hook, which comes first with what it needs; another process tells what a stage waits
    for; and a stage that never gets ready fails after one deadline."""
    versions = {
        "v1": {"web-deployment.yaml": deployment()},
        "v2": {
            "settings-configmap.yaml": noted(config_map("migrate-settings", a="b"), hook="before"),
            "migrate-job.yaml": job("migrate", hook="before"),
            "first-configmap.yaml": noted(config_map("first", a="b"), order="-1"),
            "web-deployment.yaml": deployment(image="example.com/web:v2"),
        },
        "v3": {
            "web-deployment.yaml": noted(
                deployment(image="example.com/web:v3", minReadySeconds=500), order="-1"
            ),
            "last-configmap.yaml": config_map("last", a="b"),
        },
    }
    defaults = {"progressDeadline": "90s", "pruneLimit": "100%"}
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, versions, defaults=defaults)
    site.good("reconcile", "--wait", "--timeout", "90s")

    shown = site.gitrel("diff", "web", "quiet", "--version", "v2").told
    assert "gitrel.dev/hook: before" in shown and "Job.batch" in shown
    site.good("promote", "web", "v2", "--to", "quiet", "--reason", "proof")
    done = site.gitrel("reconcile")
    assert (
        "the before hook" in done.told + site.good("rollout", "why", "web", "quiet")
        or site.phase() != "applying"
    )
    site.good("reconcile", "--wait", "--timeout", "90s")
    assert site.phase() == "passed"
    names = {
        one["metadata"]["name"] for one in real_plane.backend.list("v1", "ConfigMap", real_plane.namespace)
    }
    assert names == {"gitrel-web", "kube-root-ca.crt", "migrate-settings", "first"}

    # Only now: what has to become ready may take its time on a busy machine.
    pipeline = tmp_path / "environments/pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8").replace("progressDeadline: 90s", "progressDeadline: 5s")
    git(tmp_path, "reset", "-q", "--hard")
    pipeline.write_text(text, encoding="utf-8")
    commit(tmp_path, "Be impatient")
    site.gitrel("promote", "web", "v3", "--to", "quiet", "--reason", "proof")
    why = site.good("rollout", "why", "web", "quiet")
    assert "(stage 1 of 2)" in why and "is not ready" in why
    site.gitrel("reconcile", "--wait", "--timeout", "60s")
    assert site.phase() == "failed"
    assert "stage 1 of 2 did not end within 5s" in site.good("rollout", "why", "web", "quiet")


@pytest.mark.timeout(300)
def test_replicas_are_the_autoscalers(tmp_path: Path, real_plane: RealPlane) -> None:
    """What the scaler has set is no difference, stands in no release's way, and outlasts a version that
    leaves replicas out."""
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    later = deployment(image="example.com/web:v3")
    bare = {**later, "spec": {key: value for key, value in later["spec"].items() if key != "replicas"}}
    versions = {
        "v1": {"web-deployment.yaml": deployment(replicas=2), "web-hpa.yaml": scaler},
        "v2": {
            "web-deployment.yaml": deployment(image="example.com/web:v2", replicas=2),
            "web-hpa.yaml": scaler,
        },
        "v3": {"web-deployment.yaml": bare, "web-hpa.yaml": scaler},
    }
    site = lay_out(tmp_path, real_plane.kubeconfig, real_plane.namespace, versions)
    site.good("reconcile", "--wait", "--timeout", "60s")
    assert _scaled(real_plane) == ("example.com/web:v1", 2)
    site.good("promote", "web", "v3", "--to", "quiet", "--wait", "--timeout", "60s", "--reason", "proof")
    assert _scaled(real_plane) == ("example.com/web:v3", 2)
    real_plane.kubectl("scale", "deployment", "web", "--replicas=4")
    assert site.gitrel("diff", "web", "quiet").told == "no difference\n"
    site.good("promote", "web", "v2", "--to", "quiet", "--wait", "--timeout", "60s", "--reason", "proof")
    assert _scaled(real_plane) == ("example.com/web:v2", 4)
    assert site.gitrel("diff", "web", "quiet").told == "no difference\n"


def _scaled(plane: RealPlane) -> tuple[str, int]:
    (found,) = plane.backend.list("apps/v1", "Deployment", plane.namespace)
    spec = found["spec"]
    return spec["template"]["spec"]["containers"][0]["image"], spec["replicas"]
