"""What can be said of a policy's expressions before any object comes: by the schemas of the kinds it is for.

apiserver `pkg/admission/plugin/policy/validating/typechecking.go`. Only rules that name their groups,
versions and resources can be checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gitrel.cluster.api.admission.declared import seen_by_policy
from gitrel.cluster.api.apply.types import QUANTITY
from gitrel.cluster.api.apply.types import Type as Schema
from gitrel.cluster.api.schema import type_for
from gitrel.cluster.controllers.controller import Kinds
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.cel.checking import check
from gitrel.kube.cel.tree import BadExpression
from gitrel.kube.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
)
from gitrel.kube.cel.values import json_names
from gitrel.kube.identity import Object

KINDS_MAX = 10
_SCALARS = {"string": STRING, "integer": INT, "number": DOUBLE, "boolean": BOOL}
_FORMATS = {"date-time": TIMESTAMP, "byte": BYTES}


def warnings(policy: Object, kinds: Kinds) -> Sequence[Mapping[str, str]]:
    """`status.typeChecking.expressionWarnings`: every expression that does not fit a kind it is for."""
    spec = policy["spec"]
    checked = [(kind, version) for kind, version in _kinds(spec, kinds)][:KINDS_MAX]
    params = _params(spec, kinds)
    found = []
    for place, row in enumerate(spec.get("validations") or ()):
        for key in ("expression", "messageExpression"):
            told = [
                f"{_shown(version)}, Kind={kind.kind}: {fault}\n"
                for kind, version in checked
                if row.get(key) and (fault := _fault(row[key], spec, kind, version, params))
            ]
            if told:
                where = f"spec.validations[{place}].{key}"
                found.append({"fieldRef": where, "warning": "\n".join(told)})
    return found


def _shown(version: str) -> str:
    return version if "/" in version else f"/{version}"


def _kinds(spec: Mapping[str, Any], kinds: Kinds) -> Iterator[tuple[Kind, str]]:
    """The kinds that rules name in full, each with its apiVersion, in the order of their names."""
    named = set()
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for group in rule.get("apiGroups") or ():
            for version in rule.get("apiVersions") or ():
                for plural in rule.get("resources") or ():
                    if "*" not in f"{group}{version}{plural}" and "/" not in plural:
                        named.add((group, version, plural))
    for group, version, plural in sorted(named):
        resource, api_version = (f"{plural}.{group}", f"{group}/{version}") if group else (plural, version)
        if kinds.knows(resource) and (kind := kinds.resource(resource)) and _serves(kind, api_version):
            yield kind, api_version


def _serves(kind: Kind, api_version: str) -> bool:
    return api_version in kind.custom if kind.custom else kind.serves(api_version)


def _params(spec: Mapping[str, Any], kinds: Kinds) -> Type:
    wanted = spec.get("paramKind")
    kind = kinds.find(wanted["apiVersion"], wanted["kind"]) if wanted else None
    return DYN if kind is None or wanted is None else declared(type_for(kind, wanted["apiVersion"]))


def _fault(text: str, spec: Mapping[str, Any], kind: Kind, version: str, params: Type) -> str:
    *_, (_, names) = seen_by_policy(spec, declared(type_for(kind, version)))
    try:
        check(text.strip(), {**names, "params": params} if "params" in names else names)
    except BadExpression as wrong:
        return str(wrong)
    return ""


def declared(schema: Schema) -> Type:
    """The type of a value that has this schema."""
    match schema.shape:
        case "struct":
            return Type(schema.name or "object", fields=_fields(schema))
        case "map":
            return map_of(STRING, declared(schema.element))
        case "list":
            return list_of(declared(schema.element))
        case "scalar" if schema.name == QUANTITY:
            return STRING
        case "scalar" if schema.format in _FORMATS:
            return _FORMATS[schema.format]
        case "scalar":
            return _SCALARS.get(schema.scalar, DYN)
        case _:
            return DYN


def _fields(schema: Schema) -> Callable[[str], Type | None]:
    @cache
    def field(name: str) -> Type | None:
        for spelt in (name, json_names(name)):
            if (found := schema.field(spelt)) is not None:
                return declared(found)
        return None

    return field
