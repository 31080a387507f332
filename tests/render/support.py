"""A catalog of one component and one environment, resolved from files as a repository would hold them."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.render.manifest import Rendered
from gitrel.render.release import render_release
from gitrel.render.template import TemplateWorkers
from gitrel.repo.model import Catalog
from gitrel.repo.resolve import resolve
from gitrel.repo.tree import File, Link, RawTree

PIPELINE = """\
apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
metadata: {{name: default}}
spec:
  kubernetesVersion: "{version}"
  waves:
    - name: all
      environments: [eu]
"""
ENVIRONMENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Environment
metadata:
  name: eu
  labels: {continent: europe}
spec:
  role: region
  traffic: 10
  namespace: shop
  cluster:
    embedded: {}
  parameters:
    region: eu-1
    replicas: 3
    limits: {cpu: 500m, memory: 1Gi}
  flags:
    newCheckout: true
"""
COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {{name: web}}
spec:
  renderer: {renderer}
"""


def catalog(
    files: Mapping[str, str | bytes], renderer: str = "jinja", kubernetes: str = "1.36", component: str = ""
) -> Catalog:
    """Component `web` at version v1 in environment `eu`, whose namespace is `shop`."""
    entries: dict[str, File | Link] = {
        "environments/pipeline.yaml": File(PIPELINE.format(version=kubernetes).encode()),
        "environments/eu.yaml": File(ENVIRONMENT.encode()),
        "apps/web/component.yaml": File((COMPONENT.format(renderer=renderer) + component).encode()),
        "apps/web/eu": Link("v1"),
    }
    for path, data in files.items():
        entries[f"apps/web/v1/{path}"] = File(data.encode() if isinstance(data, str) else data)
    found, problems = resolve(RawTree(entries))
    wrong = [str(p) for p in problems if p.severity == "error" and "/v1/" not in p.file]
    assert not wrong, wrong
    return found


def rendered(
    workers: TemplateWorkers, files: Mapping[str, str | bytes], renderer: str = "jinja", **more: str
) -> Rendered:
    return render_release(catalog(files, renderer, **more), "web", "v1", "eu", workers)


def complaints(release: Rendered) -> list[str]:
    """The problems as lines, without the folder that all of them share."""
    return [str(problem).replace("apps/web/v1/", "") for problem in release.problems]
