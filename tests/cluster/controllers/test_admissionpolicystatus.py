"""What a policy's status says of its expressions, in the words of a real controller manager."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.admission.policies.typechecking import declared
from gitrel.cluster.api.schema import type_of
from gitrel.cluster.controllers.admissionpolicystatus.controller import (
    POLICIES,
    AdmissionPolicyStatusController,
)
from gitrel.kube.identity import Object
from tests.cluster.harness import cluster, get


def told(group: str, version: str, resources: list[str], *expressions: str, **spec: Any) -> Object:
    made = cluster(AdmissionPolicyStatusController)
    rule = {"operations": ["*"], "apiGroups": [group], "apiVersions": [version], "resources": resources}
    rows = [{"expression": one} for one in expressions]
    made.api.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "p"},
            "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": rows, **spec},
        }
    )
    made.settle()
    made.verify()
    status: Object = get(made, POLICIES, "", "p")["status"]
    return status


def test_expressions_are_held_to_the_schemas() -> None:
    """Proves both texts and places; they were compared with Kubernetes 1.36.3."""
    found = told(
        "apps",
        "v1",
        ["deployments"],
        "object.spec.replicas > 1 && object.nope == 1",
        'object.spec.replicas == "x"',
        "object.spec.template.spec.containers.all(c, c.image.startsWith('a')) && object.metadata.name != ''",
    )
    assert found == {
        "observedGeneration": 1,
        "typeChecking": {
            "expressionWarnings": [
                {
                    "fieldRef": "spec.validations[0].expression",
                    "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:35: undefined field 'nope'\n"
                    " | object.spec.replicas > 1 && object.nope == 1\n"
                    " | ..................................^\n",
                },
                {
                    "fieldRef": "spec.validations[1].expression",
                    "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload "
                    "for '_==_' applied to '(int, string)'\n"
                    ' | object.spec.replicas == "x"\n'
                    " | .....................^\n",
                },
            ]
        },
    }


def test_each_kind_has_its_word() -> None:
    """Proves that a policy for two kinds is checked for both, and parameters with them."""
    found = told("apps", "v1", ["deployments", "replicasets"], "object.nope == 1")
    (warning,) = found["typeChecking"]["expressionWarnings"]
    first, second = warning["warning"].split("\n\n")
    assert first.startswith("apps/v1, Kind=Deployment: ") and second.startswith("apps/v1, Kind=ReplicaSet: ")
    params = {"paramKind": {"apiVersion": "apps/v1", "kind": "Deployment"}}
    found = told("", "v1", ["configmaps"], "params.foo == 1", **params)
    (warning,) = found["typeChecking"]["expressionWarnings"]
    assert warning["warning"].startswith("/v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'foo'")


def test_what_fits_or_cannot_be_checked_is_not_told_of() -> None:
    """Proves that wildcards are left alone, and that the status says which generation was looked at."""
    for version in ("v1", "*"):
        found = told("", version, ["configmaps"], "object.metadata.name == 'x' || object.data.x == 'y'")
        assert found == {"observedGeneration": 1, "typeChecking": {}}
    assert told("", "*", ["configmaps"], "object.nope == 1")["typeChecking"] == {}


def test_instants_and_quantities_have_their_types() -> None:
    """Proves how a schema's formats are read."""
    pod = declared(type_of("v1", "Pod"))
    assert pod.fields is not None
    metadata = pod.fields("metadata")
    assert metadata is not None and metadata.fields is not None
    assert str(metadata.fields("creationTimestamp")) == "google.protobuf.Timestamp"
    assert str(metadata.fields("labels")) == "map(string, string)"
