"""The spread constraints that a pod has without asking: with its siblings, over nodes and zones.

Siblings are the pods that its Services and its owner select (`plugins/helper/spread.go` DefaultSelector).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.scheduler.plugins.podtopologyspread import defaults
from gitrel.cluster.scheduler.template import Spread, Template
from gitrel.kube import selectors
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, controller_of

_OWNERS = {
    "ReplicaSet": "replicasets.apps",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets.apps",
}
_LIMIT = 20_000

Pair = tuple[str, str, str]


class DefaultSpreads:
    """Remembers the constraints per template and owner, until a Service changes."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], Mapping[str, str]] = {}
        self._by_pair: dict[Pair, set[tuple[str, str]]] = {}
        self._known: dict[tuple[Template, str], tuple[Spread, ...]] = {}

    def put_service(self, service: Object) -> None:
        metadata = service["metadata"]
        self.remove_service(service)
        selector: Mapping[str, str] = get(service, "spec", "selector", default={})
        if selector:
            key = (metadata["namespace"], metadata["name"])
            self._services[key] = selector
            self._by_pair.setdefault(_pair(key[0], selector), set()).add(key)

    def remove_service(self, service: Object) -> None:
        key = (service["metadata"]["namespace"], service["metadata"]["name"])
        self._known.clear()
        selector = self._services.pop(key, None)
        if selector is not None:
            self._by_pair[_pair(key[0], selector)].discard(key)

    def of(self, pod: Mapping[str, Any], template: Template, read: Reader) -> tuple[Spread, ...]:
        owner = controller_of(pod)
        key = (template, owner["uid"] if owner else "")
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _LIMIT:
                self._known.clear()
            found = self._known[key] = self._find(template, owner, read)
        return found

    def _find(self, template: Template, owner: Mapping[str, Any] | None, read: Reader) -> tuple[Spread, ...]:
        merged: dict[str, str] = {}
        for key in sorted(self._selecting(template)):
            merged |= self._services[key]
        selector = selectors.from_labels(merged)
        if owner is not None and (resource := _OWNERS.get(owner["kind"])):
            found = read.get(resource, template.namespace, owner["name"])
            if found is not None:
                selector += _selector_of(found)
        return defaults(tuple(dict.fromkeys(selector))) if selector else ()

    def _selecting(self, template: Template) -> Iterator[tuple[str, str]]:
        labels = template.labels
        for label, value in labels.items():
            for key in self._by_pair.get((template.namespace, label, value), ()):
                if all(labels.get(name) == wanted for name, wanted in self._services[key].items()):
                    yield key


def _pair(namespace: str, selector: Mapping[str, str]) -> Pair:
    """The label that a Service is filed under: any will do, as long as it is always the same."""
    label = min(selector)
    return namespace, label, selector[label]


def _selector_of(owner: Object) -> selectors.Selector:
    """A ReplicationController selects by plain labels, the others by a LabelSelector."""
    selector = owner["spec"].get("selector") or {}
    if owner["kind"] == "ReplicationController":
        return selectors.from_labels(selector)
    return selectors.from_object(selector)
