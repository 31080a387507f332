"""Every namespace has an account called `default` (`pkg/controller/serviceaccount`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.controllers.controller import Change, Context, Key, Reader

NAME = "serviceaccount"


def _namespace_itself(change: Change, read: Reader) -> Iterable[Key]:
    if change.type != "DELETED":
        yield Key("", change.new["metadata"]["name"])


def _namespace_of(change: Change, read: Reader) -> Iterable[Key]:
    """An account that goes is made again."""
    metadata = change.new["metadata"]
    if change.type == "DELETED" and metadata["name"] == "default":
        yield Key("", metadata["namespace"])


class ServiceAccountController:
    name = NAME
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        "namespaces": _namespace_itself,
        "serviceaccounts": _namespace_of,
    }

    def reconcile(self, key: Key, context: Context) -> None:
        namespace = context.read.get("namespaces", "", key.name)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return
        if context.read.get("serviceaccounts", key.name, "default") is None:
            account = {"metadata": {"name": "default", "namespace": key.name}}
            context.write.create("serviceaccounts", account)
