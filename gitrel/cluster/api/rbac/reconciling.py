"""Puts back what is missing of the built-in policy at every start, unless an object opts out.

Kubernetes `pkg/registry/rbac/rest/storage_rbac.go` and `component-helpers/auth/rbac/reconciliation`: rules
and subjects are added and never taken away; `rbac.authorization.kubernetes.io/autoupdate: "false"` leaves an
object alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.api.rbac import policy
from gitrel.cluster.api.rbac.authorizer import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from gitrel.cluster.api.rbac.rules import uncovered
from gitrel.cluster.controllers.controller import Reader, Writer
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object


def reconcile(write: Writer, read: Reader) -> None:
    """In a fixed order; writes nothing where nothing is missing."""
    for resource, wanted in (
        (CLUSTER_ROLES, policy.cluster_roles()),
        (CLUSTER_ROLE_BINDINGS, policy.cluster_role_bindings()),
        (ROLES, policy.roles()),
        (ROLE_BINDINGS, policy.role_bindings()),
    ):
        for obj in wanted:
            _reconcile(resource, obj, write, read)


def _reconcile(resource: str, wanted: Object, write: Writer, read: Reader) -> None:
    metadata = wanted["metadata"]
    namespace = metadata.get("namespace", "")
    old = read.get(resource, namespace, metadata["name"])
    if old is None:
        # A namespace that somebody removed is not made again for its roles.
        if not namespace or read.get("namespaces", "", namespace) is not None:
            write.create(resource, wanted)
        return
    if get(old, "metadata", "annotations", default={}).get(policy.AUTOUPDATE) == "false":
        return
    if "roleRef" in wanted and old["roleRef"] != wanted["roleRef"]:
        # A binding cannot point elsewhere: it is made anew.
        write.delete(resource, namespace, metadata["name"])
        write.create(resource, wanted)
        return
    new = restored(old, wanted)
    if new != old:
        write.update(resource, new)


def restored(old: Object, wanted: Object) -> Object:
    """`old` with everything of `wanted` that it lacks."""
    new = old
    for key in ("labels", "annotations"):
        there = get(old, "metadata", key, default={})
        missing = {k: v for k, v in (wanted["metadata"].get(key) or {}).items() if k not in there}
        if missing:
            new = replaced(new, ("metadata", key), {**there, **missing})
    if rules := wanted.get("rules"):
        there = list(old.get("rules") or ())
        lacking = [rule for rule in rules if uncovered(there, [rule])]
        new = {**new, "rules": [*there, *lacking]} if lacking else new
    if (aggregation := wanted.get("aggregationRule")) and not old.get("aggregationRule"):
        new = {**new, "aggregationRule": aggregation}
    if subjects := wanted.get("subjects"):
        new = _with_subjects(new, subjects)
    return new


def _with_subjects(binding: Object, subjects: Sequence[Mapping[str, Any]]) -> Object:
    there = list(binding.get("subjects") or ())
    lacking = [subject for subject in subjects if subject not in there]
    return {**binding, "subjects": [*there, *lacking]} if lacking else binding
