"""Which Services a pod stands behind, without walking all Services for every pod that changes.

Each Service is filed under one of its selector's labels; a pod looks under each label it carries. The file
is derived from the Services alone: built when first asked for, kept up to date by their changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitrel.cluster.controllers.controller import Change, Key, Reader
from gitrel.kube.identity import Object, labels_of

Term = tuple[str, str, str]
"""(namespace, label, value)."""

SERVICES = "services"


def selector_of(service: Object) -> Mapping[str, str]:
    """Empty for a Service whose endpoints are somebody else's business."""
    spec = service["spec"]
    selector: Mapping[str, str] = spec.get("selector") or {}
    return {} if spec.get("type") == "ExternalName" else selector


class ServiceFile:
    """Term → the Services filed there, with their whole selectors."""

    def __init__(self) -> None:
        self._filed: dict[Term, dict[Key, Mapping[str, str]]] | None = None

    def follow(self, change: Change) -> None:
        """Notes a change of a Service."""
        if self._filed is None:
            return
        if change.old is not None:
            self._remove(self._filed, change.old)
        if change.type != "DELETED":
            self._add(self._filed, change.new)

    def keys(self, pod: Object, read: Reader) -> Iterator[Key]:
        """The Services that select the pod."""
        if self._filed is None:
            self._filed = {}
            for service in read.list(SERVICES):
                self._add(self._filed, service)
        labels = labels_of(pod)
        namespace = pod["metadata"]["namespace"]
        for label, value in labels.items():
            for key, selector in self._filed.get((namespace, label, value), {}).items():
                if selector.items() <= labels.items():
                    yield key

    @staticmethod
    def _term(service: Object) -> Term | None:
        selector = selector_of(service)
        if not selector:
            return None
        return (service["metadata"]["namespace"], *min(selector.items()))

    def _add(self, filed: dict[Term, dict[Key, Mapping[str, str]]], service: Object) -> None:
        if term := self._term(service):
            key = Key(service["metadata"]["namespace"], service["metadata"]["name"])
            filed.setdefault(term, {})[key] = selector_of(service)

    def _remove(self, filed: dict[Term, dict[Key, Mapping[str, str]]], service: Object) -> None:
        if term := self._term(service):
            key = Key(service["metadata"]["namespace"], service["metadata"]["name"])
            filed.get(term, {}).pop(key, None)
