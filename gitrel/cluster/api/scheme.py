"""The scheme: which kinds there are, and the way from (apiVersion, kind) to a resource and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.kinds.kind import Kind


class Scheme:
    """A lookup table; CustomResourceDefinitions add to it while a cluster runs."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._by_resource: dict[str, Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        self._elsewhere: dict[str, Kind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: Kind) -> None:
        assert kind.resource not in self._by_resource, kind.resource
        self._by_resource[kind.resource] = kind
        self._by_kind[kind.api_version, kind.kind] = kind
        for version in kind.served:
            self._by_kind[version.api_version, kind.kind] = kind
            if version.resource != kind.resource:
                self._elsewhere[version.resource] = kind

    def remove(self, kind: Kind) -> None:
        """Takes back what `add` did; does nothing for a kind that is not there."""
        self._by_resource.pop(kind.resource, None)
        for api_version in (kind.api_version, *(version.api_version for version in kind.served)):
            self._by_kind.pop((api_version, kind.kind), None)
        for version in kind.served:
            self._elsewhere.pop(version.resource, None)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_resource.values())

    def knows(self, resource: str) -> bool:
        return resource in self._by_resource or resource in self._elsewhere

    def find(self, api_version: str, kind: str) -> Kind | None:
        """By any version in which it is served."""
        return self._by_kind.get((api_version, kind))

    def resource(self, resource: str) -> Kind:
        """`deployments.apps` → its kind, also by the name it has in another of its groups.

        Raises ApiError 404 as an unknown path does.
        """
        kind = self._by_resource.get(resource) or self._elsewhere.get(resource)
        if kind is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return kind

    def kind(self, api_version: str, kind: str) -> Kind:
        """Raises ApiError 404 with kubectl's own words for a kind that is not served."""
        found = self._by_kind.get((api_version, kind))
        if found is None:
            message = f'no matches for kind "{kind}" in version "{api_version}"'
            raise ApiError(404, "NotFound", message)
        return found
