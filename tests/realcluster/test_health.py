"""Health in the cluster's own words, on a bundled and on a real cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.kube.identity import Object
from gitrel.orchestrator.evidence import health_in
from gitrel.repo.model import HealthRule
from gitrel.rollout.seen import Health
from tests.delivery.support import load, objects, release
from tests.realcluster.conftest import RealPlane, node
from tests.realcluster.plane import BY_HAND

BEHAVIOURS: tuple[dict[str, Any], ...] = (
    {"image": "example.com/missing:*", "pullFails": True},
    {"image": "example.com/crash:*", "crash": {"after": 1, "exitCode": 3}},
)


@dataclass
class Place:
    backend: Backend
    namespace: str
    now: Callable[[], datetime]
    wait_for: Callable[[Callable[[], object]], None]

    def put(self, text: str) -> list[Object]:
        """The objects of a YAML text, applied in this place's namespace."""
        made = objects(text.replace("NAMESPACE", self.namespace))
        for obj in made:
            self.backend.apply(obj)
        return made

    def health(self, made: Sequence[Object], *rules: HealthRule) -> Health:
        rendered = replace(release(*made), namespace=self.namespace)
        live = self.backend.read(made)
        return health_in(self.backend, rendered, live, rules, self.now())

    def told(self, made: Sequence[Object], *parts: str, rules: Sequence[HealthRule] = ()) -> Health:
        """Waits until the health says all of that."""
        self.wait_for(lambda: all(part in self.health(made, *rules).because for part in parts))
        return self.health(made, *rules)


@pytest.fixture(params=["bundled", "real"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "real":
        plane: RealPlane = request.getfixturevalue("real_plane")
        yield Place(plane.backend, plane.namespace, lambda: datetime.now(UTC), plane.wait_for)
        return
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    spec = ClusterSpec(nodes=(NodePool(name="n", count=3),), behaviours=BEHAVIOURS)
    backend = EmbeddedBackend(Cluster(spec, clock_start=clock.now()), clock)
    backend.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    def wait_for(condition: Callable[[], object]) -> None:
        end = clock.now() + timedelta(minutes=30)
        while not condition():
            assert clock.now() < end, "it never came"
            clock.advance(timedelta(seconds=1))

    yield Place(backend, "shop", clock.now, wait_for)
    backend.close()


WORKLOAD = """
apiVersion: apps/v1
kind: KIND
metadata: {name: web, namespace: NAMESPACE}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "example.com/web:1", resources: {requests: {cpu: CPU}}}]
"""


def workload(kind: str = "Deployment", cpu: str = "10m", extra: str = "") -> str:
    return WORKLOAD.replace("KIND", kind).replace("CPU", cpu).replace("spec:\n", f"spec:\n{extra}", 1)


def test_current_with_the_instant_of_its_own_conditions(place: Place) -> None:
    """A Deployment whose pods are ready is current, since not later than now."""
    made = place.put(workload())
    place.told(made, "everything is current")
    found = place.health(made)
    assert found.status == "current"
    assert found.since is not None
    assert found.since <= place.now()


def test_unschedulable_in_the_schedulers_words(place: Place) -> None:
    """No node has a thousand cores: the message is there long before any deadline."""
    made = place.put(workload(cpu="1000"))
    found = place.told(made, "Unschedulable 3 of 3 pods: 0/3 nodes are available: ", "Insufficient cpu")
    assert found.status == "in-progress"


def test_the_deadline_of_the_deployment_counts(place: Place) -> None:
    """ProgressDeadlineExceeded fails it, with the reason that it was stuck for."""
    made = place.put(workload(cpu="1000", extra="  progressDeadlineSeconds: 2\n  minReadySeconds: 1\n"))
    found = place.told(made, "has timed out progressing", "Unschedulable")
    assert found.status == "failed"


QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: small, namespace: NAMESPACE}
spec: {hard: {pods: "1"}}
"""


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_quota_is_named(place: Place, kind: str) -> None:
    """By a Deployment's condition, and by a StatefulSet's event, which is all that it has."""
    place.put(QUOTA)
    quota = [load(QUOTA.replace("NAMESPACE", place.namespace))]
    place.wait_for(lambda: any("status" in live for live in place.backend.read(quota).values()))
    made = place.put(workload(kind, extra="  serviceName: web\n" if kind == "StatefulSet" else ""))
    found = place.told(made, "exceeded quota: small")
    assert found.status == "in-progress"


def test_the_status_of_the_generation_before_is_no_evidence(place: Place) -> None:
    """Right after an apply, with all counts still full, nothing is current."""
    made = place.put(workload())
    place.told(made, "everything is current")
    changed = place.put(workload().replace("web:1", "web:2"))
    found = place.health(changed)
    assert found.status == "in-progress"
    place.told(changed, "everything is current")


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.NAMESPACE.example.com}
spec:
  group: NAMESPACE.example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {phase: {type: string}}}}
"""
WIDGET = """
apiVersion: NAMESPACE.example.com/v1
kind: Widget
metadata: {name: w, namespace: NAMESPACE}
spec: {phase: PHASE}
"""


def test_a_custom_kind_by_the_components_own_rule(place: Place) -> None:
    """Established first, then judged by expressions over what the API server has."""
    definition = place.put(DEFINITION)
    place.told(definition, "everything is current")
    group = f"{place.namespace}.example.com"
    rule = HealthRule(
        group, "Widget", "object.spec.phase == 'Running'", "object.spec.phase == 'Broken'", "",
        "'it is ' + object.spec.phase",
    )  # fmt: skip
    for phase, word in (("Starting", "in-progress"), ("Broken", "failed"), ("Running", "current")):
        made = place.put(WIDGET.replace("PHASE", phase))
        found = place.health(made, rule)
        assert found.status == word
        if word != "current":
            assert found.because == f"Widget.{group} {place.namespace}/w: it is {phase}"


MANY = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: NAMESPACE}
spec: {storageClassName: nobody, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NAMESPACE}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: NAMESPACE}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: web, namespace: NAMESPACE}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "example.com/a:1"}]}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: NAMESPACE}
spec: {minAvailable: 5, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: NAMESPACE}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nobody}, maxReplicas: 3}
"""


def test_other_kinds(place: Place, request: pytest.FixtureRequest) -> None:
    """Only the claim that nobody binds and the autoscaler of nothing are waited for; the rest is current."""
    made = place.put(MANY)
    by_kind = {obj["kind"]: obj for obj in made}
    for kind in ("Service", "Ingress", "CronJob", "PodDisruptionBudget"):
        place.told([by_kind[kind]], "everything is current")
    place.told([by_kind["PersistentVolumeClaim"]], "the claim is not bound")
    if is_real(request):
        # The bundled cluster has no autoscaler yet.
        place.told([by_kind["HorizontalPodAutoscaler"]], "nobody")


def test_a_budget_that_blocks_is_named(place: Place) -> None:
    """While something else is not well, a budget that lets no pod be evicted is told with it."""
    text = workload(cpu="1000") + "---\n" + MANY.split("---\n")[4]
    place.told(place.put(text), "lets no pod be evicted: 0 are healthy, 5 must be")


def test_an_image_that_cannot_be_pulled(place: Place, request: pytest.FixtureRequest) -> None:
    """Which image, and on how many pods: by the kubelet's words, which a test writes where none runs."""
    made = place.put(by_hand(workload().replace("web:1", "missing:2"), place, request))
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    write_statuses(place, request, {"state": waits}, count=2)
    count = 2 if is_real(request) else 3
    found = place.told(made, f"ImagePullBackOff example.com/missing:2 on {count} of 3 pods")
    assert found.status == "in-progress"


def test_a_container_that_crashes(place: Place, request: pytest.FixtureRequest) -> None:
    """With the exit code of its last run, and what it said last."""
    made = place.put(by_hand(workload().replace("web:1", "crash:2"), place, request))
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no such file: /etc/web.yaml"}}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    write_statuses(place, request, {"state": waits, "lastState": ended, "restartCount": 4}, count=3)
    found = place.told(made, "CrashLoopBackOff app on 3 of 3 pods: exit code 3 (Error)")
    assert found.status == "failed"
    assert found.restarts >= 3
    if is_real(request):
        assert "no such file: /etc/web.yaml" in found.because


def is_real(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["place"] == "real")


def by_hand(text: str, place: Place, request: pytest.FixtureRequest) -> str:
    """Where there is no kubelet, the pods go to a node that KWOK leaves alone."""
    if not is_real(request):
        return text
    made = node(f"hand-{place.namespace}")
    labels = {**made["metadata"]["labels"], BY_HAND: "true"}
    # Nobody starts what gets here: the scheduler must not take it for the pods of other tests.
    spec = {"unschedulable": True}
    place.backend.apply({**made, "metadata": {**made["metadata"], "labels": labels}, "spec": spec})
    return text.replace("containers:", f"nodeName: hand-{place.namespace}\n      containers:")


def write_statuses(place: Place, request: pytest.FixtureRequest, status: dict[str, Any], count: int) -> None:
    """What a kubelet would say about the container `app` of the first pods."""
    if not is_real(request):
        return
    plane: RealPlane = request.getfixturevalue("real_plane")
    place.wait_for(lambda: len(place.backend.list("v1", "Pod", place.namespace)) == 3)
    for pod in place.backend.list("v1", "Pod", place.namespace)[:count]:
        image = pod["spec"]["containers"][0]["image"]
        full = {"name": "app", "image": image, "imageID": "", "ready": False, "restartCount": 0, **status}
        metadata = {"name": pod["metadata"]["name"], "namespace": place.namespace}
        said = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "status": {"containerStatuses": [full]},
        }
        plane.write(said, subresource="status")
