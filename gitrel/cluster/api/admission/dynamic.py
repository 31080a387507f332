"""Admission that is configured by objects: webhooks and policies, kept in step with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitrel.cluster.api.admission.matching import CONFIGURATION_GROUP as GROUP
from gitrel.cluster.api.admission.plugin import Plugin
from gitrel.cluster.api.admission.policies import mutating, validating
from gitrel.cluster.api.admission.policies.policy import Policies
from gitrel.cluster.api.admission.policies.validating import Surroundings
from gitrel.cluster.api.admission.webhooks import dispatch
from gitrel.cluster.api.admission.webhooks.calls import WebhookCaller
from gitrel.cluster.api.admission.webhooks.hook import MUTATING, VALIDATING, Hooks
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.controllers.controller import Change, Kinds
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.store.store import Store

_VALIDATING, _MUTATING = "validatingadmission", "mutatingadmission"


class DynamicAdmission:
    """One per cluster; `plugins` stand where Kubernetes has its own of these names."""

    def __init__(
        self,
        store: Store,
        caller: WebhookCaller,
        authorizer: Callable[[], Authorizer],
        randomness: Randomness,
        changed: Callable[[], None],
        kinds: Callable[[], Kinds],
    ) -> None:
        """`changed` is called when other writes than before may have to be asked about."""
        self._hooks = (Hooks(MUTATING, store, changed), Hooks(VALIDATING, store, changed))
        around = dispatch.Surroundings(caller, authorizer, lambda: randomness.uid("review"))
        self._judging = Policies(
            f"{_VALIDATING}policies.{GROUP}", f"{_VALIDATING}policybindings.{GROUP}", store, changed
        )
        self._changing = Policies(
            f"{_MUTATING}policies.{GROUP}", f"{_MUTATING}policybindings.{GROUP}", store, changed
        )
        look = Surroundings(authorizer, kinds)
        self.plugins: Sequence[Plugin] = (
            mutating.plugin(self._changing, look),
            validating.plugin(self._judging, look),
            *dispatch.plugins(*self._hooks, around),
        )

    def on_change(self, change: Change) -> None:
        if change.resource.endswith(GROUP):
            for part in (*self._hooks, self._judging, self._changing):
                part.on_change(change)

    def calls_webhooks(self) -> bool:
        return any(hooks.all for hooks in self._hooks)
