"""A version and an environment become ordered manifests with one digest, the same on every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import UsageError
from gitrel.kube.fields import get
from gitrel.render.cache import CachingRenderer
from gitrel.render.manifest import Rendered
from gitrel.render.release import render_release
from gitrel.render.template import Job, Result, TemplateWorkers
from gitrel.render.worker import Workers
from gitrel.repo.resolve import resolve
from gitrel.repo.source import read_worktree
from tests.render.support import catalog, complaints, rendered

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: {{ parameters.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: web:{{ version }}
          env:
            - name: NEW_CHECKOUT
              value: {{ flags.newCheckout | quote }}
            - name: WHERE
              value: {{ environment.name }}/{{ environment.labels.continent }}/{{ component }}
          resources:
            limits:
              {{ parameters.limits | toyaml | indent(14) }}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports: [{port: 80}]
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: hello}\n"


class Counting:
    """The real workers, and how many jobs they were given."""

    def __init__(self, inner: TemplateWorkers) -> None:
        self.inner = inner
        self.jobs = 0

    def render(self, job: Job) -> dict[str, Result]:
        self.jobs += 1
        return dict(self.inner.render(job))


def test_a_template_sees_the_documented_names(workers: Workers) -> None:
    """Every name that the documentation promises has its value, and the result is a plain object."""
    release = rendered(workers, {"web-deployment.yaml": DEPLOYMENT})
    assert complaints(release) == []
    (manifest,) = release.manifests
    assert get(manifest.object, "spec", "replicas") == 3
    (container,) = manifest.object["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "web:v1"
    assert [e["value"] for e in container["env"]] == ["true", "eu/europe/web"]
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_manifests_come_in_apply_order_with_their_origin(workers: Workers) -> None:
    """Configuration before services before workloads, each knowing its own template."""
    files = {"a.yaml": DEPLOYMENT, "b.yaml": SERVICE, "c.yaml": CONFIG}
    release = rendered(workers, files)
    assert [(m.ref.kind, str(m.origin)) for m in release.manifests] == [
        ("ConfigMap", "apps/web/v1/c.yaml:1"),
        ("Service", "apps/web/v1/b.yaml:1"),
        ("Deployment", "apps/web/v1/a.yaml:1"),
    ]


def test_rendering_twice_gives_the_same_bytes(workers: Workers) -> None:
    """The digest depends on nothing but the inputs, and moves with any of them."""
    files = {"a.yaml": DEPLOYMENT, "b.yaml": SERVICE}
    first, again = rendered(workers, files), rendered(workers, files)
    assert first == again
    with Workers() as others:
        assert rendered(others, files).digest == first.digest
    assert rendered(workers, files | {"b.yaml": SERVICE.replace("80", "81")}).digest != first.digest


def test_file_names_do_not_change_the_digest(workers: Workers) -> None:
    """What goes on the wire counts, not how the files are called."""
    assert rendered(workers, {"a.yaml": SERVICE}).digest == rendered(workers, {"z.yaml": SERVICE}).digest


def test_the_namespace_is_filled_in(workers: Workers) -> None:
    """Objects without a namespace get the environment's; kinds outside namespaces get none."""
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}\nrules: []\n"
    release = rendered(workers, {"a.yaml": SERVICE, "b.yaml": role})
    assert complaints(release) == []
    assert {m.ref.kind: m.object["metadata"].get("namespace") for m in release.manifests} == {
        "Service": "shop",
        "ClusterRole": None,
    }


def test_a_component_may_have_a_namespace_of_its_own(workers: Workers) -> None:
    """The component's namespace goes before the environment's."""
    release = rendered(workers, {"a.yaml": SERVICE}, component="  namespace: tools\n")
    assert release.namespace == "tools"
    assert [m.ref.namespace for m in release.manifests] == ["tools"]


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""


@pytest.mark.parametrize(
    ("files", "namespace"),
    [
        pytest.param(
            {"a.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"},
            "shop",
            id="unknown",
        ),
        pytest.param(
            {"a.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n", "b.yaml": CRD},
            "",
            id="by its CRD",
        ),
        pytest.param(
            {
                "a.yaml": "apiVersion: example.com/v1\nkind: Widget\n"
                "metadata: {name: w, annotations: {gitrel.dev/scope: cluster}}\n"
            },
            "",
            id="by annotation",
        ),
    ],
)
def test_custom_resources_find_their_scope(workers: Workers, files: dict[str, str], namespace: str) -> None:
    """A custom kind lives in the namespace unless its CRD or its annotation says otherwise."""
    release = rendered(workers, files)
    assert complaints(release) == []
    assert [m.ref.namespace for m in release.manifests if m.ref.kind == "Widget"] == [namespace]
    # The definition comes before what it defines.
    assert [m.ref.kind for m in release.manifests][-1] == "Widget"


def test_lists_are_flattened(workers: Workers) -> None:
    """`kind: List` and typed lists are their items, however deep."""
    text = """\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
  - apiVersion: v1
    kind: ServiceList
    items:
      - metadata: {name: b}
        spec: {ports: [{port: 1}]}
"""
    release = rendered(workers, {"a.yaml": text}, "plain")
    assert [(m.ref.kind, m.ref.name, m.origin.line) for m in release.manifests] == [
        ("ConfigMap", "a", 4),
        ("Service", "b", 8),
    ]
    assert complaints(release) == [
        "a.yaml:8:9: warning: 2 objects in one file: write one object a file, named for component and kind"
    ]


def test_auto_renders_by_suffix(workers: Workers) -> None:
    """With `auto`, `.j2` files are templates and braces elsewhere are text."""
    plain = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "{{ parameters.region }}"}\n'
    template = plain.replace("name: a", "name: b")
    release = rendered(workers, {"a.yaml": plain, "b.yaml.j2": template}, "auto")
    assert {m.ref.name: m.object["data"]["a"] for m in release.manifests} == {
        "a": "{{ parameters.region }}",
        "b": "eu-1",
    }


def test_files_for_inclusion_are_not_deployed(workers: Workers) -> None:
    """Files that begin with `_`, and files that are no YAML, can be included and hold no objects."""
    files = {
        "a.yaml": "{% include '_head.yaml' %}\ndata:\n"
        "{% filter indent(2, true) %}\n{% include 'data.txt' %}\n{% endfilter %}\n",
        "_head.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "data.txt": "motd: hello {{ parameters.region }}\nmore: x",
    }
    release = rendered(workers, files)
    assert complaints(release) == []
    assert [m.object["data"] for m in release.manifests] == [{"motd": "hello eu-1", "more": "x"}]


def test_a_template_may_render_to_nothing(workers: Workers) -> None:
    """A flag may switch a whole object off, and that is no mistake."""
    release = rendered(workers, {"a.yaml": "{% if not flags.newCheckout %}\n" + CONFIG + "{% endif %}\n"})
    assert (release.manifests, release.problems) == ((), ())


def test_unknown_names_are_usage_errors(workers: Workers) -> None:
    """Asking for what the catalog does not have names what it has."""
    known = catalog({"a.yaml": SERVICE})
    for arguments, what in (
        (("api", "v1", "eu"), "no component 'api' (have: web)"),
        (("web", "v9", "eu"), r"no version 'v9' of web \(have: v1\)"),
        (("web", "v1", "us"), r"no environment 'us' \(have: eu\)"),
    ):
        with pytest.raises(UsageError, match=what.replace("(have: web)", r"\(have: web\)")):
            render_release(known, *arguments, workers)


def test_unchanged_environments_are_not_rendered_again(workers: Workers) -> None:
    """The cache answers while nothing that was read has changed, and only then."""
    counting = Counting(workers)
    render = CachingRenderer(counting)
    files = {"a.yaml": DEPLOYMENT}

    def ask(**more: str) -> Rendered:
        return render(catalog(files, **more), "web", "v1", "eu")

    first = ask()
    assert ask() is first
    assert counting.jobs == 1
    ask(kubernetes="1.35")
    ask(component="  parameters: {replicas: 9}\n")
    files["a.yaml"] = DEPLOYMENT.replace("name: web", "name: web2")
    ask()
    assert counting.jobs == 4


def test_the_cache_forgets_the_oldest(workers: Workers) -> None:
    """Memory is bounded: the entry that was asked for longest ago goes first."""
    counting = Counting(workers)
    render = CachingRenderer(counting, entries_max=2)
    variants = [catalog({"a.yaml": CONFIG.replace("hello", word)}) for word in ("one", "two", "three")]
    for index in (0, 1, 0, 2, 0, 1):
        render(variants[index], "web", "v1", "eu")
    # 0, 1 and 2 are new; asking for 0 again keeps it, so 1 had to go.
    assert counting.jobs == 4


def test_the_example_repository_renders_without_a_problem(workers: Workers) -> None:
    """Every version of every example component is valid in every environment it can reach."""
    root = Path(__file__).resolve().parents[2]
    found, problems = resolve(read_worktree(root))
    assert [str(p) for p in problems if p.severity == "error"] == []
    for component in found.components.values():
        for version in component.versions:
            for environment in found.environments:
                release = render_release(found, component.name, version, environment, workers)
                assert [str(p) for p in release.problems] == []
                assert release.manifests
