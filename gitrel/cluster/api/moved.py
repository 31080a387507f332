"""What is looked at again after somebody outside was asked: meanwhile the cluster may have gone on."""

from __future__ import annotations

from gitrel.cluster.api import errors
from gitrel.cluster.controllers.controller import Reader
from gitrel.kube.identity import Object


def refuse_moved(read: Reader, resource: str, new: Object, old: Object | None) -> None:
    """Raises Moved where `old` is not what is there any more, or where there is no place for `new`."""
    metadata = new["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    there = read.get(resource, namespace, name)
    if old is not None:
        if there is None or there["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
            raise errors.Moved(*errors.conflict(resource, name).parts())
        return
    if there is not None:
        raise errors.Moved(*errors.already_exists(resource, name).parts())
    if namespace:
        place = read.get("namespaces", "", namespace)
        if place is None:
            raise errors.Moved(*errors.not_found("namespaces", namespace).parts())
        if place["metadata"].get("deletionTimestamp"):
            raise errors.Moved(*errors.namespace_terminating(resource, name, namespace).parts())
