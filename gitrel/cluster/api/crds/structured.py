"""One version's structural schema at work: what decoding, validation and apply ask of it.

Everything is made from the definition when it is first asked for, so that a definition costs nothing until
somebody uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gitrel.cluster.api import schema as schema_
from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.crds import pruning, validation
from gitrel.cluster.api.crds.structure import MISSING, Node, Schema, parse
from gitrel.cluster.api.errors import FieldError, invalid_value
from gitrel.cluster.spec import KUBERNETES_VERSION
from gitrel.kube import openapi
from gitrel.kube.identity import Object

if TYPE_CHECKING:
    from gitrel.cluster.api.crds.rules import Rules

_META = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
_IDENTITY: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _META}


_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to "
    "complete validation"
)


class Structured:
    """Implements `kinds.kind.Structure`."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    @property
    def schema(self) -> Schema:
        return self._schema

    @cached_property
    def root(self) -> Node:
        return parse(self._schema)

    @cached_property
    def type(self) -> Type:
        definitions = openapi.document(KUBERNETES_VERSION, strict=False)["$defs"]
        return Type(definitions, _typed(self._schema, root=True))

    def decoded(self, obj: Object, unknown: list[str]) -> Object:
        """Pruned, without idle nulls; metadata, also of embedded objects, as everywhere else."""
        known = pruning.without_nulls(pruning.pruned(obj, self.root, unknown, root=True), self.root)
        new: Object = _with_metadata(known, self.root, "", unknown, root=True)
        return new

    def default(self, obj: Object) -> Object:
        filled: Object = pruning.defaulted(obj, self.root)
        return filled

    def validate(self, obj: Object) -> Iterable[FieldError]:
        return self._errors(obj, MISSING)

    def validate_update(self, new: Object, old: Object) -> Iterable[FieldError]:
        return self._errors(new, old)

    def _errors(self, new: Object, old: Any) -> list[FieldError]:
        value, before = _contents(new), MISSING if old is MISSING else _contents(old)
        found = list(validation.errors(value, self.root, "", before))
        if not self.root.has_rules:
            return found
        if any(error.type in validation.BLOCKING for error in found):
            return [*found, invalid_value("<nil>", None, _UNCHECKED)]
        return found + self._rules.errors(value, self.root, before)

    @cached_property
    def _rules(self) -> Rules:
        # Imported late: expressions take 50 ms to load, and most schemas have none.
        from gitrel.cluster.api.crds.rules import Rules

        return Rules()


def _contents(obj: Object) -> Object:
    """What the schema is about: of the metadata only what it may speak of."""
    metadata = obj["metadata"]
    kept = {key: metadata[key] for key in ("name", "generateName") if key in metadata}
    return {**obj, "metadata": kept}


def _typed(schema: Schema, *, root: bool = False) -> dict[str, Any]:
    """The schema as `Type` reads it: whole objects have metadata of the published type."""
    new = dict(schema)
    if "properties" in schema or root or schema.get("x-kubernetes-embedded-resource"):
        own = {name: _typed(child) for name, child in (schema.get("properties") or {}).items()}
        whole = root or schema.get("x-kubernetes-embedded-resource")
        new["properties"] = {**own, **_IDENTITY} if whole else own
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            new[key] = _typed(schema[key])
    return new


def _with_metadata(value: Any, node: Node, path: str, unknown: list[str], *, root: bool = False) -> Any:
    """Metadata of the object and of every embedded one, decoded. Raises ValueError."""
    if isinstance(value, list) and node.items is not None and _embeds(node.items):
        items = node.items
        return [_with_metadata(item, items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    new = dict(value)
    if (root or node.embedded) and "metadata" in value:
        place = f"{path}.metadata" if path else "metadata"
        new["metadata"] = schema_.decoded_metadata(value["metadata"], place, unknown)
    for key, item in value.items():
        child = node.child(key)
        if child is not None and _embeds(child) and not (root and key == "metadata"):
            new[key] = _with_metadata(item, child, f"{path}.{key}" if path else key, unknown)
    return new


def _embeds(node: Node) -> bool:
    below = (*node.properties.values(), node.additional, node.items)
    return node.embedded or any(child is not None and _embeds(child) for child in below)
