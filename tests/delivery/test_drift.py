"""What counts as drift: fields that the release writes and that no longer hold, and nothing else."""

from __future__ import annotations

import pytest

from gitrel.delivery.drift import drift
from tests.delivery.support import by_ref, load, manifests

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 3
  minReadySeconds: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          args: [serve, --fast]
          env: [{name: EMPTY, value: ""}]
          ports: [{containerPort: 80}]
          resources: {limits: {cpu: 1000m, memory: 1Gi}}
"""
LIVE = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 1-2
  generation: 4
  labels: {app: web, team: shop}
  annotations: {deployment.kubernetes.io/revision: "4"}
  managedFields:
    - manager: gitrel
      operation: Apply
      fieldsV1: {f:spec: {f:template: {f:spec: {f:containers: {'k:{"name":"web"}': {f:image: {}}}}}}}
    - manager: kubectl-edit
      operation: Update
      fieldsV1:
        f:spec:
          f:replicas: {}
          f:template: {f:spec: {f:containers: {'k:{"name":"web"}': {.: {}, f:image: {}}}}}
spec:
  replicas: 3
  progressDeadlineSeconds: 600
  strategy: {type: RollingUpdate}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      restartPolicy: Always
      containers:
        - {name: sidecar, image: mesh:1}
        - name: web
          image: web:1
          imagePullPolicy: IfNotPresent
          args: [serve, --fast]
          env: [{name: EMPTY}, {name: INJECTED, value: x}]
          ports: [{containerPort: 80, protocol: TCP}]
          resources: {limits: {cpu: "1", memory: 1Gi}}
status: {replicas: 3}
"""
HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 9}
"""


def found(live: str, *more: str) -> list[str]:
    wanted = [load(MANIFEST), *map(load, more)]
    return [str(d) for d in drift(manifests(*wanted), by_ref(load(live), *map(load, more)))]


def test_defaults_and_other_managers_are_not_drift() -> None:
    """Server defaults, dropped zero values, canonical quantities, injected containers and labels are fine."""
    assert found(LIVE) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param("image: web:1", "image: web:2", "[0].image was changed by kubectl-edit", id="image"),
        pytest.param("[serve, --fast]", "[serve]", "[0].args was changed", id="shorter list"),
        pytest.param('cpu: "1"', "cpu: 999m", "[0].resources.limits.cpu was changed", id="quantity"),
        pytest.param(
            "containerPort: 80", "containerPort: 81", "[0].ports[0].containerPort was changed", id="port"
        ),
        pytest.param("{name: EMPTY}, ", "", "[0].env[0].name was changed", id="removed from a list"),
    ],
)
def test_changed_fields_are_drift(before: str, after: str, expected: str) -> None:
    """Each changed field is named, with who changed it where the cluster knows."""
    assert before in LIVE
    lines = found(LIVE.replace(before, after))
    assert lines
    assert lines[0] == f"Deployment.apps shop/web: spec.template.spec.containers{expected}"


def test_replicas_are_drift_unless_an_autoscaler_sets_them() -> None:
    """Scaling by hand is drift; an autoscaler of the same release doing its work is not."""
    scaled = LIVE.replace("  replicas: 3\n  progress", "  replicas: 7\n  progress")
    assert found(scaled) == ["Deployment.apps shop/web: spec.replicas was changed by kubectl-edit"]
    assert found(scaled, HPA) == []


def test_a_missing_object_is_drift() -> None:
    """What was deleted by hand is told as gone."""
    assert [str(d) for d in drift(manifests(load(MANIFEST)), {})] == ["Deployment.apps shop/web is gone"]


def test_a_removed_label_is_drift() -> None:
    """In maps of text an empty value is a value, and a missing one is a change."""
    manifest = load("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {flag: ''}}")
    live = load("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
    assert [d.path for d in drift(manifests(manifest), by_ref(live))] == ["data.flag"]


def test_stringdata_is_compared_as_it_is_stored() -> None:
    """A Secret written as text holds when its base64 form is there, and drifts when it is not."""
    manifest = load("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {k: hunter2}}")
    good = load("{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: aHVudGVyMg==}}")
    bad = load("{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: b3RoZXI=}}")
    assert list(drift(manifests(manifest), by_ref(good))) == []
    (line,) = map(str, drift(manifests(manifest), by_ref(bad)))
    assert line == "Secret a: data.k was changed"


def test_garbled_managed_fields_do_not_stop_a_pass() -> None:
    """Who changed it stays unknown where the record cannot be read."""
    live = load(LIVE)
    live["metadata"]["managedFields"] = [None, {"manager": 3}, {"manager": "x", "fieldsV1": {"f:spec": "?"}}]
    live["spec"]["replicas"] = 9
    assert [str(d) for d in drift(manifests(load(MANIFEST)), by_ref(live))] == [
        "Deployment.apps shop/web: spec.replicas was changed"
    ]
