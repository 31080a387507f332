"""Drift on a real API server: by whose hand, seen by a watch, and what is none because others own it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gitrel.app import Reach, world
from gitrel.backends.kubernetes.access import AccessOptions
from gitrel.daemon.loop import Bell, Daemon
from gitrel.delivery.drift import drifted_objects
from gitrel.events import Event
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, ref_of
from gitrel.orchestrator.world import PassReport
from gitrel.repo.git.creation import create
from gitrel.rollout.seen import Drifted
from tests import small
from tests.delivery.support import manifests
from tests.realcluster.conftest import RealPlane


def deployment(plane: RealPlane, **spec: Any) -> Object:
    labels = {"app": "web"}
    container = {"name": "web", "image": "example.com/web:1", "env": [{"name": "A", "value": "1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": plane.namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def autoscaler(plane: RealPlane) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": plane.namespace},
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": 3,
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }


def drifted(plane: RealPlane, *objects: Object) -> tuple[Drifted, ...]:
    return drifted_objects(manifests(*objects), plane.backend.read(objects))


def replicas(plane: RealPlane) -> int:
    (found,) = plane.backend.read([deployment(plane)]).values()
    count: int = found["spec"]["replicas"]
    return count


def test_what_an_autoscaler_sets_is_no_drift(real_plane: RealPlane) -> None:
    """Whether the release writes replicas or leaves them out; and applying again does not take them back."""
    objects = [deployment(real_plane), autoscaler(real_plane)]
    for obj in objects:
        real_plane.backend.apply(obj)
    real_plane.wait_for(lambda: replicas(real_plane) == 3)
    assert drifted(real_plane, *objects) == ()
    real_plane.backend.apply(objects[0])
    assert replicas(real_plane) == 3
    assert drifted(real_plane, deployment(real_plane, replicas=1), autoscaler(real_plane)) == ()
    # Without an autoscaler in the release the same replicas are somebody's change.
    (found,) = drifted(real_plane, deployment(real_plane, replicas=1))
    assert found.fields == ("spec.replicas",)


def test_what_others_add_is_no_drift(real_plane: RealPlane) -> None:
    """A sidecar, a label, an annotation and an environment variable under another manager's name."""
    wanted = deployment(real_plane, replicas=1)
    real_plane.backend.apply(wanted)
    container = {"name": "web", "env": [{"name": "INJECTED", "value": "x"}]}
    template = {
        "metadata": {"annotations": {"injected": "yes"}, "labels": {"mesh": "on"}},
        "spec": {"containers": [{"name": "proxy", "image": "example.com/proxy:1"}, container]},
    }
    injected = {**wanted, "spec": {"template": template}}
    injected["metadata"] = {**wanted["metadata"], "labels": {"team": "mesh"}}
    real_plane.write(injected, manager="injector", force=False)
    (live,) = real_plane.backend.read([wanted]).values()
    assert len(get(live, "spec", "template", "spec", "containers") or ()) == 2
    assert drifted(real_plane, wanted) == ()
    again = real_plane.backend.apply(wanted)
    assert again["metadata"]["generation"] == live["metadata"]["generation"]


def test_who_changed_what_and_when_is_told(real_plane: RealPlane) -> None:
    """By managers of an edit and of an apply, field by field; and what is gone is gone."""
    began = datetime.now(UTC).replace(microsecond=0)
    wanted = deployment(real_plane, replicas=1)
    real_plane.backend.apply(wanted)
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"example.com/evil"}]}}}}'
    real_plane.kubectl("patch", "deployment", "web", "--field-manager=person", "-p", patch)
    real_plane.write({**wanted, "spec": {"replicas": 2}}, manager="robot")
    (found,) = drifted(real_plane, wanted)
    assert found.object == str(ref_of(wanted))
    assert set(found.fields) == {"spec.replicas", "spec.template.spec.containers[0].image"}
    assert found.managers == ("person", "robot")
    assert found.since is not None
    assert began <= found.since <= datetime.now(UTC) + timedelta(seconds=2)
    real_plane.kubectl("delete", "deployment", "web")
    assert drifted(real_plane, wanted) == (Drifted(str(ref_of(wanted))),)


@contextmanager
def daemon(folder: Path, plane: RealPlane) -> Iterator[tuple[list[Event], list[PassReport], Daemon]]:
    """A daemon that would look once in ten minutes by itself, on a release in one real cluster."""
    small.write(folder)
    pipeline = folder / "environments/pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8").replace("meanTimeToSmoke: 10m", "meanTimeToSmoke: 1s")
    text = text.replace("minReadySeconds: 5", "minReadySeconds: 0")
    pipeline.write_text(text.replace("    - {name: then, environments: [busy]}\n", ""), encoding="utf-8")
    (folder / "environments/busy.yaml").unlink()
    (folder / "apps/web/busy").unlink()
    quiet = folder / "environments/quiet.yaml"
    text = quiet.read_text(encoding="utf-8").replace(
        "{embedded: {nodes: 1}}", "{kubernetes: {context: real}}"
    )
    quiet.write_text(text.replace("namespace: shop", f"namespace: {plane.namespace}"), encoding="utf-8")
    create(folder, message="Begin", author=small.AUTHOR, at=small.START)
    bell = Bell()
    access = AccessOptions(kubeconfig=str(plane.kubeconfig))
    reach = Reach(access, watching=True, heard=bell.ring)
    events: list[Event] = []
    reports: list[PassReport] = []
    with world(folder, actor=small.AUTHOR, reach=reach) as it:
        it.events.subscribe(events.append)
        runner = Daemon(it, None, poll=timedelta(minutes=10), on_report=reports.append)
        bell.answer(runner.wake)
        thread = threading.Thread(target=runner.run)
        thread.start()
        try:
            yield events, reports, runner
        finally:
            runner.stop()
            thread.join(30)


def image(plane: RealPlane) -> str:
    (found,) = plane.backend.read([deployment(plane)]).values()
    text: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return text


def test_a_daemon_hears_of_drift_and_heals_it(real_plane: RealPlane, tmp_path: Path) -> None:
    """Woken by the watch and by nothing else; who did it is told, and the field is gitrel's again."""
    with daemon(tmp_path, real_plane) as (events, reports, _):
        real_plane.wait_for(lambda: reports and reports[-1].rollouts["web"].status == "passed")
        real_plane.wait_for(lambda: time.time() - reports[-1].at.timestamp() > 3)
        looked = len(reports)
        real_plane.kubectl("set", "image", "deployment/web", "web=example.com/evil", "--field-manager=person")
        real_plane.wait_for(lambda: len(reports) > looked and image(real_plane) == "example.com/web:v1", 20)
        (found,) = [event for event in events if event.kind == "drift.found"]
        assert found.data["fields"] == ["spec.template.spec.containers[0].image"]
        assert found.data["managers"] == ["person"]
        real_plane.wait_for(lambda: [event for event in events if event.kind == "drift.gone"], 20)
