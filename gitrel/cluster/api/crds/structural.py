"""Whether a schema is structural, and everything else that a definition's schema may not say.

The rules of apiextensions `pkg/apiserver/schema/validation.go` and `pkg/apis/apiextensions/validation`: each
value's type is said exactly once, outside of junctors, so that pruning and defaulting know what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.crds import pruning, validation
from gitrel.cluster.api.crds.structure import DEPTH_MAX, MISSING, Schema, depth, parse
from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.kube.regex import BadPattern, compiled

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_SCALARS = frozenset(("boolean", "integer", "number", "string"))
_UNSUPPORTED = (
    "$ref",
    "id",
    "$schema",
    "patternProperties",
    "definitions",
    "dependencies",
    "additionalItems",
)
_FORM = {
    "type": "must be empty to be structural",
    "description": "must be empty to be structural",
    "title": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "additionalProperties": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
"""What may not be said inside `allOf`, `anyOf`, `oneOf` and `not`."""
_EMPTY_AT = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_METADATA = frozenset(("name", "generateName"))


def errors(schema: Schema, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a version's schema; only with none of it may it be parsed."""
    if depth(schema) > DEPTH_MAX:
        yield forbidden_field(path, f"the schema is nested deeper than {DEPTH_MAX} levels")
        return
    found = list(_malformed(schema, path)) or list(_node(schema, path, "root"))
    yield from found
    if not found:
        yield from _defaults(schema, path)


_NUMBERS = ("maximum", "minimum", "multipleOf")
_COUNTS = ("maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties")
_FLAGS = (
    "exclusiveMaximum", "exclusiveMinimum", "nullable", "uniqueItems", "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
)  # fmt: skip
_TEXTS = (
    "description", "format", "id", "pattern", "title", "type", "x-kubernetes-list-type",
    "x-kubernetes-map-type",
)  # fmt: skip
_SHAPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_NUMBERS, (int, float)),
    **dict.fromkeys(_COUNTS, (int,)),
    **dict.fromkeys(_FLAGS, (bool,)),
    **dict.fromkeys(_TEXTS, (str,)),
    **dict.fromkeys(("properties", "not"), (Mapping,)),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "enum", "required"), (list,)),
    **dict.fromkeys(("x-kubernetes-list-map-keys", "x-kubernetes-validations"), (list,)),
    "items": (Mapping, list),
    "additionalProperties": (Mapping, bool),
}
_RULE_SHAPES: Mapping[str, type] = {
    "rule": str, "message": str, "messageExpression": str, "reason": str, "fieldPath": str,
    "optionalOldSelf": bool,
}  # fmt: skip


def _malformed(schema: Any, path: str) -> Iterator[FieldError]:
    """Keywords whose values are of the wrong JSON type. Published types end where schemas nest."""
    if not isinstance(schema, Mapping):
        yield invalid_value(path, schema, "must be a schema")
        return
    value: Any
    for key, value in schema.items():
        wanted = _SHAPES.get(key)
        if wanted is None or value is None:
            continue
        fits = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
        if not fits:
            yield invalid_value(f"{path}.{key}", value, "is of the wrong type")
        elif key in ("allOf", "anyOf", "oneOf"):
            for index, part in enumerate(value):
                yield from _malformed(part, f"{path}.{key}[{index}]")
        elif key == "properties":
            for name, child in value.items():
                yield from _malformed(child, f"{path}.properties[{name}]")
        elif key in ("required", "x-kubernetes-list-map-keys"):
            if not all(isinstance(name, str) for name in value):
                yield invalid_value(f"{path}.{key}", value, "must be a list of strings")
        elif key == "x-kubernetes-validations":
            yield from _malformed_rules(value, f"{path}.{key}")
        elif key in ("items", "additionalProperties", "not") and isinstance(value, Mapping):
            yield from _malformed(value, f"{path}.{key}")


def _malformed_rules(rules: Sequence[Any], path: str) -> Iterator[FieldError]:
    for index, rule in enumerate(rules):
        good = isinstance(rule, Mapping) and all(
            rule.get(key) is None or isinstance(rule[key], type_) for key, type_ in _RULE_SHAPES.items()
        )
        if not good:
            yield invalid_value(f"{path}[{index}]", rule, "must be a validation rule")


def _node(schema: Schema, path: str, level: str) -> Iterator[FieldError]:
    yield from _form(schema, path, level)
    yield from _unsupported(schema, path)
    yield from _contents(schema, path)
    yield from _list_type(schema, path)
    yield from _rules(schema, path)
    for key in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(key) or ()):
            yield from _junctor(part, schema, f"{path}.{key}[{index}]", path)
    if isinstance(schema.get("not"), Mapping):
        yield from _junctor(schema["not"], schema, f"{path}.not", path)
    for name, child in (schema.get("properties") or {}).items():
        place = f"{path}.properties[{name}]"
        if name == "metadata" and (level == "root" or schema.get("x-kubernetes-embedded-resource")):
            yield from _metadata(child, place)
        if not (level == "root" and name in ("apiVersion", "kind", "metadata") and not child.get("type")):
            yield from _node(child, place, "field")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _node(schema["additionalProperties"], f"{path}.additionalProperties", "field")
    if isinstance(schema.get("items"), Mapping):
        yield from _node(schema["items"], f"{path}.items", "item")


def _form(schema: Schema, path: str, level: str) -> Iterator[FieldError]:
    """The type, and what it asks for."""
    type_ = schema.get("type") or ""
    preserves = schema.get("x-kubernetes-preserve-unknown-fields")
    embedded = schema.get("x-kubernetes-embedded-resource")
    either = schema.get("x-kubernetes-int-or-string")
    if type_ and type_ not in _TYPES:
        yield unsupported(f"{path}.type", type_, _TYPES)
    if not type_ and not either and not preserves:
        yield required(f"{path}.type", _EMPTY_AT[level])
    if type_ and either:
        yield invalid_value(f"{path}.type", type_, "must be empty if x-kubernetes-int-or-string is true")
    if level == "root" and type_ and type_ != "object":
        yield invalid_value(f"{path}.type", type_, "must be object at the root")
    if type_ == "array" and not isinstance(schema.get("items"), Mapping):
        yield required(f"{path}.items", "must be specified")
    for flag, key in ((preserves, "preserve-unknown-fields"), (embedded, "embedded-resource")):
        if flag and type_ not in ("", "object"):
            yield invalid_value(f"{path}.type", type_, f"must be object if x-kubernetes-{key} is true")
    if embedded and not preserves and not schema.get("properties"):
        yield required(
            f"{path}.properties",
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields",
        )
    if level == "root" and schema.get("nullable"):
        yield forbidden_field(f"{path}.nullable", "nullable cannot be true at the root")


def _unsupported(schema: Schema, path: str) -> Iterator[FieldError]:
    for key in _UNSUPPORTED:
        if schema.get(key):
            yield forbidden_field(f"{path}.{key}", f"{key} is not supported")
    if schema.get("uniqueItems"):
        says = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden_field(f"{path}.uniqueItems", says)
    beside = schema.get("additionalProperties", MISSING)
    if beside is False:
        yield forbidden_field(f"{path}.additionalProperties", "additionalProperties cannot be set to false")
    elif beside is not MISSING and beside is not None and schema.get("properties"):
        says = "additionalProperties and properties are mutual exclusive"
        yield forbidden_field(f"{path}.additionalProperties", says)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        at = f"{path}.x-kubernetes-preserve-unknown-fields"
        yield invalid_value(at, False, "must be true or undefined")
    if isinstance(schema.get("items"), list):
        yield forbidden_field(f"{path}.items", "items must be a schema object and not an array")


def _contents(schema: Schema, path: str) -> Iterator[FieldError]:
    if pattern := schema.get("pattern"):
        try:
            compiled(pattern)
        except BadPattern as wrong:
            says = f"must be a valid regular expression, but isn't: {wrong}"
            yield invalid_value(f"{path}.pattern", pattern, says)
    step = schema.get("multipleOf")
    if step is not None and step <= 0:
        yield invalid_value(f"{path}.multipleOf", step, "must be greater than 0")


def _metadata(schema: Schema, path: str) -> Iterator[FieldError]:
    if schema.get("type") not in (None, "object"):
        yield invalid_value(f"{path}.type", schema["type"], "must be object")
    more = [key for key in schema if key not in ("type", "description", "title", "properties")]
    if more or any(name not in _METADATA for name in schema.get("properties") or ()):
        says = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield forbidden_field(path, says)


def _list_type(schema: Schema, path: str) -> Iterator[FieldError]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    at = f"{path}.x-kubernetes-list-map-keys"
    if kind is not None and kind not in ("atomic", "map", "set"):
        yield unsupported(f"{path}.x-kubernetes-list-type", kind, ("atomic", "map", "set"))
    if kind is not None and schema.get("type") != "array":
        says = "must be array if x-kubernetes-list-type is specified"
        given = schema.get("type")
        yield invalid_value(f"{path}.type", given, says) if given else required(f"{path}.type", says)
    if keys and kind != "map":
        yield forbidden_field(at, "must be empty if x-kubernetes-list-type is not map")
    if kind == "map" and not keys:
        yield required(at, "must not be empty if x-kubernetes-list-type is map")
    if len(set(keys)) != len(keys):
        yield invalid_value(at, keys, "must not contain duplicate entries")
    if kind == "map" and isinstance(schema.get("items"), Mapping):
        yield from _map_keys(schema["items"], keys, path)
    if kind == "set" and isinstance(schema.get("items"), Mapping):
        yield from _set_items(schema["items"], f"{path}.items")
    form = schema.get("x-kubernetes-map-type")
    if form is not None and form not in ("atomic", "granular"):
        yield unsupported(f"{path}.x-kubernetes-map-type", form, ("atomic", "granular"))


def _map_keys(items: Schema, keys: Sequence[str], path: str) -> Iterator[FieldError]:
    if items.get("type") != "object":
        says = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid_value(f"{path}.items.type", items.get("type") or "", says)
        return
    properties = items.get("properties") or {}
    for key in keys:
        field = properties.get(key)
        at = f"{path}.items.properties[{key}]"
        if field is None:
            says = "entries must all be names of item properties"
            yield invalid_value(f"{path}.x-kubernetes-list-map-keys", list(keys), says)
            continue
        if field.get("type") not in _SCALARS and not field.get("x-kubernetes-int-or-string"):
            says = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid_value(f"{at}.type", field.get("type") or "", says)
        why = "this property is in x-kubernetes-list-map-keys, so it"
        if field.get("nullable"):
            yield forbidden_field(f"{at}.nullable", f"{why} cannot be nullable")
        if field.get("default", MISSING) is MISSING and key not in (items.get("required") or ()):
            yield required(f"{at}.default", f"{why} must have a default or be a required property")


def _set_items(items: Schema, path: str) -> Iterator[FieldError]:
    if items.get("nullable"):
        says = "cannot be nullable when x-kubernetes-list-type is set"
        yield forbidden_field(f"{path}.nullable", says)
    if items.get("type") == "array" and items.get("x-kubernetes-list-type", "atomic") != "atomic":
        says = "items of a set must be scalars, atomic maps or atomic lists"
        yield invalid_value(f"{path}.x-kubernetes-list-type", items["x-kubernetes-list-type"], says)
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        says = "items of a set must be scalars, atomic maps or atomic lists"
        yield invalid_value(f"{path}.x-kubernetes-map-type", items.get("x-kubernetes-map-type"), says)


def _junctor(part: Schema, structural: Schema, path: str, outer: str) -> Iterator[FieldError]:
    """Contents only, and only of what the structure around it specifies."""
    either = structural.get("x-kubernetes-int-or-string")
    for key, says in _FORM.items():
        if part.get(key) and not (key == "type" and either):
            yield forbidden_field(f"{path}.{key}", says)
    properties = structural.get("properties") or {}
    for name, below in (part.get("properties") or {}).items():
        if name in properties:
            at = f"{outer}.properties[{name}]"
            yield from _junctor(below, properties[name], f"{path}.properties[{name}]", at)
        elif not isinstance(structural.get("additionalProperties"), Mapping):
            why = f"because it is defined in {path}.properties[{name}]"
            yield required(f"{outer}.properties[{name}]", why)
    if isinstance(part.get("items"), Mapping):
        if isinstance(structural.get("items"), Mapping):
            yield from _junctor(part["items"], structural["items"], f"{path}.items", f"{outer}.items")
        else:
            yield required(f"{outer}.items", f"because it is defined in {path}.items")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, more in enumerate(part.get(key) or ()):
            yield from _junctor(more, structural, f"{path}.{key}[{index}]", outer)
    if isinstance(part.get("not"), Mapping):
        yield from _junctor(part["not"], structural, f"{path}.not", outer)
    yield from _contents(part, path)


def _rules(schema: Schema, path: str) -> Iterator[FieldError]:
    """What can be said of rules without reading their expressions."""
    reasons = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        at = f"{path}.x-kubernetes-validations[{index}]"
        if not (rule.get("rule") or "").strip():
            yield required(f"{at}.rule", "rule is not specified")
        message = rule.get("message")
        if message is not None and not message.strip():
            yield invalid_value(f"{at}.message", message, "message must be non-empty if specified")
        elif "\n" in (message or ""):
            yield invalid_value(f"{at}.message", message, "message must not contain line breaks")
        elif "\n" in (rule.get("rule") or "") and not message:
            yield required(f"{at}.message", "message must be specified if rule contains line breaks")
        if "messageExpression" in rule and not (rule["messageExpression"] or "").strip():
            yield required(f"{at}.messageExpression", "messageExpression must be non-empty if specified")
        if (reason := rule.get("reason")) and reason not in reasons:
            yield unsupported(f"{at}.reason", reason, reasons)


# --- defaults ---------------------------------------------------------------------------------------------


def _defaults(schema: Schema, path: str, level: str = "root") -> Iterator[FieldError]:
    """Every default must be a value that its own schema leaves as it is and finds nothing wrong with."""
    default = schema.get("default", MISSING)
    if default is not MISSING:
        at = f"{path}.default"
        if level == "root":
            yield forbidden_field(at, "must not be set at the root")
            return
        node, unknown = parse(schema), list[str]()
        pruning.pruned(default, node, unknown)
        if unknown:
            says = "must not have unknown fields: " + ", ".join(unknown)
            yield invalid_value(at, default, says)
        yield from validation.errors(pruning.defaulted(default, node), node, at)
    for name, child in (schema.get("properties") or {}).items():
        yield from _defaults(child, f"{path}.properties[{name}]", "field")
    for key in ("additionalProperties", "items"):
        below = schema.get(key)
        if isinstance(below, Mapping):
            yield from _defaults(below, f"{path}.{key}", "field")
