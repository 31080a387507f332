"""What the cluster's own limits and a readiness that comes and goes do to a rollout, pass by pass."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.orchestrator import commands
from gitrel.rollout.state import Phase
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
