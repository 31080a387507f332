"""Nobody gives away what he does not have: checks of every write to a role or a binding.

Kubernetes `pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased`. The verbs
`escalate` (on a role) and `bind` (on the role that is bound) lift the check; so does `system:masters`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitrel.cluster.api.errors import ApiError, forbidden, not_found, shown
from gitrel.cluster.api.rbac.attributes import for_resource
from gitrel.cluster.api.rbac.authorizer import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Authorizer,
)
from gitrel.cluster.api.rbac.rules import EVERYTHING, Rule, compacted, quoted, told, uncovered
from gitrel.cluster.api.rbac.user import MASTERS, User
from gitrel.cluster.controllers.controller import Reader
from gitrel.kube.identity import Object

GUARDED = frozenset((ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS))


def check(
    authorizer: Authorizer, read: Reader, user: User, resource: str, new: Object, old: Object | None
) -> None:
    """Raises ApiError 403 where the write would grant what the user does not hold."""
    if resource not in GUARDED or MASTERS in user.groups:
        return
    if resource in (ROLES, CLUSTER_ROLES):
        _check_role(authorizer, user, resource, new, old)
    else:
        _check_binding(authorizer, read, user, resource, new, old)


def _check_role(authorizer: Authorizer, user: User, resource: str, new: Object, old: Object | None) -> None:
    name, namespace = new["metadata"].get("name", ""), new["metadata"].get("namespace", "")
    rules: Sequence[Rule] = new.get("rules") or ()
    aggregates = new.get("aggregationRule")
    same_rules = old is not None and rules == (old.get("rules") or ())
    same_aggregation = aggregates == (old.get("aggregationRule") if old else None)
    if same_rules and same_aggregation:
        return
    asked = for_resource("escalate", resource, namespace, name)
    if authorizer.decide(user, asked).allowed:
        return
    if aggregates and not same_aggregation and _lacks(authorizer, user, namespace, EVERYTHING):
        raise forbidden(resource, name, "must have cluster-admin privileges to use the aggregationRule")
    if not same_rules:
        _confirm(authorizer, user, resource, name, namespace, rules)


def _check_binding(
    authorizer: Authorizer, read: Reader, user: User, resource: str, new: Object, old: Object | None
) -> None:
    if old is not None and _bound(new) == _bound(old):
        return
    name, namespace = new["metadata"].get("name", ""), new["metadata"].get("namespace", "")
    ref = new["roleRef"]
    role_resource = CLUSTER_ROLES if ref["kind"] == "ClusterRole" else ROLES
    if authorizer.decide(user, for_resource("bind", role_resource, namespace, ref["name"])).allowed:
        return
    role = read.get(role_resource, "" if role_resource == CLUSTER_ROLES else namespace, ref["name"])
    if role is None:
        raise not_found(role_resource, ref["name"])
    _confirm(authorizer, user, resource, name, namespace, role.get("rules") or ())


def _bound(binding: Object) -> object:
    return binding["roleRef"], binding.get("subjects") or []


def _lacks(authorizer: Authorizer, user: User, namespace: str, rules: Iterable[Rule]) -> Sequence[Rule]:
    return uncovered(authorizer.rules_of(user, namespace), rules)


def _confirm(
    authorizer: Authorizer,
    user: User,
    resource: str,
    name: str,
    namespace: str,
    rules: Iterable[Rule],
) -> None:
    missing = _lacks(authorizer, user, namespace, rules)
    if missing:
        raise _escalating(user, resource, name, missing)


def _escalating(user: User, resource: str, name: str, missing: Sequence[Rule]) -> ApiError:
    rows = "\n".join(sorted(map(told, compacted(missing))))
    why = (
        f"user {shown(user.name)} (groups={quoted(user.groups)}) is attempting to grant RBAC permissions "
        f"not currently held:\n{rows}"
    )
    return forbidden(resource, name, why)
