"""What `kubectl get` prints: the words and numbers that Kubernetes' own printers give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitrel.cluster.api.tables import table
from gitrel.cluster.kinds.columns.pods import summary
from gitrel.cluster.kinds.columns.printing import human_duration
from gitrel.cluster.kinds.columns.registry import COLUMNS
from gitrel.cluster.kinds.registry import BUILTIN

KINDS = {kind.resource: kind for kind in BUILTIN}

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"),
        (600, "10m"), (10_799, "179m"), (10_800, "3h"), (12_000, "3h20m"), (28_800, "8h"), (172_799, "47h"),
        (172_800, "2d"), (176_400, "2d1h"), (691_200, "8d"), (63_071_999, "729d"), (63_072_000, "2y"),
        (66_000_000, "2y33d"), (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_durations_are_short(seconds: int, text: str) -> None:
    """The table of apimachinery's HumanDuration, at its edges."""
    assert human_duration(timedelta(seconds=seconds)) == text


def running(name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": True, "restartCount": 0, "state": {"running": {}}, **more}


def waiting(reason: str) -> dict[str, Any]:
    return {"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}


def ended(code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, **({"reason": reason} if reason else {})}}
    return {"name": "main", "ready": False, "restartCount": 0, "state": state, **more}


READY = [{"type": "Ready", "status": "True"}]
STARTED = {"name": "side", "ready": True, "started": True, "restartCount": 1, "state": {"running": {}}}


@pytest.mark.parametrize(
    ("status", "inits", "word", "ready"),
    [
        ({"phase": "Pending"}, [], "Pending", "0/1"),
        ({"phase": "Failed", "reason": "Evicted"}, [], "Evicted", "0/1"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
            [],
            "SchedulingGated",
            "0/1",
        ),
        ({"phase": "Running", "containerStatuses": [running()]}, [], "Running", "1/1"),
        ({"phase": "Running", "containerStatuses": [waiting("ErrImagePull")]}, [], "ErrImagePull", "0/1"),
        ({"phase": "Succeeded", "containerStatuses": [ended(0, "Completed")]}, [], "Completed", "0/1"),
        ({"phase": "Failed", "containerStatuses": [ended(137)]}, [], "ExitCode:137", "0/1"),
        (
            {"conditions": READY, "containerStatuses": [ended(0, "Completed"), running("side")]},
            [],
            "Running",
            "1/1",
        ),
        ({"containerStatuses": [ended(0, "Completed"), running("side")]}, [], "NotReady", "1/1"),
        ({"initContainerStatuses": [waiting("PodInitializing")]}, [{"name": "main"}], "Init:0/1", "0/1"),
        ({"initContainerStatuses": [waiting("Wrong")]}, [{"name": "main"}], "Init:Wrong", "0/1"),
        ({"initContainerStatuses": [ended(1, "Error")]}, [{"name": "main"}], "Init:Error", "0/1"),
        ({"initContainerStatuses": [ended(2)]}, [{"name": "main"}], "Init:ExitCode:2", "0/1"),
        (
            {"phase": "Running", "initContainerStatuses": [STARTED], "containerStatuses": [running()]},
            [{"name": "side", "restartPolicy": "Always"}],
            "Running",
            "2/2",
        ),
    ],
)  # fmt: skip
def test_a_pods_status_is_one_word(
    status: dict[str, Any], inits: list[dict[str, Any]], word: str, ready: str
) -> None:
    """The cases of printPod."""
    spec = {"containers": [{"name": "main"}], "initContainers": inits}
    found = summary({"metadata": {"name": "p"}, "spec": spec, "status": status})
    assert (found.reason, f"{found.ready}/{found.total}") == (word, ready)


def test_a_pod_that_is_deleted_is_terminating() -> None:
    """Unless it has ended already, or its node is lost."""
    metadata = {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    for status, word in (
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Succeeded"}, "Succeeded"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
    ):
        assert summary({"metadata": metadata, "spec": {}, "status": status}).reason == word


def test_restarts_say_when_the_last_one_was() -> None:
    """`3 (5m ago)`, as of the cluster's instant."""
    last = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T11:55:00Z"}}
    pod = {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T10:00:00Z"},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "containerStatuses": [running(restartCount=3, lastState=last)]},
    }
    [row] = table(KINDS["pods"], [pod], {}, NOW)["rows"]
    assert row["cells"][:5] == ["p", "1/1", "Running", "3 (5m ago)", "120m"]


def test_services_show_their_ports_and_addresses() -> None:
    """Node ports, load balancers that are pending, names of their own."""
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    spec = {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": ports}
    service = {"metadata": {"name": "s"}, "spec": spec}
    [row] = table(KINDS["services"], [service], {}, NOW)["rows"]
    assert row["cells"][1:5] == ["LoadBalancer", "10.0.0.1", "<pending>", "80:30080/TCP,53/UDP"]


def test_every_table_can_be_made_of_next_to_nothing() -> None:
    """An object with a name alone fills every kind's columns, each as often as there are titles."""
    for kind in BUILTIN:
        made = table(kind, [{"kind": kind.kind, "metadata": {"name": "x"}}], {}, NOW)
        [row] = made["rows"]
        assert len(row["cells"]) == len(made["columnDefinitions"]), kind.resource


def test_tables_are_for_kinds_that_exist() -> None:
    """No table for a kind that is not there."""
    assert COLUMNS.keys() <= {kind.resource for kind in BUILTIN}
