"""Types of fields: what a value at a path is, how lists and maps merge, and by which keys.

A view of Kubernetes' own OpenAPI definitions (and of a CustomResourceDefinition's schema, which has the same
form). Types are made when they are first looked at, because the schemas are large and recursive.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

Shape = Literal["struct", "map", "list", "scalar", "any"]
"""`any` is a free-form value: what it is depends on what stands there (`Type.free`)."""

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_REF = "#/$defs/"

_KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}
"""Keys of list entries that may be left out, and what they then are; the published schemas do not say it."""


_NOTHING: Mapping[str, Any] = {}
_ALWAYS: Mapping[str, tuple[str, ...]] = {
    "apps.v1.DaemonSetSpec": ("template", "updateStrategy"),
    "apps.v1.DeploymentSpec": ("strategy", "template"),
    "apps.v1.ReplicaSetSpec": ("template",),
    "apps.v1.StatefulSetSpec": ("template", "updateStrategy"),
    "autoscaling.v1.HorizontalPodAutoscalerSpec": ("scaleTargetRef",),
    "autoscaling.v2.HorizontalPodAutoscalerSpec": ("scaleTargetRef",),
    "batch.v1.CronJobSpec": ("jobTemplate",),
    "batch.v1.JobSpec": ("template",),
    "batch.v1.JobTemplateSpec": ("metadata", "spec"),
    "core.v1.Binding": ("target",),
    "core.v1.Event": ("involvedObject", "source"),
    "core.v1.NodeDaemonEndpoints": ("kubeletEndpoint",),
    "core.v1.NodeStatus": ("daemonEndpoints", "nodeInfo"),
    "core.v1.PersistentVolumeClaimSpec": ("resources",),
    "core.v1.PodTemplate": ("template",),
    "core.v1.PodTemplateSpec": ("metadata", "spec"),
    "core.v1.ServiceStatus": ("loadBalancer",),
    "events.v1.Event": ("deprecatedSource", "regarding"),
    "flowcontrol.v1.FlowSchemaSpec": ("priorityLevelConfiguration",),
    "networking.v1.IngressStatus": ("loadBalancer",),
    "networking.v1.NetworkPolicySpec": ("podSelector",),
}
"""From the defaults in a 1.36 server's OpenAPI: structs below a root that are there from the beginning."""


class Type:
    """One type. `name` is that of its definition, empty for inline ones."""

    def __init__(self, definitions: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        self._definitions = definitions
        ref = schema.get("$ref")
        self.name = ref[len(_REF) :] if ref else ""
        target = definitions[self.name] if ref else schema
        # A field's own annotations win over those of the definition that it refers to.
        self._schema: Mapping[str, Any] = target
        self._local = schema

    def _annotation(self, key: str) -> Any:
        found = self._local.get(f"x-kubernetes-{key}")
        return self._schema.get(f"x-kubernetes-{key}") if found is None else found

    @cached_property
    def shape(self) -> Shape:
        schema = self._schema
        names = schema.get("type", ())
        kinds = {names} if isinstance(names, str) else set(names)
        if "properties" in schema and (not kinds or "object" in kinds):
            return "struct"
        if self._annotation("preserve-unknown-fields") and "array" not in kinds:
            return "any"
        if "object" in kinds:
            return "map" if isinstance(schema.get("additionalProperties"), Mapping) else "any"
        if "array" in kinds:
            return "list"
        return "scalar" if kinds - {"null"} or "oneOf" in schema or schema.get("format") else "any"

    @property
    def strict(self) -> bool:
        """Whether no value of it could be another with the same face: true where 1 was."""
        return self.name.startswith("io.k8s.")

    @property
    def scalar(self) -> str:
        """The JSON type of a scalar, such as `integer`; empty where several are allowed."""
        names = self._schema.get("type", ())
        kinds = [names] if isinstance(names, str) else [name for name in names if name != "null"]
        return kinds[0] if len(kinds) == 1 else ""

    @property
    def format(self) -> str:
        """`int32`, `int64`, `date-time`, …, or nothing."""
        found: str = self._schema.get("format", "")
        return found

    @cached_property
    def plain(self) -> bool:
        """Whether it is a scalar that is written as it was read: no quantity, no time, no bytes."""
        return self.shape == "scalar" and not self.name and self.format not in ("byte", "date-time")

    @cached_property
    def fields(self) -> Mapping[str, Type]:
        """Of a struct; looked at lazily, see `field`."""
        return {name: Type(self._definitions, schema) for name, schema in self._schema["properties"].items()}

    def field(self, name: str) -> Type | None:
        """The type of one field of a struct, or of any entry of a map; None for a field that does not
        exist.
        """
        if self.shape == "struct":
            return self.fields.get(name) or (FREE if self.free else None)
        return self.element if self.shape == "map" else FREE if self.free else None

    def declares(self, name: str) -> bool:
        """Whether this is a struct with such a field; any other is an entry of a map."""
        return self.shape == "struct" and name in self.fields

    @cached_property
    def free(self) -> bool:
        """Whether there may be more in it than is declared, which goes by what it is: maps are looked into,
        and lists are whole (`deduced` in kube-openapi `schemaconv`).
        """
        if self._annotation("preserve-unknown-fields"):
            return True
        beside = self._schema.get("additionalProperties")
        return self.shape == "any" and self.scalar == "object" and beside is not False

    def splits(self, value: Any) -> bool:
        """Whether the parts of this value are owned and merged one by one."""
        if isinstance(value, dict):
            return (self.shape in ("struct", "map") and not self.atomic) or (
                self.shape == "any" and self.free
            )
        return isinstance(value, (list, tuple)) and self.shape == "list" and not self.atomic

    @cached_property
    def element(self) -> Type:
        """Of a list or a map."""
        key = "items" if self.shape == "list" else "additionalProperties"
        return Type(self._definitions, self._schema[key])

    @cached_property
    def key_defaults(self) -> Mapping[str, Any]:
        """What keys of a map-list's entries are where they are left out."""
        element = self.element
        if element.name:
            return _KEY_DEFAULTS
        fields = element.fields if element.shape == "struct" else {}
        return {
            key: fields[key]._schema["default"]
            for key in self.list_keys
            if key in fields and "default" in fields[key]._schema
        }

    @cached_property
    def atomic(self) -> bool:
        """Owned and replaced as a whole: atomic structs and maps, lists that are neither set nor map,
        scalars.
        """
        if self.shape in ("struct", "map"):
            return bool(self._annotation("map-type") == "atomic")
        return self.shape != "list" or self._annotation("list-type") not in ("map", "set")

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """The fields that identify an entry of a map-list; empty for other lists."""
        if self.shape != "list" or self._annotation("list-type") != "map":
            return ()
        return tuple(self._annotation("list-map-keys"))

    @cached_property
    def is_set(self) -> bool:
        return self.shape == "list" and self._annotation("list-type") == "set"

    @cached_property
    def merge_key(self) -> str:
        """By which strategic merge patch finds an entry of this list; empty where it replaces the list."""
        return self._annotation("patch-merge-key") or "" if "merge" in self.patch_strategies else ""

    @cached_property
    def patch_strategies(self) -> frozenset[str]:
        """`merge` and `retainKeys`, of strategic merge patch."""
        return frozenset(filter(None, (self._annotation("patch-strategy") or "").split(",")))

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(self._schema.get("required", ()))

    @cached_property
    def always_written(self) -> tuple[str, ...]:
        """Those of them that are looked into even where nothing was said, for what they lack is told."""
        return tuple(name for name, zero in self.always.items() if zero == {} and name in _ALWAYS_WRITTEN)

    @cached_property
    def always(self) -> Mapping[str, Any]:
        """Fields that the server's own types cannot be without, and what they are where nothing is said.

        In Go those are structs that are no pointers, and lists that are written even when empty. Who writes
        into them has added what is in them, and not the field itself.
        """
        if not self.name:
            return {}
        structs = _ALWAYS.get(self.name.rpartition("io.k8s.api.")[2], ())
        if "x-kubernetes-group-version-kind" in self._schema:
            structs = (*structs, *(key for key in ("metadata", "spec", "status") if key in self.fields))
        lists = (key for key in self.required if self.fields[key].shape == "list")
        return {**dict.fromkeys(structs, _NOTHING), **{key: [] for key in lists}}


_ALWAYS_WRITTEN = frozenset(("jobTemplate", "spec", "template"))


def key_of(entry: Mapping[str, Any], type_: Type) -> tuple[tuple[str, Any], ...] | None:
    """The (key, value) pairs that identify an entry of such a map-list; None where a key is missing."""
    found = []
    for key in type_.list_keys:
        value = entry.get(key)
        if value is None:
            value = type_.key_defaults.get(key)
            if value is None:
                return None
        found.append((key, value))
    return tuple(found)


FREE = Type({}, {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
"""Of a value of which nothing is declared."""
