"""Readiness that flaps, statuses of yesterday, and clocks that disagree: rows 80, 81 and 82.

Row 79, the named reasons for what is stuck, is shown in test_health.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from gitrel.clock import format_instant, parse_instant
from gitrel.kube.fields import get, replaced
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.world import World
from gitrel.rollout.state import EnvironmentProgress, Phase
from tests.realcluster.conftest import RealPlane, wait_for
from tests.realcluster.faults import faults
from tests.realcluster.faults.proxy import Exchange, FaultProxy
from tests.realcluster.site import deployment, lay_out

VERSION = {"web-deployment.yaml": deployment()}
DEPLOYMENTS = r"/deployments(/web)?$"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def look(world: World) -> EnvironmentProgress:
    """One pass, and where the real region is then."""
    return reconcile(world).rollouts["web"].environments["quiet"]


def set_ready(plane: RealPlane, status: str) -> None:
    """As a probe that fails, or works again, would have the kubelet write it."""
    (pod,) = plane.backend.list("v1", "Pod", plane.namespace, {"app": "web"})
    now = format_instant(datetime.now(UTC).replace(microsecond=0))
    rows = [
        {**row, "status": status, "lastTransitionTime": now}
        if row["type"] in ("Ready", "ContainersReady")
        else row
        for row in get(pod, "status", "conditions")
    ]
    patch = {"status": {"conditions": rows}}
    name = pod["metadata"]["name"]
    words = ("patch", "pod", name, "--subresource=status", "--type=merge", "-p")
    plane.kubectl(*words, orjson.dumps(patch).decode())


def test_readiness_that_is_lost_starts_the_timer_again(real_plane: RealPlane, tmp_path: Path) -> None:
    """80: a pod that stops being ready in the steady time goes back to settling; the time counts anew."""
    site = lay_out(
        tmp_path,
        real_plane.kubeconfig,
        real_plane.namespace,
        {"v1": VERSION},
        defaults={"minReadySeconds": 8},
    )
    with site.world() as world:

        def reaches(phase: Phase) -> Callable[[], bool]:
            return lambda: look(world).phase is phase

        wait_for(reaches(Phase.STEADYING), 30)
        first = look(world).since
        set_ready(real_plane, "False")
        wait_for(reaches(Phase.SETTLING), 6)
        set_ready(real_plane, "True")
        wait_for(reaches(Phase.STEADYING), 10)
        second = look(world).since
        wait_for(lambda: look(world).phase in (Phase.WATCHING, Phase.PASSED), 20)
        now = datetime.now(UTC)
    assert first is not None and second is not None and second > first
    assert now - second >= timedelta(seconds=7)


def test_a_status_that_is_behind_is_not_believed(
    real_plane: RealPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    """81: as long as observedGeneration is behind, nothing counts as ready; then it does."""

    def outdated(obj: Any) -> Any:
        if "items" in obj:
            return {**obj, "items": [outdated(item) for item in obj["items"]]}
        if isinstance(obj.get("status"), dict):
            return replaced(obj, ("status", "observedGeneration"), obj["metadata"]["generation"] - 1)
        return obj

    site = lay_out(tmp_path, proxy.kubeconfig, real_plane.namespace, {"v1": VERSION})
    proxy.on("GET", DEPLOYMENTS, faults.change(outdated))
    with site.world() as world:
        wait_for(lambda: look(world).phase is Phase.SETTLING, 20)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert look(world).phase is Phase.SETTLING
        proxy.heal()
        wait_for(lambda: look(world).phase not in (Phase.APPLYING, Phase.SETTLING), 20)


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_a_cluster_whose_clock_is_hours_off(
    real_plane: RealPlane, proxy: FaultProxy, tmp_path: Path, hours: int
) -> None:
    """82: no place is steady or soaked earlier for it, nor later: durations are of gitrel's own clock."""
    shift = timedelta(hours=hours)

    def shifted(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shifted(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [shifted(inner) for inner in value]
        if isinstance(value, str) and INSTANT.fullmatch(value):
            return format_instant(parse_instant(value) + shift)
        return value

    def elsewhen(exchange: Exchange) -> None:
        date = {"Date": format_datetime(datetime.now(UTC) + shift, usegmt=True)}
        faults.change(shifted, date)(exchange)

    proxy.on("*", r"^/api", elsewhen)
    timers = {"minReadySeconds": 3, "meanTimeToSmoke": "5s", "soakFactor": 1}
    site = lay_out(tmp_path, proxy.kubeconfig, real_plane.namespace, {"v1": VERSION}, defaults=timers)
    done = site.gitrel("reconcile", "--wait", "--timeout", "60s")
    assert done.code == 0, done.told
    way = {-5: "behind", 0: "", 5: "ahead of"}[hours]
    told = re.findall(r"quiet clock: the cluster's clock is (\S+) (behind|ahead of) this machine's", done.err)
    assert len(told) == (1 if way else 0), done.err
    assert all(direction == way and span[0] in "45" for span, direction in told)
    at = {}
    for line in done.err.splitlines():
        if found := re.match(r"(\S+) web quiet (applied|passed) ", line):
            at[found[2]] = parse_instant(found[1])
    # Watched for five seconds since it was ready; conditions and lines are of whole seconds.
    assert timedelta(seconds=4) <= at["passed"] - at["applied"] <= timedelta(seconds=30), done.err
    assert "every step kept to the schedule" in site.good("rollout", "verify", "-o", "table")
