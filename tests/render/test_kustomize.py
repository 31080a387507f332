"""Kustomizations: built within their version, and refused with a line for every step outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.external import real, rendered_by, standing_in
from tests.render.support import complaints

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: one
  left: alone
  and: this
"""
BASE = "resources: [config.yaml]\nnamePrefix: web-\n"


def test_a_kustomization_becomes_manifests() -> None:
    """Its objects are ordinary ones, traced to the file that they were made from."""
    release = rendered_by(real("kubectl"), {"kustomization.yaml": BASE, "config.yaml": CONFIG})
    assert complaints(release) == []
    (manifest,) = release.manifests
    assert manifest.object["metadata"] == {"name": "web-settings", "namespace": "shop"}
    assert str(manifest.origin) == "apps/web/v1/config.yaml:1"


def test_an_overlay_is_the_environments() -> None:
    """`overlays/<environment>` is built where it exists; a problem names the written line."""
    files = {
        "base/kustomization.yaml": BASE,
        "base/config.yaml": CONFIG,
        "kustomization.yaml": "resources: [base]\n",
        "overlays/eu/kustomization.yaml": "resources: [../../base]\npatches: [{path: patch.yaml}]\n",
        "overlays/eu/patch.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: two, b: 1}\n"
        ),
    }
    release = rendered_by(real("kubectl"), files)
    assert release.manifests[0].object["data"] == {"a": "two", "and": "this", "b": 1, "left": "alone"}
    (problem,) = release.problems
    assert (problem.file, problem.line) == ("apps/web/v1/overlays/eu/patch.yaml", 4)
    assert "data.b" in problem.what


OUTSIDE = {
    "a folder above": ("resources:\n  - ../other\n", 2, "'../other' is outside the version's directory"),
    "an absolute path": ("resources:\n  - /etc/passwd\n", 2, "'/etc/passwd' is outside"),
    "a remote base": ("resources:\n  - https://example.com/x?ref=v1\n", 2, "is elsewhere, and nothing is"),
    "a remote by name": ("bases: [github.com/a/b]\n", 1, "'github.com/a/b' is elsewhere"),
    "a remote by ssh": ("components: ['git@example.com:a/b.git']\n", 1, "is elsewhere"),
    "a go-getter": ("resources: ['git::https://example.com/a']\n", 1, "is elsewhere"),
    "a file of a generator": (
        "configMapGenerator:\n  - name: x\n    files: [key=../../../secret]\n",
        3,
        "'../../../secret' is outside",
    ),
    "an env file": ("secretGenerator:\n  - name: x\n    envs: [../.env]\n", 3, "'../.env' is outside"),
    "a patch": ("patches:\n  - path: ../../p.yaml\n", 2, "'../../p.yaml' is outside"),
    "a chart": ("helmCharts:\n  - name: x\n", 1, "helmCharts would fetch and run a chart"),
    "nothing there": ("resources: [gone.yaml]\n", 1, "there is no 'gone.yaml' in the version"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_nothing_outside_the_version(case: str) -> None:
    """Each way out is refused at its line, before anything runs."""
    text, line, what = OUTSIDE[case]
    (problem,) = rendered_by(real(), {"kustomization.yaml": text}).problems
    assert (problem.file, problem.line) == ("apps/web/v1/kustomization.yaml", line)
    assert what in problem.what


def test_two_results_are_refused(tmp_path: Path) -> None:
    """Whatever makes kubectl say something else the second time, no digest is made of it."""
    script = 'case "$1" in version) echo \'"gitVersion": "v1.32.0"\'; exit 0;; esac\n/bin/date +%s%N'
    files = {"kustomization.yaml": BASE, "config.yaml": CONFIG}
    (problem,) = rendered_by(standing_in(tmp_path, "kubectl", script), files).problems
    assert problem.what == "building twice gives two results"


def test_kustomizes_own_complaint_is_told() -> None:
    """What only kustomize can know is passed on without the name of the private folder."""
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "kind: ConfigMap\n"}
    (problem,) = rendered_by(real("kubectl"), files).problems
    assert problem.what.startswith("kustomize: ")
    assert "gitrel-" not in problem.what
