"""Moving a cluster's clock from outside: what falls due happens, at its own instant, before the answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.clock import parse_instant
from gitrel.cluster.server import administrator
from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import UsageError
from tests.cluster.server.client import CONFIG_MAPS, Api, config_map

CLOCK = "/gitrel/clock"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def job_with_deadline(name: str) -> dict[str, Any]:
    """Its pod finds no node, and it is given up after an hour."""
    containers = [{"name": "main", "image": "runs-for-ever"}]
    nowhere = {"restartPolicy": "Never", "containers": containers, "nodeSelector": {"is": "nowhere"}}
    template = {"spec": nowhere}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"activeDeadlineSeconds": 3600, "template": template},
    }


def test_an_hour_passes_at_once(api: Api, directory: Path) -> None:
    """A jumping clock stands still after ten minutes; told to, it goes exactly so far, with what is due."""
    api.post(JOBS, job_with_deadline("slow"))
    began = parse_instant(api.get(f"{JOBS}/slow")["metadata"]["creationTimestamp"])
    before = parse_instant(api.get(CLOCK)["now"])
    assert "conditions" not in api.get(f"{JOBS}/slow")["status"]
    told = administrator.advance(directory / "kubeconfig", timedelta(hours=2))
    assert (told["clock"], parse_instant(told["now"])) == ("virtual", before + timedelta(hours=2))
    conditions = {row["type"]: row for row in api.get(f"{JOBS}/slow")["status"]["conditions"]}
    assert conditions["FailureTarget"]["reason"] == "DeadlineExceeded"
    failed = parse_instant(conditions["FailureTarget"]["lastTransitionTime"])
    assert began + timedelta(hours=1) <= failed <= began + timedelta(hours=1, seconds=2)
    assert api.get(CLOCK)["now"] == told["now"]


def test_writes_happen_at_the_new_time(api: Api) -> None:
    """Nothing is due, and time has passed all the same."""
    answer = api.call("POST", CLOCK, {"advance": "30d"})
    made = api.post(CONFIG_MAPS, config_map("later"))
    assert made["metadata"]["creationTimestamp"] == answer.json["now"][:19] + "Z"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, 'send how far to go: {"advance": "10m"}'),
        ([], 'send how far to go: {"advance": "10m"}'),
        ({"advance": 5}, "send how far to go"),
        ({"advance": "-5m"}, "is not a duration"),
        ({"advance": "5"}, "is not a duration"),
        ({"advance": "99999d"}, "longer than ten years"),
    ],
)
def test_what_is_no_way_to_go(api: Api, body: Any, says: str) -> None:
    """Each is 400 with a sentence, and the clock stands."""
    before = api.get(CLOCK)["now"]
    code, reason, message = api.call("POST", CLOCK, body).said
    assert (code, reason) == (400, "BadRequest") and says in message
    assert api.get(CLOCK)["now"] == before
    assert api.call("DELETE", CLOCK).code == 405


def test_time_has_an_end(tmp_path: Path) -> None:
    """So often that no instant would be left: refused, and the cluster goes on."""
    with served(tmp_path), Api(tmp_path / "kubeconfig") as api:
        codes = {api.call("POST", CLOCK, {"advance": "3650d"}).code for _ in range(720)}
        assert codes == {200, 400}
        assert api.call("POST", CONFIG_MAPS, config_map("last")).code == 201


def test_the_systems_clock_is_not_ours_to_move(tmp_path: Path) -> None:
    """It is told, not moved."""
    with served(tmp_path, clock="system"), Api(tmp_path / "kubeconfig") as api:
        assert api.get(CLOCK)["clock"] == "system"
        with pytest.raises(UsageError, match="follows the system clock"):
            administrator.advance(tmp_path / "kubeconfig", timedelta(minutes=1))


def test_a_clock_with_a_speed_goes_on_from_there(tmp_path: Path) -> None:
    """It is moved by as much, and passes by itself before and after."""
    with served(tmp_path, speed=2.0), Api(tmp_path / "kubeconfig") as api:
        before = parse_instant(api.get(CLOCK)["now"])
        told = parse_instant(api.call("POST", CLOCK, {"advance": "1h"}).json["now"])
        assert timedelta(hours=1) <= told - before < timedelta(hours=1, minutes=5)
        assert parse_instant(api.get(CLOCK)["now"]) > told


def test_not_everybody_moves_time(tmp_path: Path) -> None:
    """Where roles are asked, it takes the verb `post` on the path."""
    rows = ("t-alice,alice,1,",)
    with (
        served(tmp_path, ClusterSpec(authorization="RBAC"), tokens=rows),
        Api(tmp_path / "kubeconfig") as admin,
        Api(tmp_path / "kubeconfig", token="t-alice") as alice,
        Api(tmp_path / "kubeconfig", nobody=True) as nobody,
    ):
        assert nobody.call("GET", CLOCK).code == 403
        assert alice.call("POST", CLOCK, {"advance": "1m"}).code == 403
        assert admin.call("POST", CLOCK, {"advance": "1m"}).code == 200
