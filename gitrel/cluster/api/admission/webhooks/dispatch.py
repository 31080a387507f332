"""Asking webhooks: mutating ones one after the other, each seeing what the ones before it made; validating
ones all at once (apiserver `pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.conditions import holds
from gitrel.cluster.api.admission.environment import Environment
from gitrel.cluster.api.admission.matching import Place
from gitrel.cluster.api.admission.plugin import ALWAYS, Attributes, Operation, Plugin
from gitrel.cluster.api.admission.review import object_for, review
from gitrel.cluster.api.admission.rounds import Rounds
from gitrel.cluster.api.admission.takingin import taken_in
from gitrel.cluster.api.admission.webhooks.addresses import where
from gitrel.cluster.api.admission.webhooks.answers import Failed, Verdict, refusal, verdict
from gitrel.cluster.api.admission.webhooks.calls import Answer, Call, NoCaller, Unreachable, WebhookCaller
from gitrel.cluster.api.admission.webhooks.hook import Hook, Hooks
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.moved import refuse_moved
from gitrel.cluster.api.patch import json_patch
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.kube.identity import Object

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What asking needs of the cluster."""

    caller: WebhookCaller
    authorizer: Callable[[], Authorizer]
    new_uid: Callable[[], str]


class Asked(NamedTuple):
    """A webhook that is for this write, with its call, or why there can be none."""

    hook: Hook
    uid: str
    call: Call | Unreachable


def plugins(mutating: Hooks, validating: Hooks, around: Surroundings) -> Sequence[Plugin]:
    """Both of Kubernetes' plugins; they cost nothing where no configuration is for a write."""

    def admit(attributes: Attributes, obj: Object) -> Object:
        return _mutated(mutating.all, attributes, obj, around)

    def validate(attributes: Attributes, obj: Object) -> None:
        _validate(validating.all, attributes, obj, around)

    def anybody(resource: str, subresource: str, operation: Operation) -> bool:
        return mutating.ask(resource, subresource, operation) or validating.ask(
            resource, subresource, operation
        )

    return (
        Plugin("MutatingAdmissionWebhook", {}, admit=admit, asks=mutating.ask),
        Plugin("ValidatingAdmissionWebhook", {}, validate=validate, asks=validating.ask),
        Plugin(ALWAYS, {}, validate=_still_there, asks=anybody),
    )


def _still_there(attributes: Attributes, obj: Object) -> None:
    """Before quotas are charged. Raises Moved."""
    if attributes.course.called_out and obj.get("kind") == attributes.kind.kind:
        refuse_moved(attributes.read, attributes.kind.resource, obj, attributes.old)


# --- mutating ---------------------------------------------------------------------------------------------


def _mutated(hooks: Sequence[Hook], attributes: Attributes, obj: Object, around: Surroundings) -> Object:
    course = attributes.course
    rounds: Rounds = course.rounds.setdefault("webhooks", Rounds())
    if course.again and rounds.last is not None and rounds.last != obj:
        # The plugins of the second round changed it: everybody who wants to is asked again.
        rounds.require_again()
    for hook in hooks:
        if course.again and hook.place not in rounds.again:
            continue
        asked = _asked(hook, attributes, obj, around)
        if asked is None:
            continue
        changed = _changed(asked, attributes, obj, around)
        if changed is not None:
            obj = changed
            rounds.require_again()
            course.changed = course.wants_again = True
        if hook.reinvoked:
            rounds.asked.add(hook.place)
    rounds.last = obj
    return obj


def _changed(asked: Asked, attributes: Attributes, obj: Object, around: Surroundings) -> Object | None:
    """The object as the webhook wants it, or None where it lets it be. Raises ApiError."""
    hook = asked.hook
    try:
        found = verdict(
            hook.name, _called([asked], attributes, around)[0], asked.uid, hook.review_version, mutating=True
        )
    except Failed as wrong:
        _let_pass(hook, wrong, attributes, around)
        return None
    _heard(hook, found, attributes)
    if not found.allowed:
        raise refusal(hook.name, found.status)
    if not found.patch:
        return None
    if attributes.operation == "DELETE":
        says = "attempted to modify the object, which is not supported for this operation"
        raise errors.internal(f"admission webhook {errors.shown(hook.name)} {says}")
    at = hook.match.found(attributes, obj)
    new = _patched(attributes, obj, at, found.patch) if at else obj
    return None if new == obj else new


def _patched(attributes: Attributes, obj: Object, at: Place, steps: Sequence[object]) -> Object:
    """Patched in the webhook's version, decoded like anything from outside, defaulted, and brought back."""
    seen = object_for(attributes, obj, at)
    try:
        return taken_in(attributes, json_patch(seen, list(steps)))
    except ApiError as wrong:
        raise errors.internal(wrong.message) from None


# --- validating -------------------------------------------------------------------------------------------


def _validate(hooks: Sequence[Hook], attributes: Attributes, obj: Object, around: Surroundings) -> None:
    """The first refusal, in the order of the webhooks, is what is told."""
    asked = [one for hook in hooks if (one := _asked(hook, attributes, obj, around)) is not None]
    refusals = []
    for one, outcome in zip(asked, _called(asked, attributes, around), strict=True):
        hook = one.hook
        try:
            found = verdict(hook.name, outcome, one.uid, hook.review_version, mutating=False)
            _heard(hook, found, attributes)
            if not found.allowed:
                refusals.append(refusal(hook.name, found.status))
        except Failed as wrong:
            try:
                _let_pass(hook, wrong, attributes, around)
            except ApiError as refused:
                refusals.append(refused)
    if refusals:
        raise refusals[0]


# --- alike ------------------------------------------------------------------------------------------------


def _asked(hook: Hook, attributes: Attributes, obj: Object, around: Surroundings) -> Asked | None:
    """The call to a webhook that is for this write; None for any other. Raises ApiError."""
    at = hook.match.found(attributes, obj)
    if at is None:
        return None
    environment = Environment(attributes, obj, at, around.authorizer)
    if not holds(hook.conditions, environment, attributes):
        return None
    uid = around.new_uid()
    body = orjson.dumps(review(uid, f"admission.k8s.io/{hook.review_version}", attributes, obj, at))
    found = where(hook.client, hook.timeout_seconds, attributes.read)
    if isinstance(found, Unreachable):
        return Asked(hook, uid, found)
    call = Call(found.url, body, hook.timeout_seconds, hook.authorities, found.address)
    return Asked(hook, uid, call)


def _called(
    asked: Sequence[Asked], attributes: Attributes, around: Surroundings
) -> Sequence[Answer | Unreachable]:
    calls = [one.call for one in asked if isinstance(one.call, Call)]
    outcomes = iter(around.caller.call(calls) if calls else ())
    attributes.course.called_out |= bool(calls)
    return [next(outcomes) if isinstance(one.call, Call) else one.call for one in asked]


def _let_pass(hook: Hook, wrong: Failed, attributes: Attributes, around: Surroundings) -> None:
    """Where failures are ignored. Raises ApiError 500 where they are not."""
    if not hook.ignores_failures:
        raise errors.internal(str(wrong))
    if isinstance(around.caller, NoCaller):
        attributes.warn(str(wrong))
    attributes.annotate(f"failed-open.webhook.admission.k8s.io/{hook.place}", hook.name)


def _heard(hook: Hook, found: Verdict, attributes: Attributes) -> None:
    for text in found.warnings:
        attributes.warn(text)
    for key, value in found.notes.items():
        attributes.annotate(f"{hook.name}/{key}", value)
