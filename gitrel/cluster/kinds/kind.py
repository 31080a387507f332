"""A kind as data: its names, and the few places where it differs from every other kind.

This is the apiserver's strategy (`pkg/registry/<group>/<kind>/strategy.go`) as one frozen record of
functions. Functions get and give plain objects, never edit them, and default to "nothing special".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.errors import FieldError
from gitrel.cluster.kinds.columns.printing import Columns
from gitrel.cluster.kinds.names import NameRule
from gitrel.kube.identity import Object, group_of


def _same(obj: Object) -> Object:
    return obj


def _newer(new: Object, old: Object) -> Object:
    return new


def _nothing(obj: Object) -> Iterable[FieldError]:
    return ()


def _no_change(new: Object, old: Object) -> Iterable[FieldError]:
    return ()


def _never(obj: Object) -> bool:
    return False


def _no_reason(obj: Object) -> str:
    return ""


def _labelled(obj: Object, api_version: str) -> Object:
    return obj if obj["apiVersion"] == api_version else {**obj, "apiVersion": api_version}


def spec_of(obj: Object) -> object:
    """What a generation counts for most kinds: changes of the spec."""
    return obj.get("spec")


VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What nearly every kind can do, in discovery's order."""


@dataclass(frozen=True, slots=True)
class Served:
    """A further version in which a kind is read and written, beside the one that is stored.

    `resource` is its name there: `events.events.k8s.io` for what is stored as `events`.
    """

    resource: str
    api_version: str
    to_stored: Callable[[Object], Object]
    from_stored: Callable[[Object], Object]


class Structure(Protocol):
    """What a CustomResourceDefinition says of the objects of one version."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The OpenAPI schema as it was written."""
        ...

    @property
    def type(self) -> Type:
        """For server-side apply: which lists are sets or maps, and what is atomic."""
        ...

    def decoded(self, obj: Object, unknown: list[str]) -> Object:
        """Without what is not specified, the paths of which are added to `unknown`.

        Raises ValueError where it is no object at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the `scale` subresource finds what it shows and sets; no selector: `spec.selector` itself."""

    spec_replicas: tuple[str, ...] = ("spec", "replicas")
    status_replicas: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object that is written by itself, such as a request's `approval`.

    `take` is (sent, stored) → the object to store: it takes over its own part and leaves the rest.
    """

    take: Callable[[Object, Object], Object]
    validate: Callable[[Object, Object], Iterable[FieldError]] = _no_change


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind in the version that is stored; `resource` is `deployments.apps`, core ones have no dot."""

    resource: str
    api_version: str
    kind: str
    namespaced: bool = True
    short_names: Sequence[str] = ()
    categories: Sequence[str] = ()
    status: bool = False
    """Has a status that only the `status` subresource writes."""
    scale: bool = False
    name_rule: NameRule = "subdomain"
    counted: Callable[[Object], object] | None = None
    """What `metadata.generation` counts changes of; None for kinds without one."""
    default: Callable[[Object], Object] = _same
    """Fills what was left out; applying it twice changes nothing."""
    prepare: Callable[[Object], Object] = _same
    """At creation only, after `default`: the first status and whatever the server decides."""
    prepare_update: Callable[[Object, Object], Object] = _newer
    """(new, old) → new, keeping what this write may not touch."""
    validate: Callable[[Object], Iterable[FieldError]] = _nothing
    validate_update: Callable[[Object, Object], Iterable[FieldError]] = _no_change
    """(new, old) → what may not change; run after `validate`."""
    grace: Callable[[Object, int | None], int] | None = None
    """(object, seconds asked for) → seconds it gets, for kinds whose deletion somebody else finishes
    (pods).
    """
    terminating: Callable[[Object], Object] = _same
    """What else changes when it is marked as being deleted."""
    held: Callable[[Object], bool] = _never
    """Whether something beside `metadata.finalizers` keeps a deleted object (a Namespace's
    spec.finalizers).
    """
    undeletable: Callable[[Object], str] = _no_reason
    """Why it may never be deleted; empty for nearly everything."""
    orphans_by_default: bool = False
    """A client that names no propagation policy leaves the dependents (batch/v1 Job)."""
    unconditional_update: bool = True
    """An update without a resourceVersion is allowed."""
    verbs: Sequence[str] = VERBS
    """`("create",)` for reviews, which are answered and not stored."""
    served: Sequence[Served] = ()
    """Other versions, each with the way there and back."""
    validate_status: Callable[[Object, Object], Iterable[FieldError]] = _no_change
    """(new, old) → what is wrong with a status that somebody else than a controller writes."""
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    """Beside `status` and `scale`: those that are written like a part of the object."""
    scale_at: ScalePaths = ScalePaths()
    singular_name: str = ""
    """Where it is not the kind in lower case."""
    custom: Mapping[str, Structure] = field(default_factory=dict)
    """Of a custom resource: apiVersion → what its definition says. Empty for built-in kinds.

    A custom object keeps the version in which it was written until it is stored, for it is held to that
    version's schema; every version has the same form but for the schema (conversion `None`).
    """
    columns: Mapping[str, Columns] = field(default_factory=dict)
    """Of a custom resource: apiVersion → how a table shows it."""
    selectable: Sequence[str] = ()
    """Of a custom resource: the fields that field selectors may name, such as `spec.color`."""

    @property
    def group(self) -> str:
        return group_of(self.api_version)

    @property
    def plural(self) -> str:
        return self.resource.partition(".")[0]

    @property
    def singular(self) -> str:
        return self.singular_name or self.kind.lower()

    @property
    def stored(self) -> bool:
        """Whether there are objects of it: reviews are answered and forgotten."""
        return "get" in self.verbs

    def in_version(self, obj: Object, api_version: str) -> Object:
        """A stored object as it is read in `api_version`. Raises LookupError for one that is not served."""
        if self.custom:
            return _labelled(obj, api_version)
        if api_version == self.api_version:
            return obj
        return self._other(api_version).from_stored(obj)

    def to_stored(self, obj: Object) -> Object:
        """The object, in whatever version it is written, as it is stored. Raises LookupError."""
        if self.custom:
            return _labelled(obj, self.api_version)
        if obj["apiVersion"] == self.api_version:
            return obj
        return self._other(obj["apiVersion"]).to_stored(obj)

    def serves(self, api_version: str) -> bool:
        return api_version == self.api_version or any(v.api_version == api_version for v in self.served)

    def serves_as(self, api_version: str, kind: str) -> bool:
        return kind == self.kind and self.serves(api_version)

    def _other(self, api_version: str) -> Served:
        for version in self.served:
            if version.api_version == api_version:
                return version
        raise LookupError(f"{self.kind} is not served in {api_version}")
