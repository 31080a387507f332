"""A config repository that fits on a page: one component, two versions, two environments in two waves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gitrel.repo.git.creation import create

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
AUTHOR = "Ada Example <ada@example.com>"
ENVIRONMENTS = ("quiet", "busy")

PIPELINE = """\
apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
metadata: {name: small}
spec:
  waves:
    - {name: first, environments: [quiet]}
    - {name: then, environments: [busy]}
  defaults:
    minReadySeconds: 5
    meanTimeToSmoke: 10m
    soakFactor: 2
    onFailure: rollback
"""
ENVIRONMENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Environment
metadata: {name: NAME}
spec:
  role: region
  traffic: TRAFFIC
  namespace: shop
  cluster: {embedded: {nodes: 1}}
"""
COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec: {renderer: jinja}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "example.com/web:VERSION"}]
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web-VERSION}
data: {where: "{{ environment.name }}"}
"""


def write(folder: Path) -> Path:
    """Lays the files out in `folder`, without Git."""
    files = {"environments/pipeline.yaml": PIPELINE, "apps/web/component.yaml": COMPONENT}
    for traffic, name in enumerate(ENVIRONMENTS):
        text = ENVIRONMENT.replace("NAME", name).replace("TRAFFIC", str(traffic))
        files[f"environments/{name}.yaml"] = text
    for version in ("v1", "v2"):
        files[f"apps/web/{version}/web-deployment.yaml"] = DEPLOYMENT.replace("VERSION", version)
        files[f"apps/web/{version}/web-configmap.yaml"] = CONFIG.replace("VERSION", version)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for name in ENVIRONMENTS:
        (folder / "apps/web" / name).symlink_to("v1")
    return folder


def repository(folder: Path) -> Path:
    """The same as a Git repository with one commit, the same one every time."""
    create(write(folder), message="Begin", author=AUTHOR, at=START)
    return folder
