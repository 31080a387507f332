"""Counts what a namespace uses, and writes it into the status of its ResourceQuotas.

Admission charges a quota when something is created; this gives back what is gone, and counts anew when the
limits change (`pkg/controller/resourcequota`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from gitrel.cluster.api import quotas
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.kube.identity import Object

RESOURCE = "resourcequotas"


def _itself(change: Change, read: Reader) -> Iterable[Key]:
    """When its limits change; its status is nobody's business but this controller's and admission's."""
    if change.type == "DELETED" or (change.old and change.old.get("spec") is change.new.get("spec")):
        return
    metadata = change.new["metadata"]
    yield Key(metadata["namespace"], metadata["name"])


def _of_namespace(change: Change, read: Reader) -> Iterator[Key]:
    for quota in read.list(RESOURCE, change.new["metadata"].get("namespace", "")):
        yield Key(quota["metadata"]["namespace"], quota["metadata"]["name"])


def _gone(change: Change, read: Reader) -> Iterable[Key]:
    return _of_namespace(change, read) if change.type == "DELETED" else ()


def _pod_ended(change: Change, read: Reader) -> Iterable[Key]:
    """A pod gives back what it asked for when it ends, not only when it goes."""
    if change.type == "DELETED" or (
        change.old and quotas.is_terminal(change.new) and not quotas.is_terminal(change.old)
    ):
        return _of_namespace(change, read)
    return ()


def _changed(change: Change, read: Reader) -> Iterable[Key]:
    if change.type == "ADDED" or (change.old and change.old.get("spec") is change.new.get("spec")):
        return ()
    return _of_namespace(change, read)


_COUNTED = (
    "configmaps", "secrets", "serviceaccounts", "replicationcontrollers", "endpoints", "limitranges",
    "podtemplates", "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps",
    "controllerrevisions.apps", "jobs.batch", "cronjobs.batch", "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io", "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy", "leases.coordination.k8s.io", "endpointslices.discovery.k8s.io",
    "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io",
)  # fmt: skip
"""Kinds of which only the number counts, so that only their going has to be noticed."""


class ResourceQuotaController:
    name = "resourcequota"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        RESOURCE: _itself,
        "pods": _pod_ended,
        "services": _changed,
        "persistentvolumeclaims": _changed,
        **dict.fromkeys(_COUNTED, _gone),
    }

    def reconcile(self, key: Key, context: Context) -> None:
        quota = context.read.get(RESOURCE, key.namespace, key.name)
        if quota is None:
            return
        status = _status(quota, context.read)
        if status != quota.get("status"):
            context.write.update_status(RESOURCE, {**quota, "status": status})


def _status(quota: Object, read: Reader) -> Object:
    hard = (quota.get("spec") or {}).get("hard") or {}
    return {"hard": dict(hard), "used": quotas.recount(quota, read)} if hard else {}
