"""Server-side apply gives, step by step, what a real API server gives: objects, owners, conflicts, refusals.

Random histories of several managers that apply, force, patch and give up. PodTemplates are used because no
controller touches them, and because a pod's spec has every kind of list and map there is.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gitrel.cluster import Cluster, ClusterSpec
from gitrel.cluster.api.errors import ApiError
from tests.realcluster.conftest import RealPlane

EXAMPLES = 120
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NUMBERS = count(1)


# --- what managers say ------------------------------------------------------------------------------------

VALUES = st.sampled_from(("1", "2"))


def some(keys: str, values: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys.split()), values, max_size=2)


def entries(key: str, names: tuple[Any, ...], **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list of maps, each of `names` at most once, in any order."""
    return st.lists(st.sampled_from(names), unique=True, max_size=3).flatmap(
        lambda chosen: st.tuples(
            *(
                st.fixed_dictionaries({key: st.just(name)}, optional=dict(others))
                if others
                else st.just({key: name})
                for name in chosen
            )
        ).map(list)
    )


PORTS = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.sampled_from((80, 81))},
        optional={"protocol": st.sampled_from(("TCP", "UDP")), "name": st.sampled_from(("p", "q"))},
    ),
    max_size=2,
    unique_by=lambda row: (row["containerPort"], row.get("protocol", "TCP")),
)
CONTAINERS = entries(
    "name",
    ("one", "two", "three"),
    image=VALUES.map("image:{}".format),
    args=st.lists(VALUES, max_size=2),
    env=entries("name", ("A", "B"), value=VALUES),
    ports=PORTS,
    resources=st.fixed_dictionaries({}, optional={"limits": some("cpu memory")}),
)
SPEC = st.fixed_dictionaries(
    {"containers": CONTAINERS},
    optional={
        "nodeSelector": some("x y"),
        "tolerations": st.lists(
            st.fixed_dictionaries({"key": VALUES, "operator": st.just("Exists")}), max_size=2
        ),
        "imagePullSecrets": entries("name", ("s1", "s2")),
        "hostAliases": entries("ip", ("10.0.0.1", "10.0.0.2"), hostnames=st.lists(VALUES, max_size=2)),
        "volumes": entries("name", ("v1", "v2"), emptyDir=st.just({})),
        "priority": st.none(),
        "securityContext": st.fixed_dictionaries({}, optional={"runAsUser": st.sampled_from((1, 2))}),
    },
)
CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "labels": some("x y z"),
        "annotations": some("x y"),
        "finalizers": st.lists(st.sampled_from(("e.com/a", "e.com/b")), unique=True, max_size=2),
        "template": st.fixed_dictionaries(
            {}, optional={"metadata": st.fixed_dictionaries({"labels": some("x y")}), "spec": SPEC}
        ),
    },
)


@dataclass(frozen=True)
class Step:
    manager: str
    how: str
    config: Mapping[str, Any]

    def body(self, name: str, namespace: str) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "namespace": namespace}
        metadata |= {key: v for key, v in self.config.items() if key != "template"}
        body = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": metadata}
        return {**body, "template": self.config["template"]} if "template" in self.config else body


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(("a", "b", "c")),
        st.sampled_from(("apply", "apply", "apply", "force", "merge")),
        CONFIG,
    ),
    min_size=2,
    max_size=6,
)
FIRST = Step("a", "apply", {"template": {"spec": {"containers": [{"name": "one", "image": "image:0"}]}}})


# --- the two servers --------------------------------------------------------------------------------------


class Real:
    def __init__(self, plane: RealPlane) -> None:
        self.namespace = plane.namespace
        self._token = plane.plane.token
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        place = urlsplit(plane.plane.server)
        assert place.hostname
        self._connection = http.client.HTTPSConnection(
            place.hostname, place.port, context=context, timeout=20
        )

    def close(self) -> None:
        self._connection.close()

    def take(self, step: Step, name: str) -> tuple[int, Any]:
        media, query = "application/apply-patch+yaml", f"fieldManager={step.manager}&fieldValidation=Strict"
        if step.how == "merge":
            media = "application/merge-patch+json"
        else:
            query += f"&force={str(step.how == 'force').lower()}"
        path = f"/api/v1/namespaces/{self.namespace}/podtemplates/{name}?{query}"
        headers = {"Content-Type": media, "Authorization": f"Bearer {self._token}"}
        body = json.dumps(step.body(name, self.namespace))
        self._connection.request("PATCH", path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


class Bundled:
    def __init__(self, namespace: str) -> None:
        self._cluster = Cluster(ClusterSpec(nodes=(), without=("scheduler", "kubelet")))
        self.namespace = namespace
        metadata = {"name": namespace}
        self._cluster.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self._cluster.settle()

    def take(self, step: Step, name: str) -> tuple[int, Any]:
        api = self._cluster.api.acting_as(step.manager)
        body = step.body(name, self.namespace)
        there = any(o["metadata"]["name"] == name for o in api.list("podtemplates", self.namespace))
        try:
            if step.how == "merge":
                media: Any = "application/merge-patch+json"
                return 200, api.patch("podtemplates", name, body, self.namespace, type_=media)
            return (200 if there else 201), api.apply(body, force=step.how == "force")
        except ApiError as refused:
            return refused.code, refused.status()


def comparable(answer: tuple[int, Any]) -> Any:
    """Without what differs between any two servers: identity, revisions, instants."""
    code, body = answer
    if code >= 400:
        return code, body["reason"], _TIME.sub("TIME", body["message"])
    own = ("uid", "resourceVersion", "creationTimestamp")
    metadata = {key: value for key, value in body["metadata"].items() if key not in own}
    rows = [{key: v for key, v in row.items() if key != "time"} for row in metadata.pop("managedFields", ())]
    # Kubernetes sorts by time to the second, so that the order of equal seconds is by name; ours is the same
    # to the virtual instant. The set is what matters.
    rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
    return code, {**body, "metadata": metadata}, rows


@pytest.fixture(scope="module")
def servers() -> Iterator[list[tuple[Real, Bundled]]]:
    found: list[tuple[Real, Bundled]] = []
    yield found
    for real, _ in found:
        real.close()


@settings(
    derandomize="GITREL_RANDOM" not in os.environ,
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_random_histories_of_managers_end_the_same(
    real_plane: RealPlane, servers: list[tuple[Real, Bundled]], steps: list[Step]
) -> None:
    """After every step: the same code, object and managers; or the same refusal, word for word."""
    if not servers:
        servers.append((Real(real_plane), Bundled(real_plane.namespace)))
    real, bundled = servers[0]
    name = f"t{next(_NUMBERS)}"
    for number, step in enumerate([FIRST, *steps]):
        note(f"{number}: {step}")
        theirs, ours = comparable(real.take(step, name)), comparable(bundled.take(step, name))
        assert ours == theirs, f"step {number}: {step}"
