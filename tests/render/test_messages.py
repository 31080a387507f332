"""Bad input and the exact words it gets: file, line, what is wrong, what to do."""

from __future__ import annotations

import pytest

from gitrel.render.worker import Workers
from tests.render.support import complaints, rendered

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  SPEC
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          CONTAINER
"""


def deployment(spec: str = "replicas: 1", container: str = "stdin: false") -> str:
    return DEPLOYMENT.replace("SPEC", spec).replace("CONTAINER", container)


AUTOSCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 9
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
"""
TEMPLATES = {
    "undefined name": (
        {"web.yaml.j2": HEAD + "data:\n  region: {{ regoin }}\n"},
        "web.yaml.j2:5: 'regoin' is undefined: known names: component, cycler, dict, environment, flags, "
        "joiner, namespace, parameters, range, scope, version",
    ),
    "undefined parameter": (
        {"a.yaml": HEAD + "\ndata: {r: {{ parameters.regoin }}}"},
        "a.yaml:5: 'parameters.regoin' is undefined: did you mean 'region'? "
        "known names: limits, region, replicas",
    ),
    "undefined nested key": (
        {"a.yaml": "{{ parameters.limits.disk }}"},
        "a.yaml:1: 'parameters.limits.disk' is undefined: known names: cpu, memory",
    ),
    "part of a value that has none": (
        {"a.yaml": "{{ parameters.region.zone }}"},
        "a.yaml:1: 'parameters.region.zone' is undefined: a value of type str has no such part",
    ),
    "undefined in a filter": (
        {"a.yaml": "{{ [parameters.oops] | tojson }}"},
        "a.yaml:1: 'parameters.oops' is undefined: known names: limits, region, replicas",
    ),
    "undefined in a printed list": (
        {"a.yaml": "{{ [parameters.oops] }}"},
        "a.yaml:1: 'parameters.oops' is undefined: known names: limits, region, replicas",
    ),
    "unknown filter": (
        {"a.yaml": "\n{{ parameters.region | qoute }}"},
        "a.yaml:2: there is no filter 'qoute': did you mean 'quote'? known names: abs, b64encode, batch, "
        "capitalize, count, d, default, dictsort, first, float, format, groupby, indent, int, items, join, "
        "last, length, list, lower, …",
    ),
    "syntax error": (
        {"a.yaml": HEAD + "{% if %}"},
        "a.yaml:4: Expected an expression, got 'end of statement block'",
    ),
    "syntax error in an include": (
        {"a.yaml": "\n{% include '_b.yaml' %}", "_b.yaml": "x\n\n{% endfor %}"},
        "_b.yaml:3: Encountered unknown tag 'endfor' (included from a.yaml:2)",
    ),
    "failure in an include": (
        {
            "a.yaml": "{% include '_b.yaml' %}",
            "_b.yaml": "\n{% include '_c.yaml' %}",
            "_c.yaml": "{{ 1 / 0 }}",
        },
        "_c.yaml:1: division by zero (included from a.yaml:1 → _b.yaml:2)",
    ),
    "include that is not there": (
        {"a.yaml": "{% include '_helprs.yaml' %}", "_helpers.yaml": ""},
        "a.yaml:1: there is no file '_helprs.yaml' to include: did you mean '_helpers.yaml'? "
        "known names: _helpers.yaml, a.yaml",
    ),
    "include of itself": (
        {"a.yaml": "\n{% include 'a.yaml' %}"},
        "a.yaml:2: templates include each other in a circle: a.yaml → a.yaml",
    ),
    "include cycle": (
        {"a.yaml": "{% include '_b.yaml' %}", "_b.yaml": "\n\n{% include './a.yaml' %}"},
        "_b.yaml:3: templates include each other in a circle: a.yaml → _b.yaml → a.yaml",
    ),
    "include outside the root": (
        {"a.yaml": "\n\n{% include '../../../etc/passwd' %}"},
        "a.yaml:3: '../../../etc/passwd' is outside the version's directory: copy the file into it",
    ),
    "include of an absolute name": (
        {"a.yaml": "{% include '/etc/passwd' %}"},
        "a.yaml:1: '/etc/passwd' is outside the version's directory: copy the file into it",
    ),
    "output that is not YAML": (
        {"a.yaml": "{% if true %}\n" + HEAD + "{% endif %}\ndata: {r: [{{ parameters.region }}}\n"},
        "a.yaml:6: the bracket '[' is never closed (rendered line 4): close it; "
        "write values as {{ … | tojson }}",
    ),
    "value that breaks YAML": (
        {"a.yaml": HEAD + "data:\n  motd: {{ 'a: b' }}\n"},
        "a.yaml:5: a ': ' where no key can stand (rendered line 5): quote the value, "
        "or check the indentation; write values as {{ … | tojson }}",
    ),
    "wrong field in a template": (
        {"a.yaml": "{# why #}\n\n" + deployment("{{ 'replica' }}: {{ parameters.replicas }}")},
        "a.yaml:7: spec.replica: unknown field (rendered line 6): did you mean replicas?",
    ),
    "wrong field in an include": (
        {
            "a.yaml": HEAD + "{% include '_data.yaml' %}",
            "_data.yaml": "{% set x = 1 %}\ndata:\n  a: {{ x }}\n",
        },
        "_data.yaml:3: data.a: should be text, is a number (rendered line 5): put it in quotes",
    ),
}
PLAIN = {
    "tab": ({"a.yaml": "a:\n\tb: 1"}, "a.yaml:2:1: a tab cannot indent: use spaces"),
    "duplicate key": (
        {"a.yaml": HEAD + "data: {a: b}\ndata: {}\n"},
        "a.yaml:5:1: duplicate key 'data', first on line 4: keep one of the two",
    ),
    "not an object": (
        {"a.yaml": "just text"},
        "a.yaml:1:1: this is not a Kubernetes object: write apiVersion, kind and metadata",
    ),
    "no kind": (
        {"a.yaml": "apiVersion: v1\nmetadata: {name: a}"},
        "a.yaml:1:1: kind is missing: write it, such as Deployment",
    ),
    "no name": (
        {"a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {}"},
        "a.yaml:3:1: metadata.name is missing: write metadata.name",
    ),
    "generated name": (
        {"a.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-"},
        "a.yaml:3:1: metadata.generateName makes a new object at every apply: write metadata.name",
    ),
    "name that is a number": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 12}"},
        "a.yaml:3:12: metadata.name is not text: put it in quotes",
    ),
    "name with capitals": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Web}"},
        "a.yaml:3:12: metadata.name 'Web' is not allowed: use at most 253 lower-case letters, digits, '-' "
        "and '.', with a letter or digit at both ends",
    ),
    "other namespace": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: kube-system"},
        "a.yaml:5:3: the namespace 'kube-system' is not 'shop', where this component is deployed: "
        "leave metadata.namespace out, or change the component's namespace",
    ),
    "namespace of a cluster-scoped kind": (
        {"a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}"},
        "a.yaml:3:21: a Namespace has no namespace: remove metadata.namespace",
    ),
    "written twice": (
        {"a.yaml": HEAD, "b.yaml": "# again\n" + HEAD},
        "b.yaml:2:1: ConfigMap shop/a is already written at a.yaml:1: remove one of the two",
    ),
    "unknown field": (
        {"a.yaml": deployment("replica: 3")},
        "a.yaml:5:3: spec.replica: unknown field: did you mean replicas?",
    ),
    "wrong type": (
        {"a.yaml": deployment('replicas: "3"')},
        "a.yaml:5:3: spec.replicas: should be a whole number, is text: remove the quotes",
    ),
    "text for a number": (
        {"a.yaml": deployment("replicas: many")},
        "a.yaml:5:3: spec.replicas: should be a whole number, is text: write a number such as 3",
    ),
    "text for a map": (
        {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: none\n"},
        "a.yaml:4:1: data: should be a map, is text: write 'key: value' lines below it",
    ),
    "missing field": (
        {"a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template: {}\n"},
        "a.yaml:4:1: spec.selector: is missing: write it",
    ),
    "bad quantity": (
        {"a.yaml": deployment(container="resources: {limits: {memory: 1 Gi}}")},
        "a.yaml:13:32: spec.template.spec.containers[0].resources.limits.memory: is not a quantity: "
        "write it as 500m, 2, 128Mi or 1.5Gi",
    ),
    "negative replicas": (
        {"a.yaml": deployment("replicas: -1")},
        "a.yaml:5:3: spec.replicas: may not be less than 0",
    ),
    "negative seconds": (
        {"a.yaml": deployment("minReadySeconds: -1")},
        "a.yaml:5:3: spec.minReadySeconds: may not be less than 0",
    ),
    "more than 32 bits": (
        {"a.yaml": deployment("replicas: 3000000000")},
        "a.yaml:5:3: spec.replicas: may not be more than 2,147,483,647",
    ),
    "port out of range": (
        {"a.yaml": deployment(container="ports: [{containerPort: 80800}]")},
        "a.yaml:13:20: spec.template.spec.containers[0].ports[0].containerPort: may not be more than 65,535",
    ),
    "selector without its pods": (
        {"a.yaml": deployment().replace("{labels: {app: web}}", "{labels: {app: wbe}}")},
        "a.yaml:8:16: spec.template.metadata.labels: "
        "the pods do not carry the label 'app' that the selector wants: write the same labels in both",
    ),
    "removed version": (
        {"a.yaml": "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}"},
        "a.yaml:1:1: extensions/v1beta1 Ingress was removed in Kubernetes 1.22: write networking.k8s.io/v1",
    ),
    "removed with its replacement in the data": (
        {"a.yaml": "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}"},
        "a.yaml:1:1: flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema was removed in Kubernetes 1.32: "
        "write flowcontrol.apiserver.k8s.io/v1",
    ),
    "removed without replacement": (
        {"a.yaml": "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: a}"},
        "a.yaml:1:1: policy/v1beta1 PodSecurityPolicy was removed in Kubernetes 1.25: "
        "there is no replacement",
    ),
    "kind of another group": (
        {"a.yaml": "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}"},
        "a.yaml:1:1: Deployment is not in v1: write apps/v1",
    ),
    "misspelt kind": (
        {"a.yaml": "apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: a}"},
        "a.yaml:2:1: Kubernetes 1.36 has no Deploymnet in apps/v1: did you mean Deployment?",
    ),
    "replicas beside an autoscaler": (
        {"a.yaml": deployment(), "b.yaml": AUTOSCALER},
        "a.yaml:5:3: warning: spec.replicas: a HorizontalPodAutoscaler of this release sets it: "
        "leave it out: the two would fight over the field",
    ),
    "empty file": ({"a.yaml": ""}, "a.yaml:1: warning: the file holds no object: remove it, or fill it"),
    "only a comment": (
        {"a.yaml": "# later\n---\n"},
        "a.yaml:1: warning: the file holds no object: remove it, or fill it",
    ),
    "not UTF-8": (
        {"a.yaml": b"a: \xff"},
        "a.yaml:1: not UTF-8: byte 0xff at offset 3: save the file as UTF-8",
    ),
    "unfinished merge": (
        {"a.yaml": HEAD + "<<<<<<< HEAD\n"},
        "a.yaml:4:1: conflict marker: finish the merge first",
    ),
    "template where none is rendered": (
        {"a.yaml.j2": HEAD},
        "a.yaml.j2: a template where the renderer is plain: "
        "set renderer: auto or jinja, or drop the suffix .j2",
    ),
    "not YAML by its name": (
        {"run.sh": "#!/bin/sh"},
        "run.sh: warning: not YAML, so it is not deployed: name it .yaml, or move it out of the version",
    ),
}


@pytest.mark.parametrize(("files", "expected"), TEMPLATES.values(), ids=TEMPLATES)
def test_template_mistakes(workers: Workers, files: dict[str, str], expected: str) -> None:
    """A mistake in a template is told once, at the template's own line."""
    assert complaints(rendered(workers, files)) == [expected]


@pytest.mark.parametrize(("files", "expected"), PLAIN.values(), ids=PLAIN)
def test_mistakes_in_plain_files(workers: Workers, files: dict[str, str | bytes], expected: str) -> None:
    """A mistake in a plain file is told once, with line and column."""
    assert complaints(rendered(workers, files, "plain")) == [expected]


def test_every_mistake_of_a_run_is_told(workers: Workers) -> None:
    """One broken file does not hide the next, nor one broken field the other."""
    files = {
        "a.yaml": deployment("replica: 1\n  paused: 3"),
        "b.yaml": "{{ nothing }}",
        "c.yaml": HEAD.replace("name: a", "name: A"),
    }
    assert [line.split(":")[0] for line in complaints(rendered(workers, files))] == [
        "a.yaml",
        "a.yaml",
        "b.yaml",
        "c.yaml",
    ]


def test_an_older_cluster_accepts_what_a_newer_one_removed(workers: Workers) -> None:
    """Objects are checked against the version that is asked for."""
    text = "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec:\n"
    text += "  scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}\n  maxReplicas: 3\n"
    assert complaints(rendered(workers, {"a.yaml": text}, "plain", kubernetes="1.25")) == []
    (line,) = complaints(rendered(workers, {"a.yaml": text}, "plain", kubernetes="1.26"))
    what = "autoscaling/v2beta2 HorizontalPodAutoscaler was removed in Kubernetes 1.26"
    assert line == f"a.yaml:1:1: {what}: write autoscaling/v2"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("data: {password: hunter2-canary!}", id="not base64"),
        pytest.param("stringData: {password: [hunter2-canary]}", id="wrong type"),
        pytest.param("hunter2-canary: x", id="key as field"),
        pytest.param("data: {password: {{ 'hunter2-canary: b' }}}", id="breaks YAML"),
        pytest.param("data: {password: '{{ 'hunter2-canary' }}", id="unclosed quote"),
        pytest.param("data: {password: {{ 'hunter2-canary' | batch('x') | list }}}", id="failing filter"),
        pytest.param("data: {password: {{ ('hunter2-canary' | groupby('z')) }}}", id="failing attribute"),
    ],
)
def test_no_secret_in_a_message(workers: Workers, data: str) -> None:
    """Whatever is wrong with a Secret, its values stay out of the problem."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n" + data + "\n"
    problems = complaints(rendered(workers, {"a.yaml": text}))
    assert problems
    if not data.startswith("hunter2"):
        assert "hunter2" not in "\n".join(problems)
