"""What is applied over what is there: replicas that an autoscaler sets are neither taken nor reset."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.backends.backend import FIELD_OWNER
from gitrel.delivery.wanted import Ignored, as_applied
from gitrel.kube.fields import get
from gitrel.kube.identity import Object
from tests.delivery.support import load

SCALER: Object = load("""
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
""")


def workload(replicas: int | None, name: str = "web", managers: tuple[str, ...] = ()) -> dict[str, Any]:
    fields: Object = {"f:spec": {"f:replicas": {}}}
    managed = [{"manager": one, "operation": "Apply", "fieldsV1": fields} for one in managers]
    metadata = {"name": name, "namespace": "shop", **({"managedFields": managed} if managed else {})}
    spec = {"paused": False} | ({} if replicas is None else {"replicas": replicas})
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("written", [2, None], ids=["in the manifest", "left out"])
@pytest.mark.parametrize(
    ("managers", "applied"),
    [
        pytest.param((FIELD_OWNER,), 7, id="ours alone: kept as it is, or the server would reset it"),
        pytest.param((FIELD_OWNER, "kube-controller-manager"), None, id="shared: given up"),
        pytest.param(("kube-controller-manager",), None, id="the autoscaler's: left alone"),
    ],
)
def test_replicas_belong_to_the_autoscaler(
    written: int | None, managers: tuple[str, ...], applied: int | None
) -> None:
    """Whoever has set them last, and whatever the manifest says or no longer says."""
    wanted = workload(written)
    found = as_applied(wanted, workload(7, managers=managers), Ignored.of([wanted, SCALER]))
    assert get(found, "spec", "replicas") == applied
    assert get(found, "spec", "paused") is False


def test_without_an_autoscaler_the_manifest_counts() -> None:
    """And for an object that is made anew, and for a workload that another one's autoscaler does not know."""
    live = workload(7, managers=("kubectl",))
    assert as_applied(workload(2), live, Ignored.of([workload(2)])) == workload(2)
    assert as_applied(workload(2), None, Ignored.of([workload(2), SCALER])) == workload(2)
    other = workload(2, "api")
    assert as_applied(other, live, Ignored.of([other, SCALER])) == other
