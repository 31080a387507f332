"""Values after the schemas of a cluster's own OpenAPI documents: mostly right, so that they get far in."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.fuzz.junk import JUNK

_DEPTH_MAX = 9
_REF = "#/components/schemas/"
_IGNORED = frozenset(("managedFields", "status", "ownerReferences", "deletionTimestamp", "finalizers"))
"""Rarely sent by clients: left out of most objects."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "name": ("a", "b", "web", "x.example.com", "node-0", "default", "10-0-0-1"),
    "namespace": ("default",),
    "image": ("nginx:1", "busybox"),
    "apiGroup": ("", "apps", "rbac.authorization.k8s.io"),
    "kind": ("Deployment", "User", "ClusterRole", "Node", "ConfigMap"),
    "path": ("/", "/a", "a"),
    "topologyKey": ("kubernetes.io/hostname", "zone"),
    "schedule": ("*/5 * * * *", "@hourly"),
    "expression": ("true", "object.metadata.name == 'a'", "1 +", "x" * 50, "[1].map(i, i)"),
}


class Shapes:
    """One document's schemas, by name."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]

    def value(self, schema: Mapping[str, Any], chance: Random, key: str = "", depth: int = 0) -> Any:
        if chance.random() < 0.02:
            return chance.choice(JUNK)
        schema = self._whole(schema)
        if "enum" in schema:
            return chance.choice(schema["enum"])
        match schema.get("type"):
            case "object" if "properties" in schema or "additionalProperties" in schema:
                return self._object(schema, chance, depth)
            case "array":
                many = chance.choice((0, 1, 1, 1, 2, 3)) if depth < _DEPTH_MAX else 0
                return [self.value(schema["items"], chance, key, depth + 1) for _ in range(many)]
            case other:
                return _scalar(other, schema.get("format"), chance, key)

    def _whole(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while True:
            if "$ref" in schema:
                schema = self._schemas[schema["$ref"].removeprefix(_REF)]
            elif "allOf" in schema:
                schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
            elif "oneOf" in schema and "type" not in schema:
                return {"type": "string", "format": "int-or-string"}
            else:
                return schema

    def _object(self, schema: Mapping[str, Any], chance: Random, depth: int) -> Any:
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping):
            names = chance.sample(("app", "a.b/c", "cpu", "memory", "k"), chance.randrange(3))
            return {name: self.value(more, chance, "", depth + 1) for name in names}
        required = schema.get("required") or ()
        often = 0.6 / (depth + 1) ** 0.5 if depth < _DEPTH_MAX else 0.0
        new = {}
        for key, inner in schema.get("properties", {}).items():
            wanted = key in required or chance.random() < (0.03 if key in _IGNORED else often)
            if wanted or (depth == 0 and key in ("metadata", "spec")):
                new[key] = self.value(inner, chance, key, depth + 1)
        return new


def _scalar(type_: str | None, format_: str | None, chance: Random, key: str) -> Any:
    if key in _WORDS and type_ in ("string", None):
        return chance.choice(_WORDS[key])
    match type_, format_:
        case "boolean", _:
            return chance.random() < 0.5
        case "integer" | "number", _:
            return chance.choice((0, 1, 1, 2, 3, 30, 80, 600, -1, 2**31 - 1))
        case _, "int-or-string":
            return chance.choice((1, "25%", "http", 0, "100m", "1Gi"))
        case _, "date-time":
            return "2026-01-01T00:00:00Z"
        case _, "byte":
            return "YQ=="
        case "string", _:
            return chance.choice(("a", "b", "app", "web", "default", "x-y", "Always", "http", "1", ""))
        case _:
            return chance.choice(JUNK)
