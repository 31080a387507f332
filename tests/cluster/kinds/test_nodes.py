"""Nodes that strangers write: the ranges of their pods, and what they keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object
from tests.cluster.harness import cluster, pod
from tests.cluster.kinds.tables import of, on, refusal, stored


def node(**spec: Any) -> Object:
    return of("Node", namespace="", spec=spec)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"podCIDR": "10.1.0.0/24"}, {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}),
        ({"podCIDRs": ["fd00::/64"]}, {"podCIDR": "fd00::/64", "podCIDRs": ["fd00::/64"]}),
        (
            {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.2.0.0/24", "fd00::/64"]},
            {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]},
        ),
        ({}, {}),
    ],
)
def test_one_range_and_all_ranges_agree(sent: Any, kept: Any) -> None:
    """Whichever was said says the other; the one wins."""
    spec = stored(node(**sent))["spec"]
    assert {key: spec[key] for key in ("podCIDR", "podCIDRs") if key in spec} == kept


def test_ranges_are_ranges() -> None:
    """Anything else is refused, and no kubelet has to read it."""
    assert 'spec.podCIDRs[0]: Invalid value: "Always": must be a valid CIDR value' in refusal(
        node(podCIDR="Always")
    )


def test_a_kubelet_lives_with_the_range_it_is_given() -> None:
    """One of another family, and one of another size: both report, and run pods."""
    made = Cluster(ClusterSpec(nodes=()))
    made.settle()
    for name, cidr in (("six", "fd00::/64"), ("other", "192.168.0.0/24")):
        made.api.create({**node(podCIDR=cidr), "metadata": {"name": name}})
        made.api.create(on(pod(f"on-{name}"), ("spec.nodeName", name)))
    made.advance(timedelta(minutes=1))
    for name in ("six", "other"):
        assert made.api.get("pods", f"on-{name}", "default")["status"]["phase"] == "Running"
        conditions = made.api.get("nodes", name)["status"]["conditions"]
        assert next(row["status"] for row in conditions if row["type"] == "Ready") == "True"


@pytest.mark.parametrize("field", ["podCIDR", "providerID"])
def test_what_it_was_given_once_it_keeps(field: str) -> None:
    """From nothing to something, and no further."""
    made = cluster()
    first = {"podCIDR": "10.1.0.0/24"} if field == "podCIDR" else {"providerID": "x://1"}
    old = made.api.create(node(**first))
    spec = {"podCIDR": "10.2.0.0/24"} if field == "podCIDR" else {**old["spec"], "providerID": "x://2"}
    with pytest.raises(ApiError, match=f'may not change {field} except from "" to valid'):
        made.api.update({**old, "spec": spec})
