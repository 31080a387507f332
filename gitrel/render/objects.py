"""Documents → Kubernetes objects with an identity: lists flattened, namespaces decided, duplicates named.

The namespace rule: an object lives in its component's namespace, which is the environment's unless the
component names one. Writing it is allowed, writing another one is an error, and it is filled in where it is
missing. What the cluster keeps outside namespaces has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.errors import Problem
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Ref, group_of, ref_of
from gitrel.kube.scope import is_cluster_scoped
from gitrel.render.source import Document, Path, Place, Source

SCOPE_ANNOTATION = "gitrel.dev/scope"
"""`cluster` on a custom resource says that it has no namespace, where its CRD is not in the same release."""

_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z", re.ASCII)
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z", re.ASCII)
_API_VERSION = re.compile(r"(?:[a-z0-9][-a-z0-9.]*/)?v\d[a-z0-9]*\Z", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """One object as it was written, and the way back to the lines of its fields."""

    ref: Ref
    object: Mapping[str, Any]
    document: Document
    base: Path

    def at(self, path: Path = ()) -> Place:
        return self.document.at((*self.base, *path))


def objects_of(source: Source) -> tuple[list[Found], list[Problem]]:
    """Every object of one file, lists flattened, and what is wrong with their identities."""
    found: list[Found] = []
    problems: list[Problem] = list(source.problems)
    for document in source.documents:
        for value, base in flattened(document.value, ()):
            wrong = list(_identity_problems(value, document, base))
            problems += wrong
            if not wrong:
                found.append(Found(ref_of(value), value, document, base))
    if len(found) > 1:
        todo = "write one object a file, named for component and kind"
        problems.append(found[1].at().warning(f"{len(found)} objects in one file", todo))
    if not source.documents and not source.problems and not source.templated:
        problems.append(Place(source.file, 1).warning("the file holds no object", "remove it, or fill it"))
    return found, problems


def flattened(value: Any, base: tuple[str | int, ...]) -> Iterator[tuple[Any, tuple[str | int, ...]]]:
    """The value itself, or the items of a `List` (or `DeploymentList` …), however deep."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(value.get("items"), list):
        yield value, base
        return
    for index, item in enumerate(value["items"]):
        if isinstance(item, dict) and kind != "List":
            # In a typed list the items may leave out what the list says already.
            item = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List"), **item}
        yield from flattened(item, (*base, "items", index))


def _identity_problems(value: Any, document: Document, base: Path) -> Iterator[Problem]:
    def at(*path: str) -> Place:
        return document.at((*base, *path))

    if not isinstance(value, dict):
        todo = "write apiVersion, kind and metadata"
        yield at().problem("this is not a Kubernetes object", todo)
        return
    for field, pattern, example in (("apiVersion", _API_VERSION, "apps/v1"), ("kind", _KIND, "Deployment")):
        text = value.get(field)
        if text is None:
            yield at(field).problem(f"{field} is missing", f"write it, such as {example}")
        elif not isinstance(text, str) or not pattern.match(text):
            yield at(field).problem(f"{text!r} is no {field}", f"write it as {example}")
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        yield at("metadata").problem("metadata is missing", "write at least metadata.name")
        return
    yield from _name_problems(value, metadata, at)


def _name_problems(value: Mapping[str, Any], metadata: Mapping[str, Any], at: Any) -> Iterator[Problem]:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name is None:
        what = "metadata.name is missing"
        if "generateName" in metadata:
            what = "metadata.generateName makes a new object at every apply"
        yield at("metadata", "name").problem(what, "write metadata.name")
    elif not isinstance(name, str):
        yield at("metadata", "name").problem("metadata.name is not text", "put it in quotes")
    elif wrong := _name_rule(str(value.get("apiVersion")), str(value.get("kind")), name):
        yield at("metadata", "name").problem(f"metadata.name {name!r} is not allowed", wrong)
    if namespace is not None and not isinstance(namespace, str):
        yield at("metadata", "namespace").problem("metadata.namespace is not text", "put it in quotes")


def _name_rule(api_version: str, kind: str, name: str) -> str:
    """What the name must look like, or "" where it does (apimachinery `api/validation/name.go`)."""
    if group_of(api_version) == "rbac.authorization.k8s.io":
        fits = name not in ("", ".", "..") and not re.search(r"[/%]", name)
        return "" if fits else "leave out '/' and '%'"
    if kind in ("Service", "Namespace") and api_version == "v1":
        if len(name) <= 63 and (_LABEL.match(name) or (kind == "Namespace" and _SUBDOMAIN.match(name))):
            return ""
        return "use at most 63 lower-case letters, digits and '-', starting with a letter"
    if len(name) <= 253 and _SUBDOMAIN.match(name):
        return ""
    return "use at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends"


def place_in_namespace(found: Iterable[Found], namespace: str) -> tuple[list[Found], list[Problem]]:
    """The objects with their namespace decided, and a problem for each that claims another one."""
    everything = list(found)
    cluster_scoped = frozenset(_cluster_scoped_kinds(everything))
    placed: list[Found] = []
    problems: list[Problem] = []
    for item in everything:
        ref = item.ref
        outside = (
            (ref.group, ref.kind) in cluster_scoped
            or is_cluster_scoped(ref.group, ref.kind)
            or _annotation(item.object, SCOPE_ANNOTATION) == "cluster"
        )
        wanted = "" if outside else namespace
        if ref.namespace and ref.namespace != wanted:
            problems.append(_wrong_namespace(item, wanted))
        if not wanted or ref.namespace:
            placed.append(item)
        else:
            filled = replaced(item.object, ("metadata", "namespace"), wanted)
            placed.append(Found(ref_of(filled), filled, item.document, item.base))
    return placed, problems


def _wrong_namespace(item: Found, wanted: str) -> Problem:
    place = item.at(("metadata", "namespace"))
    if not wanted:
        return place.problem(f"a {item.ref.kind} has no namespace", "remove metadata.namespace")
    what = f"the namespace {item.ref.namespace!r} is not {wanted!r}, where this component is deployed"
    return place.problem(what, "leave metadata.namespace out, or change the component's namespace")


def _cluster_scoped_kinds(found: Iterable[Found]) -> Iterator[tuple[str, str]]:
    """(group, kind) of the custom resources whose CRD in the same release says `scope: Cluster`."""
    for item in found:
        spec = item.object.get("spec")
        if item.ref.kind != "CustomResourceDefinition" or not isinstance(spec, dict):
            continue
        names = spec.get("names")
        if spec.get("scope") == "Cluster" and isinstance(names, dict):
            yield str(spec.get("group")), str(names.get("kind"))


def _annotation(obj: Mapping[str, Any], key: str) -> Any:
    annotations = obj["metadata"].get("annotations")
    return annotations.get(key) if isinstance(annotations, dict) else None


def duplicates(found: Iterable[Found]) -> Iterator[Problem]:
    """A problem for each object that is written a second time, naming both places."""
    first: dict[Ref, Found] = {}
    for item in found:
        if (before := first.setdefault(item.ref, item)) is not item:
            place = before.at()
            what = f"{item.ref} is already written at {place.file}:{place.line}"
            yield item.at().problem(what, "remove one of the two")
