"""Asking who may do what (apiserver `pkg/cel/library/authz.go`): `authorizer.group('').resource('pods')…`.

Whoever evaluates brings the one who decides; without that there is no `authorizer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from gitrel.kube.cel import types
from gitrel.kube.cel.library import TABLE, method
from gitrel.kube.cel.types import Type
from gitrel.kube.cel.values import CelError

_A = "kubernetes.authorization.Authorizer"
_PATH = "kubernetes.authorization.PathCheck"
_GROUP = "kubernetes.authorization.GroupCheck"
_RESOURCE = "kubernetes.authorization.ResourceCheck"
_DECISION = "kubernetes.authorization.Decision"


class Question(NamedTuple):
    """`account` is (namespace, name) of the service account that is asked about; None for who asks.

    `path` alone is set where no resource is meant.
    """

    verb: str = ""
    account: tuple[str, str] | None = None
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`failure` where it could not be found out."""

    is_allowed: bool
    why: str = ""
    failure: str = ""
    cel_type = _DECISION


Decide = Callable[[Question], Decision]


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question as far as it has been put, and who decides it."""

    decide: Decide
    question: Question

    def put(self, question: Question) -> Self:
        """The same with more of the question put."""
        return replace(self, question=question)


@dataclass(frozen=True, slots=True)
class Resource(_Asking):
    cel_type = _RESOURCE


@dataclass(frozen=True, slots=True)
class Authorizer(_Asking):
    """`about` is what `authorizer.requestResource` starts from."""

    about: Question
    cel_type = _A

    @property
    def cel_fields(self) -> Mapping[str, Resource]:
        return {"requestResource": Resource(self.decide, self.about)}


@dataclass(frozen=True, slots=True)
class Group(_Asking):
    cel_type = _GROUP


@dataclass(frozen=True, slots=True)
class Path(_Asking):
    cel_type = _PATH


TYPE = Type(_A, fields={"requestResource": types.named(_RESOURCE)}.get)


@method("path", f"{_A} string -> {_PATH}")
def path(one: Authorizer, text: str) -> Path:
    return Path(one.decide, one.question._replace(path=text))


@method("group", f"{_A} string -> {_GROUP}")
def group(one: Authorizer, text: str) -> Group:
    return Group(one.decide, one.question._replace(group=text))


@method("serviceAccount", f"{_A} string string -> {_A}")
def service_account(one: Authorizer, namespace: str, name: str) -> Authorizer:
    if not namespace or not name:
        raise CelError("Invalid service account name")
    account = (namespace, name)
    about = one.about._replace(account=account)
    return replace(one, question=one.question._replace(account=account), about=about)


@method("resource", f"{_GROUP} string -> {_RESOURCE}")
def resource(one: Group, text: str) -> Resource:
    return Resource(one.decide, one.question._replace(resource=text))


@method("subresource", f"{_RESOURCE} string -> {_RESOURCE}")
def subresource(one: Resource, text: str) -> Resource:
    return one.put(one.question._replace(subresource=text))


@method("namespace", f"{_RESOURCE} string -> {_RESOURCE}")
def namespace(one: Resource, text: str) -> Resource:
    return one.put(one.question._replace(namespace=text))


@method("name", f"{_RESOURCE} string -> {_RESOURCE}")
def name(one: Resource, text: str) -> Resource:
    return one.put(one.question._replace(name=text))


for _selector in ("fieldSelector", "labelSelector"):
    # RBAC grants without regard to selectors, so they change no answer.
    TABLE.add(_selector, f"{_RESOURCE} string -> {_RESOURCE}", lambda one, _: one, method=True)


@method("check", f"{_RESOURCE} string -> {_DECISION}", f"{_PATH} string -> {_DECISION}")
def check(one: Resource | Path, verb: str) -> Decision:
    return one.decide(one.question._replace(verb=verb))


@method("allowed", f"{_DECISION} -> bool")
def allowed(one: Decision) -> bool:
    return one.is_allowed


@method("reason", f"{_DECISION} -> string")
def reason(one: Decision) -> str:
    return one.why


@method("errored", f"{_DECISION} -> bool")
def errored(one: Decision) -> bool:
    return bool(one.failure)


@method("error", f"{_DECISION} -> string")
def error(one: Decision) -> str:
    return one.failure
