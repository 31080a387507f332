"""Whatever a stranger sends is taken or refused; it never ends in a fault of ours."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.serviceaccount.controller import ServiceAccountController
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, deployment, pod
from tests.cluster.kinds.tables import of
from tests.cluster.kinds.test_families import CASES
from tests.cluster.kinds.test_refusals import REFUSED
from tests.cluster.kinds.test_validation import INGRESS, JOB, SCALER, SERVICE

BUSY = pod(
    "x", hostNetwork=True, initContainers=[container("init")],
    volumes=[{"name": "v", "secret": {"secretName": "s"}}, {"name": "p", "projected": {"sources": [{}]}}],
    containers=[
        container(
            ports=[{"containerPort": 80, "name": "http"}], env=[{"name": "A", "value": "b"}],
            resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
            readinessProbe={"httpGet": {"port": 80}}, volumeMounts=[{"name": "v", "mountPath": "/v"}],
            securityContext={"capabilities": {"add": ["CHOWN"]}},
        )
    ],
    tolerations=[{"key": "a", "operator": "Exists"}], overhead={"cpu": "1"},
)  # fmt: skip
SENT: list[Object] = [
    BUSY, deployment("x"), JOB, SERVICE, INGRESS, SCALER,
    of("ConfigMap", data={"a": "b"}), of("Secret", data={"a": "Yg=="}),
    *(sent for sent, _ in CASES.values()), *(sent for sent, _ in REFUSED.values()),
]  # fmt: skip
ODD: list[Any] = [None, "", "x", "-1", "1.5Gi", 0, -1, 1.5, True, [], {}, [{}], [None], {"x": "y"}, "*"]


_TYPE = (("apiVersion",), ("kind",))


def paths_of(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [at] if at else []
    for key, item in items:
        found += paths_of(item, (*at, key))
    return found


def with_value(obj: Any, path: tuple[Any, ...], value: Any) -> Any:
    """`value` at the path, or nothing there where it is the string `-`."""
    head, *rest = path
    if isinstance(obj, dict):
        new: Any = dict(obj)
    else:
        new = list(obj)
    if rest:
        new[head] = with_value(obj[head], tuple(rest), value)
    elif value == "-":
        del new[head]
    else:
        new[head] = value
    return new


@st.composite
def spoiled(draw: st.DrawFn) -> Object:
    obj: Any = draw(st.sampled_from(SENT))
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in paths_of(obj) if path not in _TYPE]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        obj = with_value(obj, path, draw(st.sampled_from([*ODD, "-"])))
    return dict(obj)


@given(spoiled())
@settings(deadline=None, max_examples=300)
def test_no_object_is_a_fault_of_ours(obj: Object) -> None:
    """Proves that objects spoiled anywhere are stored or refused by name, in a namespace with every rule."""
    api = RULED.fork().api.acting_as("me", field_validation="Ignore")
    with suppress(ApiError):
        api.update(api.create(obj))


def _ruled() -> WatchedCluster:
    made = cluster(ServiceAccountController)
    made.settle()
    limit = {"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "4"}}
    made.api.create(of("LimitRange", name="rules", spec={"limits": [limit]}))
    made.api.create(of("ResourceQuota", name="rules", spec={"hard": {"pods": "99", "requests.cpu": "9"}}))
    place = made.api.get("namespaces", "default")
    labels = {**place["metadata"]["labels"], "pod-security.kubernetes.io/warn": "restricted"}
    made.api.update({**place, "metadata": {**place["metadata"], "labels": labels}})
    return made


RULED = _ruled()
