"""The same webhooks and policies on a real API server and on the bundled one: the same words come back."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitrel.cluster.server.bringup import served
from gitrel.kube.identity import Object
from tests.cluster.server.hooks import Hooks, running
from tests.realcluster.conftest import RealPlane, wait_for

V1 = "admissionregistration.k8s.io/v1"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bundled")
    with served(folder):
        yield folder / "kubeconfig"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooks]:
    with running(tmp_path_factory.mktemp("hooks")) as made:
        yield made


@pytest.fixture
def both(real_plane: RealPlane, bundled: Path) -> Iterator[Callable[..., list[str]]]:
    """Runs one kubectl after the other, against the real and the bundled cluster; gives what both say.

    What was created cluster-wide is removed at the end.
    """
    kubectl = shutil.which("kubectl") or pytest.skip("kubectl is not in PATH")
    made: list[str] = []

    def run(*words: str, stdin: Object | None = None) -> list[str]:
        if stdin is not None and "dry-run" not in str(words):
            made.append(f"{stdin['kind'].lower()}/{stdin['metadata']['name']}")
        text = "" if stdin is None else json.dumps(stdin)
        return [_said([kubectl, *words], config, text) for config in (real_plane.kubeconfig, bundled)]

    yield run
    for name in made:
        run("delete", name)


def _said(words: list[str], kubeconfig: Path, stdin: str) -> str:
    environment = {"KUBECONFIG": str(kubeconfig), "PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent)}
    done = subprocess.run(words, input=stdin, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def config_map(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}


def agree(both: Callable[..., list[str]], name: str, done: Callable[[str], bool]) -> str:
    """What both say to a ConfigMap of that name, once the real server has heard of what was configured."""
    words = ("create", "--dry-run=server", "-o", "jsonpath={.data}{.metadata.labels}", "-f", "-")
    wait_for(lambda: done(both(*words, stdin=config_map(name))[0]), 15)
    real, ours = both(*words, stdin=config_map(name))
    assert ours == real
    return real


def matching(name: str) -> Object:
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"]}
    condition = {"name": "mine", "expression": f"request.name == '{name}'"}
    return {"matchConstraints": {"resourceRules": [rule]}, "matchConditions": [condition]}


JUDGED: Mapping[str, tuple[Object, Object]] = {
    "failed": ({"validations": [{"expression": "object.data.a == '2'"}]}, {}),
    "message": ({"validations": [{"expression": "false", "message": "never", "reason": "Forbidden"}]}, {}),
    "composed": (
        {
            "variables": [{"name": "a", "expression": "object.data.a"}],
            "validations": [{"expression": "false", "messageExpression": "'it is ' + variables.a"}],
        },
        {},
    ),
    "error": ({"validations": [{"expression": "object.data.nope == '2'"}]}, {}),
    "warned": ({"validations": [{"expression": "false"}]}, {"validationActions": ["Warn"]}),
    "noparams": (
        {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "validations": [{"expression": "true"}]},
        {"paramRef": {"name": "x", "namespace": "default", "parameterNotFoundAction": "Deny"}},
    ),
    "lists": (
        {
            "validations": [
                {"expression": "['a','b'].map(x, x + 'c').join(',') == 'ac,bc' && 'abc'.find('b.*') == 'b'"}
            ]
        },
        {},
    ),
}


@pytest.mark.parametrize("name", JUDGED)
def test_policies_judge_alike(name: str, both: Callable[..., list[str]]) -> None:
    """Proves the words of refusals and warnings against the real thing."""
    spec, bound = JUDGED[name]
    policy = {"apiVersion": V1, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": f"p-{name}"}}
    both("create", "-f", "-", stdin={**policy, "spec": {**matching(name), **spec}})
    binding = {
        "apiVersion": V1,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"b-{name}"},
    }
    more = {"policyName": f"p-{name}", "validationActions": ["Deny"], **bound}
    both("create", "-f", "-", stdin={**binding, "spec": more})
    agree(both, name, lambda said: f"p-{name}" in said)


def steps(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def apply(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


CHANGED: Mapping[str, Object] = {
    "applied": apply(
        'Object{data: {"x": object.data.a + "!"}, metadata: Object.metadata{labels: {"l": "v"}}}'
    ),
    "patched": steps('[JSONPatch{op: "add", path: "/data/z", value: "1"}]'),
    "unknown": apply('Object{foo: "x"}'),
    "misplaced": apply('Object{data: Object.metadata{labels: {"x": "y"}}}'),
    "mistyped": apply('Object{data: {"x": 1}}'),
}


@pytest.mark.parametrize("name", CHANGED)
def test_policies_change_alike(name: str, both: Callable[..., list[str]]) -> None:
    """Proves what a mutation makes, and why one cannot be made, against the real thing."""
    policy = {"apiVersion": V1, "kind": "MutatingAdmissionPolicy", "metadata": {"name": f"p-{name}"}}
    spec = {**matching(name), "mutations": [CHANGED[name]], "reinvocationPolicy": "Never"}
    both("create", "-f", "-", stdin={**policy, "spec": spec})
    binding = {**policy, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": f"b-{name}"}}
    both("create", "-f", "-", stdin={**binding, "spec": {"policyName": f"p-{name}"}})
    agree(both, name, lambda said: said != '{"a":"1"}')


def coded(*patch: Any) -> str:
    return base64.b64encode(json.dumps(patch).encode()).decode()


ANSWERED: Mapping[str, tuple[bool, Object]] = {
    "no-word": (False, {"allowed": False}),
    "a-message": (False, {"allowed": False, "status": {"message": "no", "code": 422, "reason": "Invalid"}}),
    "warning": (False, {"allowed": True, "warnings": ["careful"]}),
    "no-patch": (False, {"patch": "W10=", "patchType": "JSONPatch"}),
    "half": (True, {"patch": "W10="}),
    "other-half": (True, {"patchType": "JSONPatch"}),
    "label": (
        True,
        {
            "patch": coded({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}),
            "patchType": "JSONPatch",
        },
    ),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_webhooks_answer_alike(name: str, both: Callable[..., list[str]], hooks: Hooks) -> None:
    """Proves what comes of a webhook's answers against the real thing."""
    mutating, answer = ANSWERED[name]
    hook = {
        "name": f"{name}.example.com",
        "clientConfig": hooks.at(f"/{name}", lambda _: answer),
        "rules": matching(name)["matchConstraints"]["resourceRules"],
        "matchConditions": matching(name)["matchConditions"],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
    both(
        "create",
        "-f",
        "-",
        stdin={"apiVersion": V1, "kind": kind, "metadata": {"name": name}, "webhooks": [hook]},
    )
    agree(both, name, lambda said: said != '{"a":"1"}')


WRONG: Mapping[str, Object] = {
    "type": {"validations": [{"expression": "object.data.a"}]},
    "name": {"validations": [{"expression": "nothing == 1"}]},
    "field": {"validations": [{"expression": "request.nope == 1 && namespaceObject.nope == 1"}]},
    "message": {"validations": [{"expression": "true", "messageExpression": "1", "message": " "}]},
    "note": {"auditAnnotations": [{"key": "k", "valueExpression": "1"}]},
    "variable": {"variables": [{"name": "1x", "expression": "1"}], "validations": [{"expression": "true"}]},
    "kind": {"paramKind": {"apiVersion": "a/b/c", "kind": "x y"}, "validations": [{"expression": "true"}]},
    "function": {"validations": [{"expression": "'x'.foo() && 'x'.startsWith(1)"}]},
}


def test_what_is_written_wrong_is_told_alike(both: Callable[..., list[str]]) -> None:
    """Proves the words of a policy's own faults against the real thing."""
    for name, spec in WRONG.items():
        policy = {"apiVersion": V1, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}}
        obj = {**policy, "spec": {**matching(name), **spec}}
        real, ours = both("create", "--dry-run=server", "-f", "-", stdin=obj)
        assert ours == real, name
