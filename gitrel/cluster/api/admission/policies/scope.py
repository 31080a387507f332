"""One evaluation of a policy for one parameter: what its expressions see, and the steps that are left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gitrel.cluster.api.admission.conditions import OUT_OF_BUDGET, Condition
from gitrel.cluster.api.admission.declared import ALL_STEPS, PER_CALL_STEPS
from gitrel.cluster.api.admission.environment import Environment
from gitrel.cluster.api.admission.matching import Place
from gitrel.cluster.api.admission.plugin import Attributes
from gitrel.cluster.api.admission.policies.policy import Binding, Policy
from gitrel.cluster.controllers.controller import Kinds
from gitrel.kube import selectors
from gitrel.kube.cel.values import CelError, Lazy, OverBudget
from gitrel.kube.identity import Object


class Misconfigured(Exception):
    """The policy or the binding cannot be evaluated at all."""


class Scope:
    """`params` is None where there are none."""

    def __init__(self, policy: Policy, environment: Environment, params: Object | None) -> None:
        self._left = ALL_STEPS
        makers = {name: self._maker(name, expression) for name, expression in policy.variables}
        self.variables: dict[str, Any] = {
            **environment.variables,
            "namespaceObject": environment.namespace_object,
            "params": params,
            "variables": Lazy(makers),
        }

    def _maker(self, name: str, expression: Condition) -> Callable[[], Any]:
        def make() -> Any:
            try:
                return self.value(expression)
            except CelError as wrong:
                raise CelError(f'composited variable "{name}" fails to evaluate: {wrong}') from None

        return make

    def value(self, expression: Condition) -> Any:
        """Raises CelError."""
        if expression.program is None:
            raise CelError(expression.fault)
        if self._left <= 0:
            raise CelError(OUT_OF_BUDGET)
        limit = min(self._left, PER_CALL_STEPS)
        try:
            value, steps = expression.program.run(self.variables, limit)
        except OverBudget as wrong:
            self._left -= limit
            raise CelError(str(wrong)) from None
        self._left -= steps
        return value


def told(expression: Condition, wrong: object) -> str:
    return f"expression '{expression.text}' resulted in error: {wrong}"


def meant(policy: Policy, attributes: Attributes, obj: Object) -> Iterator[tuple[Binding, Place]]:
    """The bindings that are for this write, with the version in which the policy means it."""
    at = policy.match.found(attributes, obj)
    if at is None:
        return
    for binding in policy.bindings:
        if binding.match is None or binding.match.found(attributes, obj) is not None:
            yield binding, at


NONE_FOUND = (
    "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
)


def params_of(policy: Policy, binding: Binding, attributes: Attributes, kinds: Kinds) -> list[Object | None]:
    """What the policy is evaluated with, once for each; empty where nothing is there and that is fine.

    Raises Misconfigured.
    """
    if policy.param_kind is None:
        return [None]
    kind = kinds.find(*policy.param_kind)
    if kind is None:
        wanted = "{}, Kind={}".format(*policy.param_kind)
        raise Misconfigured(
            f"failed to configure policy: failed to find resource referenced by paramKind: '{wanted}'"
        )
    ref = binding.param_ref
    if ref is None:
        return [None]
    namespace = ref.get("namespace") or ""
    if not kind.namespaced and namespace:
        raise Misconfigured(
            "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped "
            "`paramKind`"
        )
    if kind.namespaced and not namespace:
        namespace = attributes.namespace
        if not namespace:
            raise Misconfigured(
                "failed to configure binding: cannot use namespaced paramRef in policy binding that matches "
                "cluster-scoped resources"
            )
    found: list[Object | None] = []
    if name := ref.get("name"):
        one = attributes.read.get(kind.resource, namespace, name)
        found = [] if one is None else [kind.in_version(one, policy.param_kind[0])]
    else:
        selector = selectors.from_object(ref.get("selector"))
        for one in attributes.read.list(kind.resource, namespace if kind.namespaced else None):
            if selectors.matches(selector, one["metadata"].get("labels") or {}):
                found.append(kind.in_version(one, policy.param_kind[0]))
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured(NONE_FOUND)
    return found
