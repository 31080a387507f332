"""What the cluster's own limits and a readiness that comes and goes do to a rollout, pass by pass."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gitrel.app import read_catalog, world
from gitrel.orchestrator import commands, overview
from gitrel.rehearsal.fleet import Fleet
from gitrel.repo.git.creation import create
from gitrel.rollout.state import Phase
from tests import small
from tests.orchestrator.support import Town, town

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  progressDeadlineSeconds: 30
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: "example.com/web:v2"
        resources: {requests: {cpu: "500"}}
"""


def test_the_deployments_own_deadline_ends_it(tmp_path: Path) -> None:
    """Half a minute instead of gitrel's ten: the release goes back, with the scheduler's own words."""
    with town(tmp_path) as here:
        here.settle()
        here.write("apps/web/v2/web-deployment.yaml", DEPLOYMENT)
        began = here.fleet.clock.now()
        commands.promote(here.world, "web", "v2")
        report = here.settle()
        progress = report.rollouts["web"].environments["quiet"]
        assert progress.phase is Phase.ROLLED_BACK
        assert "the cluster gave up" in report.rollouts["web"].because
        assert "Insufficient cpu" in report.rollouts["web"].because
        assert progress.since - began < timedelta(minutes=2)
        assert here.image("quiet") == "example.com/web:v1"


PROBED = DEPLOYMENT.replace(
    'resources: {requests: {cpu: "500"}}',
    "readinessProbe: {httpGet: {port: 80}, periodSeconds: 1, failureThreshold: 1}",
)
FLAPS = '{embedded: {nodes: 1, behaviours: [{image: "example.com/web:v2", unhealthy: {after: 30, for: 20}}]}}'


def test_readiness_that_comes_and_goes_starts_the_timers_again(tmp_path: Path) -> None:
    """Unready half a minute after its start, for twenty seconds: one setback, a soak that begins after it,
    and the count in what people read."""
    small.write(tmp_path)
    quiet = tmp_path / "environments/quiet.yaml"
    text = quiet.read_text(encoding="utf-8").replace("{embedded: {nodes: 1}}", FLAPS)
    quiet.write_text(text, encoding="utf-8")
    (tmp_path / "apps/web/v2/web-deployment.yaml").write_text(PROBED, encoding="utf-8")
    create(tmp_path, message="Begin", author=small.AUTHOR, at=small.START)
    catalog, _ = read_catalog(tmp_path)
    fleet = Fleet(catalog, small.START)
    with world(tmp_path, actor=small.AUTHOR, clock=fleet.clock, connect=fleet.connect) as it:
        here = Town(tmp_path, it, fleet)
        here.settle()
        commands.promote(here.world, "web", "v2")
        told: list[str] = []
        progress = here.once().rollouts["web"].environments["quiet"]
        while progress.phase is not Phase.PASSED:
            here.wait(timedelta(seconds=10))
            report = here.once()
            progress = report.rollouts["web"].environments["quiet"]
            told.append(overview.matrix(here.world).rows[0].cells["quiet"].sentence)
        assert progress.setbacks == 1
        assert any("after 1 setback" in sentence for sentence in told)
        assert progress.ready is not None
        assert progress.steady is not None
        assert progress.started is not None
        assert progress.ready - progress.started >= timedelta(seconds=50)
        assert progress.passed is not None
        assert progress.passed - progress.steady >= timedelta(minutes=20)
