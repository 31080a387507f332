"""Puts authorization to work in a cluster: the authorizer of its spec, and what it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.rbac import escalation, reviews
from gitrel.cluster.api.rbac.attributes import Attributes
from gitrel.cluster.api.rbac.authorizer import AlwaysAllow, Authorizer, Decision, RbacAuthorizer
from gitrel.cluster.api.rbac.rules import Rule
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.store.store import Store
from gitrel.errors import UsageError
from gitrel.kube.identity import Object

MODES = ("AlwaysAllow", "RBAC")


class Union:
    """Asks several, in order: the first that allows decides."""

    def __init__(self, parts: Sequence[Authorizer]) -> None:
        self._parts = parts

    def decide(self, user: User, attributes: Attributes) -> Decision:
        reasons = []
        for part in self._parts:
            decision = part.decide(user, attributes)
            if decision.allowed:
                return decision
            reasons.append(decision.reason)
        return Decision(False, "\n".join(filter(None, reasons)))

    def rules_of(self, user: User, namespace: str) -> Sequence[Rule]:
        return [rule for part in self._parts for rule in part.rules_of(user, namespace)]


def _modes(text: str) -> Sequence[str]:
    modes = [mode.strip() for mode in text.split(",")]
    for mode in modes:
        if mode not in MODES:
            raise UsageError(f"authorization mode {mode!r} is not known (have: {', '.join(MODES)})")
    return modes


def uses_roles(modes: str) -> bool:
    return "RBAC" in _modes(modes)


def authorizer(modes: str, store: Store) -> Authorizer:
    """`modes` as `--authorization-mode` takes them. Raises UsageError."""
    parts: list[Authorizer] = []
    for mode in _modes(modes):
        if mode == "RBAC":
            roles = RbacAuthorizer(store)
            store.subscribe(roles.on_change)
            parts.append(roles)
        else:
            parts.append(AlwaysAllow())
    return parts[0] if len(parts) == 1 else Union(parts)


def guard(handler: Handler, decides: Authorizer) -> None:
    """Lets the handler answer reviews, and refuse roles and bindings that grant too much."""

    def answering(resource: str) -> None:
        handler.answers[resource] = lambda question, request: reviews.answered(
            decides, resource, question, request.user
        )

    def guarding(resource: str) -> None:
        def check(new: Object, old: Object | None, request: Request) -> None:
            escalation.check(decides, handler.store, request.user, resource, new, old)

        handler.guards[resource] = check

    for resource in reviews.ANSWERS:
        answering(resource)
    for resource in escalation.GUARDED:
        guarding(resource)
