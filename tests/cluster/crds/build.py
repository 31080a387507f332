"""Definitions to test with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gitrel.cluster.api.crds.definition import RESOURCE as DEFINITIONS
from gitrel.kube.identity import Object
from tests.cluster.harness import refusal

THINGS = "things.example.com"

__all__ = ["DEFINITIONS", "THINGS", "definition", "refused", "thing", "version"]


def version(name: str = "v1", *, storage: bool = True, spec: Any = None, **more: Any) -> Object:
    """One version whose `spec` has this schema."""
    properties = {"spec": spec or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    schema = {"type": "object", "properties": {**properties, "status": {"type": "object"}}}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        **more,
    }


def definition(
    *versions: Object, plural: str = "things", kind: str = "Thing", scope: str = "Namespaced", **names: Any
) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": scope,
            "names": {"plural": plural, "kind": kind, **names},
            "versions": list(versions or (version(),)),
        },
    }


def thing(name: str = "a", api_version: str = "example.com/v1", **fields: Any) -> Object:
    return {
        "apiVersion": api_version,
        "kind": "Thing",
        "metadata": {"name": name, "namespace": "default"},
        **fields,
    }


def refused(act: Callable[[], Any]) -> str:
    """The message of the refusal, which must come."""
    return refusal(act).message
