"""Answers to the questions about access: the four reviews of authorization.k8s.io, and who one is.

Kubernetes `pkg/registry/authorization` and `pkg/registry/authentication/selfsubjectreview`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitrel.cluster.api.rbac.attributes import Attributes
from gitrel.cluster.api.rbac.authorizer import Authorizer, Decision
from gitrel.cluster.api.rbac.user import User
from gitrel.kube.identity import Object

_MAY, _WHO = "authorization.k8s.io", "authentication.k8s.io"


def answered(authorizer: Authorizer, resource: str, question: Object, user: User) -> Object:
    """The review with its status. Raises KeyError for a resource that is none of these."""
    return ANSWERS[resource](authorizer, question, user)


def _subject(authorizer: Authorizer, question: Object, user: User) -> Object:
    spec = question["spec"]
    extra = {key.lower(): tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    about = User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)
    return {**question, "status": _status(authorizer.decide(about, asked(spec)))}


def _self(authorizer: Authorizer, question: Object, user: User) -> Object:
    return {**question, "status": _status(authorizer.decide(user, asked(question["spec"])))}


def asked(spec: Mapping[str, Any]) -> Attributes:
    """What a review's spec is about."""
    resource = spec.get("resourceAttributes")
    if resource is None:
        other = spec.get("nonResourceAttributes") or {}
        return Attributes(other.get("verb") or "", path=other.get("path") or "/")
    return Attributes(
        resource.get("verb") or "",
        resource.get("group") or "",
        resource.get("resource") or "",
        resource.get("subresource") or "",
        resource.get("namespace") or "",
        resource.get("name") or "",
    )


def _status(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = {"allowed": decision.allowed}
    if decision.reason:
        found["reason"] = decision.reason
    return found


def _rules(authorizer: Authorizer, question: Object, user: User) -> Object:
    """Everything that the user may do in a namespace, as `kubectl auth can-i --list` shows it."""
    rules = authorizer.rules_of(user, question["spec"]["namespace"])
    status = {
        "resourceRules": [
            {
                key: list(rule[key])
                for key in ("verbs", "apiGroups", "resources", "resourceNames")
                if rule.get(key)
            }
            for rule in rules
            if rule.get("resources")
        ],
        "nonResourceRules": [
            {key: list(rule[key]) for key in ("verbs", "nonResourceURLs")}
            for rule in rules
            if rule.get("nonResourceURLs")
        ],
        "incomplete": False,
    }
    return {**question, "status": status}


def _whoami(authorizer: Authorizer, question: Object, user: User) -> Object:
    return {**question, "status": {"userInfo": user.info()}}


ANSWERS: Mapping[str, Callable[[Authorizer, Object, User], Object]] = {
    f"subjectaccessreviews.{_MAY}": _subject,
    f"localsubjectaccessreviews.{_MAY}": _subject,
    f"selfsubjectaccessreviews.{_MAY}": _self,
    f"selfsubjectrulesreviews.{_MAY}": _rules,
    f"selfsubjectreviews.{_WHO}": _whoami,
}
