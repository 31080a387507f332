"""Admission that is configured by objects: webhooks and policies, kept in step with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitrel.cluster.api.admission.plugin import Plugin
from gitrel.cluster.api.admission.webhooks import dispatch
from gitrel.cluster.api.admission.webhooks.calls import WebhookCaller
from gitrel.cluster.api.admission.webhooks.hook import MUTATING, VALIDATING, Hooks
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.store.store import Store


class DynamicAdmission:
    """One per cluster; `plugins` stand where Kubernetes has its own of these names."""

    def __init__(
        self,
        store: Store,
        caller: WebhookCaller,
        authorizer: Callable[[], Authorizer],
        randomness: Randomness,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called when other writes than before may have to be asked about."""
        self._hooks = (Hooks(MUTATING, store, changed), Hooks(VALIDATING, store, changed))
        around = dispatch.Surroundings(caller, authorizer, lambda: randomness.uid("review"))
        self.plugins: Sequence[Plugin] = dispatch.plugins(*self._hooks, around)

    def on_change(self, change: Change) -> None:
        for hooks in self._hooks:
            hooks.on_change(change)

    def calls_webhooks(self) -> bool:
        return any(hooks.all for hooks in self._hooks)
