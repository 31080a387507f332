"""Helm charts: rendered as everything else is, or refused with the line that is wrong."""

from __future__ import annotations

import pytest

from tests.render.external import real, rendered_by
from tests.render.support import complaints

CHART = "apiVersion: v2\nname: demo\nversion: 0.1.0\n"
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  replicas: {{ .Values.parameters.replicas | quote }}
  same: {{ .Values.replicas | quote }}
  flag: {{ .Values.flags.newCheckout | quote }}
  where: {{ .Values.environment.name }}-{{ .Values.component }}-{{ .Values.version }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
"""


def test_a_chart_becomes_manifests() -> None:
    """Parameters, flags and the environment reach the chart; its objects get the component's namespace."""
    release = rendered_by(real("helm"), {"Chart.yaml": CHART, "templates/a.yaml": CONFIG})
    assert complaints(release) == []
    (manifest,) = release.manifests
    assert manifest.object["metadata"] == {"name": "web", "namespace": "shop"}
    assert manifest.object["data"] == {
        "replicas": "3",
        "same": "3",
        "flag": "true",
        "where": "eu-web-v1",
        "kubernetes": "v1.36.0",
    }
    assert manifest.origin.file == "apps/web/v1/templates/a.yaml"
    assert release.lasting


def test_the_chart_has_defaults_and_subcharts() -> None:
    """values.yaml counts where no parameter says otherwise; a chart in charts/ is part of the release."""
    files = {
        "Chart.yaml": CHART
        + "dependencies: [{name: sub, version: 0.1.0, repository: https://example.com}]\n",
        "values.yaml": "greeting: hello\n",
        "templates/a.yaml": CONFIG.replace("{{ .Values.replicas | quote }}", "{{ .Values.greeting }}"),
        "charts/sub/Chart.yaml": CHART.replace("demo", "sub"),
        "charts/sub/templates/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\nspec: 1\n",
    }
    release = rendered_by(real("helm"), files)
    assert [manifest.ref.name for manifest in release.manifests] == ["sub", "web"]
    (complaint,) = complaints(release)
    assert complaint.startswith("charts/sub/templates/b.yaml: ")
    assert "(rendered line 4)" in complaint


def test_a_missing_value_is_told_at_its_line() -> None:
    """helm's own complaint names the template; the problem stands at that file and line."""
    text = CONFIG.replace("parameters.replicas", "parameters.nothing.deeper")
    release = rendered_by(real("helm"), {"Chart.yaml": CHART, "templates/a.yaml": text})
    (problem,) = release.problems
    assert (problem.file, problem.line) == ("apps/web/v1/templates/a.yaml", 5)
    assert "nil pointer" in problem.what
    assert "/tmp" not in str(problem)


def test_chance_is_named() -> None:
    """A chart that draws lots is refused with the line of the function; two renderings must be one."""
    text = CONFIG.replace("{{ .Values.replicas | quote }}", "{{ randAlphaNum 8 }}")
    text = text.replace("data:\n", "data:\n  # now, in a comment, and {{/* now */}} in another\n")
    release = rendered_by(real("helm"), {"Chart.yaml": CHART, "templates/a.yaml": text})
    assert [p for p in complaints(release) if "warning" not in p] == [
        "templates/a.yaml:7: rendering twice gives two results: randAlphaNum: "
        "write the value as a parameter, or keep it in a Secret that gitrel does not manage"
    ]
    assert not release.lasting


def test_the_clock_is_named_although_it_stood_still() -> None:
    """A date is the same twice within a day, and is a change of every release at midnight."""
    text = CONFIG.replace("{{ .Values.replicas | quote }}", '{{ now | date "2006" | quote }}')
    release = rendered_by(real("helm"), {"Chart.yaml": CHART, "templates/a.yaml": text})
    assert [p.what for p in release.problems] == ["uses now, which gives something else each time"]


def test_hooks_are_left_out_and_said() -> None:
    """A hook is not applied as if it were an ordinary object; tests go without a word."""
    hook = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: KIND}\n"
    files = {
        "Chart.yaml": CHART,
        "templates/a.yaml": CONFIG,
        "templates/b.yaml": hook.replace("KIND", "pre-install"),
        "templates/c.yaml": hook.replace("KIND", "test"),
    }
    release = rendered_by(real("helm"), files)
    assert [manifest.ref.name for manifest in release.manifests] == ["web"]
    (warning,) = release.problems
    assert warning.what.startswith("the hook pre-install is left out")


@pytest.mark.parametrize(
    ("chart", "line"),
    [
        ("dependencies:\n  - {name: sub, version: 1.0.0, repository: https://example.com/charts}\n", 5),
        ("dependencies:\n  - {name: sub, version: 1.0.0, repository: file://../../other}\n", 5),
        ("dependencies:\n  - {name: sub, version: 1.0.0, repository: oci://example.com/charts}\n", 5),
    ],
)
def test_dependencies_that_are_not_vendored_are_refused(chart: str, line: int) -> None:
    """Nothing is fetched and nothing outside the version is read: told at the line, without helm."""
    release = rendered_by(real(), {"Chart.yaml": CHART + chart, "templates/a.yaml": CONFIG})
    (problem,) = release.problems
    assert (problem.file, problem.line) == ("apps/web/v1/Chart.yaml", line)
    assert "'sub', is not in charts/" in problem.what


def test_renderer_and_files_must_agree() -> None:
    """`renderer: helm` without a chart is named, and so are files that two renderers would claim."""
    (problem,) = rendered_by(real(), {"a.yaml": "a: 1\n"}, renderer="helm").problems
    assert problem.what == "the renderer is helm, and there is no Chart.yaml"
    both = {"Chart.yaml": CHART, "kustomization.yaml": "resources: []\n"}
    (problem,) = rendered_by(real(), both).problems
    assert problem.what == "Chart.yaml and kustomization.yaml are both here"
