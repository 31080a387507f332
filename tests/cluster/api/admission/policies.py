"""Policies in CEL, their bindings, and what they are asked about."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object

VERSION = "admissionregistration.k8s.io/v1"


def policy(sort: str = "Validating", name: str = "p", **spec: Any) -> Object:
    rule = {
        "operations": ["*"],
        "apiGroups": ["", "apps"],
        "apiVersions": ["*"],
        "resources": ["configmaps", "deployments"],
    }
    more = {"reinvocationPolicy": "Never"} if sort == "Mutating" else {}
    return {
        "apiVersion": VERSION,
        "kind": f"{sort}AdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, **more, **spec},
    }


def binding(sort: str = "Validating", name: str = "p", **spec: Any) -> Object:
    more = {} if sort == "Mutating" else {"validationActions": ["Deny"]}
    return {
        "apiVersion": VERSION,
        "kind": f"{sort}AdmissionPolicyBinding",
        "metadata": {"name": f"{name}-bound" if name != "p" else "b"},
        "spec": {"policyName": name, **more, **spec},
    }


def config_map(name: str = "t-a", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data or {"a": "1"},
    }


def deployment() -> Object:
    labels = {"a": "b"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "t-d", "namespace": "default"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def cluster(*objects: Object) -> Cluster:
    made = Cluster(ClusterSpec(nodes=()), controllers=lambda _: [])
    for obj in objects:
        made.api.create(obj)
    return made


def rule(expression: str, **more: Any) -> Object:
    return {"validations": [{"expression": expression, **more}]}


def apply(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def steps(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


TEMPLATE = "Object.spec.template.spec"


def containers(fields: str) -> Object:
    """An apply configuration of one container."""
    inner = f"{TEMPLATE}{{containers: [{TEMPLATE}.containers{{{fields}}}]}}"
    return apply(f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {inner}}}}}}}")
