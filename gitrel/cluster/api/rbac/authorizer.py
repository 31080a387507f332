"""Decides whether a user may do something, from the roles and bindings that are stored, and tells why.

Kubernetes `plugin/pkg/auth/authorizer/rbac`. Nothing is ever denied: what no rule grants is not allowed.
Subscribe `on_change` to the store: decisions are remembered until a role or a binding changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gitrel.cluster.api.errors import shown
from gitrel.cluster.api.rbac.attributes import Attributes, refusal
from gitrel.cluster.api.rbac.rules import Rule, allows
from gitrel.cluster.api.rbac.user import MASTERS, User, account_of
from gitrel.cluster.controllers.controller import Change, Reader
from gitrel.kube.identity import Object

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"roles.{GROUP}", f"clusterroles.{GROUP}"
ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS = f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"

_DECISIONS_MAX = 10_000


class Decision(NamedTuple):
    """`reason` tells what allows it, or why that could not be found out."""

    allowed: bool
    reason: str = ""


class Granted(NamedTuple):
    """One rule that applies to a user, and the words for where it comes from."""

    rule: Rule
    source: str


class Authorizer(Protocol):
    def decide(self, user: User, attributes: Attributes) -> Decision: ...

    def rules_of(self, user: User, namespace: str) -> Sequence[Rule]:
        """Every rule that applies to the user in the namespace; at the cluster's scope where it is empty."""
        ...


def check(authorizer: Authorizer, user: User, attributes: Attributes) -> None:
    """Raises ApiError 403 where it is not allowed."""
    decision = authorizer.decide(user, attributes)
    if not decision.allowed:
        raise refusal(user, attributes, decision.reason)


class AlwaysAllow:
    """The API server's `--authorization-mode=AlwaysAllow`."""

    def decide(self, user: User, attributes: Attributes) -> Decision:
        return Decision(True)

    def rules_of(self, user: User, namespace: str) -> Sequence[Rule]:
        return (
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        )


class RbacAuthorizer:
    """One per cluster."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._decisions: dict[tuple[User, Attributes], Decision] = {}

    def on_change(self, change: Change) -> None:
        if self._decisions and change.resource.endswith(GROUP):
            self._decisions.clear()

    def decide(self, user: User, attributes: Attributes) -> Decision:
        """Members of `system:masters` may do everything, even where no policy is left."""
        if MASTERS in user.groups:
            return Decision(True)
        key = (user, attributes)
        known = self._decisions.get(key)
        if known is None:
            if len(self._decisions) >= _DECISIONS_MAX:
                self._decisions.clear()
            known = self._decisions[key] = self._decide(user, attributes)
        return known

    def _decide(self, user: User, attributes: Attributes) -> Decision:
        missing: list[str] = []
        for granted in self._granted(user, attributes.namespace, missing):
            if allows(granted.rule, attributes):
                return Decision(True, f"RBAC: allowed by {granted.source}")
        if not missing:
            return Decision(False)
        return Decision(False, "RBAC: " + (missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"))

    def rules_of(self, user: User, namespace: str) -> Sequence[Rule]:
        return [granted.rule for granted in self._granted(user, namespace, [])]

    def _granted(self, user: User, namespace: str, missing: list[str]) -> Iterator[Granted]:
        """Cluster-wide rules first; what is bound but not there is added to `missing`."""
        for binding in self._read.list(CLUSTER_ROLE_BINDINGS):
            yield from self._of_binding(binding, user, "", missing)
        if namespace:
            for binding in self._read.list(ROLE_BINDINGS, namespace):
                yield from self._of_binding(binding, user, namespace, missing)

    def _of_binding(
        self, binding: Object, user: User, namespace: str, missing: list[str]
    ) -> Iterator[Granted]:
        subjects = binding.get("subjects") or ()
        subject = next((one for one in subjects if applies(one, user, namespace)), None)
        if subject is None:
            return
        ref, rules = binding["roleRef"], self.referenced(binding["roleRef"], namespace)
        if rules is None:
            missing.append(f"{ref['kind'].lower()}.{GROUP} {shown(ref['name'])} not found")
            return
        name = binding["metadata"]["name"]
        bound = (
            f"RoleBinding {shown(f'{name}/{namespace}')}"
            if namespace
            else f"ClusterRoleBinding {shown(name)}"
        )
        source = f"{bound} of {ref['kind']} {shown(ref['name'])} to {_told(subject, namespace)}"
        for rule in rules:
            yield Granted(rule, source)

    def referenced(self, ref: Mapping[str, Any], namespace: str) -> Sequence[Rule] | None:
        """The rules of the role that a binding names; None where there is no such role."""
        if ref["kind"] == "ClusterRole":
            role = self._read.get(CLUSTER_ROLES, "", ref["name"])
        else:
            role = self._read.get(ROLES, namespace, ref["name"])
        return None if role is None else role.get("rules") or ()


def applies(subject: Mapping[str, Any], user: User, namespace: str) -> bool:
    """Whether a binding's subject is the user, or a group that the user is in."""
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return bool(place) and account_of(user.name) == (place, subject["name"])
    return False


def _told(subject: Mapping[str, Any], namespace: str) -> str:
    if subject["kind"] == "ServiceAccount":
        place = subject.get("namespace") or namespace
        return f"ServiceAccount {shown(subject['name'] + '/' + place)}"
    return f"{subject['kind']} {shown(subject['name'])}"
