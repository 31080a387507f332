"""Webhooks and policies with the real kubectl: what people read when they are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.server.hooks import Hooks, running
from tests.e2e_kubectl.conftest import Kubectl

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints:
    resourceRules:
    - apiGroups: [apps]
      apiVersions: [v1]
      operations: [CREATE, UPDATE]
      resources: [deployments, deployments/scale]
  validations:
  - expression: object.spec.replicas <= 3
    messageExpression: "'%d are too many'.format([object.spec.replicas])"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few}
spec: {policyName: few, validationActions: [Deny]}
"""
LABELS = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: labels}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: 'Object{metadata: Object.metadata{labels: {"by": "policy"}}}'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: labels}
spec: {policyName: labels}
"""


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooks]:
    with running(tmp_path_factory.mktemp("hooks")) as made:
        yield made


def test_a_policy_refuses_what_kubectl_does(kubectl: Kubectl) -> None:
    """Creating and scaling are refused in Kubernetes' words; what is allowed passes."""
    kubectl("apply", "-f", "-", stdin=POLICY)
    told = kubectl("create", "deploy", "many", "--image=nginx", "--replicas=5", code=1)
    assert told == (
        'error: failed to create deployment: deployments.apps "many" is forbidden: ValidatingAdmissionPolicy '
        "'few' with binding 'few' denied request: 5 are too many\n"
    )
    kubectl("create", "deploy", "few", "--image=nginx", "--replicas=2")
    assert "4 are too many" in kubectl("scale", "deploy", "few", "--replicas=4", code=1)
    assert kubectl("scale", "deploy", "few", "--replicas=3") == "deployment.apps/few scaled\n"
    kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "few")


def test_a_policy_labels_the_pods_of_a_deployment(kubectl: Kubectl) -> None:
    """What controllers make passes policies too."""
    kubectl("apply", "-f", "-", stdin=LABELS)
    kubectl("create", "deploy", "labelled", "--image=nginx")
    kubectl("rollout", "status", "deploy/labelled", "--timeout=30s")
    names = kubectl("get", "pods", "-l", "app=labelled,by=policy", "-o", "name").split()
    assert len(names) == 1
    kubectl("delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", "labels")


def test_a_webhook_warns_and_refuses(kubectl: Kubectl, hooks: Hooks) -> None:
    """Warnings reach the terminal, refusals the exit code."""

    def judge(request: dict[str, object]) -> dict[str, object]:
        if request["name"] == "bad":
            return {"allowed": False, "status": {"message": "not like this", "code": 403}}
        return {"warnings": ["this is watched"]}

    hook = {
        "name": "judge.example.com",
        "clientConfig": hooks.at("/judge", judge),
        "rules": [
            {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "judge"},
        "webhooks": [hook],
    }
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(configuration))
    done = kubectl.run("create", "configmap", "good", "--from-literal=a=b")
    assert done.stderr == "Warning: this is watched\n"
    told = kubectl("create", "configmap", "bad", code=1)
    assert 'admission webhook "judge.example.com" denied the request: not like this' in told
    kubectl("delete", "validatingwebhookconfiguration", "judge")
