"""Gives each aggregating ClusterRole the rules of all those that its selectors choose.

Kubernetes `pkg/controller/clusterroleaggregation`: in order of the roles' names, no rule twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.kube import selectors
from gitrel.kube.identity import Object, labels_of

CLUSTER_ROLES = "clusterroles.rbac.authorization.k8s.io"


class ClusterRoleAggregationController:
    """Keys: the names of aggregating roles."""

    name = "clusterrole-aggregation"

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {CLUSTER_ROLES: _keys}

    def reconcile(self, key: Key, context: Context) -> None:
        role = context.read.get(CLUSTER_ROLES, "", key.name)
        if role is None or not role.get("aggregationRule"):
            return
        rules = calculate_rules(role, context.read.list(CLUSTER_ROLES))
        if rules != (role.get("rules") or []):
            context.write.update(CLUSTER_ROLES, {**role, "rules": rules})


def calculate_rules(role: Object, others: Iterable[Object]) -> list[Mapping[str, Any]]:
    """The rules that the role is to have; `others` come in order of their names, itself among them."""
    known = list(others)
    rules: list[Mapping[str, Any]] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        wanted = selectors.from_object(selector)
        for other in known:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if selectors.matches(wanted, labels_of(other)):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def _keys(change: Change, read: Reader) -> Iterable[Key]:
    """Any change of a role's labels or rules can matter to every role that aggregates."""
    if change.type == "MODIFIED" and change.old is not None and _same(change.old, change.new):
        return
    for role in read.list(CLUSTER_ROLES):
        if role.get("aggregationRule"):
            yield Key("", role["metadata"]["name"])


def _same(old: Object, new: Object) -> bool:
    """Whether nothing changed that any aggregation looks at."""
    keys = ("rules", "aggregationRule")
    return labels_of(old) == labels_of(new) and all(old.get(key) == new.get(key) for key in keys)
