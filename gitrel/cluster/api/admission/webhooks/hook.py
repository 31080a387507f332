"""One webhook as its configuration has it, ready to be asked; and all of them, in step with the store."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.admission.conditions import Conditions
from gitrel.cluster.api.admission.matching import CONFIGURATION_GROUP, Match
from gitrel.cluster.api.admission.plugin import Operation
from gitrel.cluster.controllers.controller import Change, Reader
from gitrel.kube.identity import Object

MUTATING = f"mutatingwebhookconfigurations.{CONFIGURATION_GROUP}"
VALIDATING = f"validatingwebhookconfigurations.{CONFIGURATION_GROUP}"


@dataclass(frozen=True, slots=True)
class Hook:
    name: str
    place: str
    """`configuration/name/number`: unique."""
    match: Match
    conditions: Conditions
    ignores_failures: bool
    reinvoked: bool
    timeout_seconds: int
    review_version: str
    client: Mapping[str, Any]
    authorities: bytes | None


def hooks_of(configuration: Object) -> Sequence[Hook]:
    found = []
    for number, spec in enumerate(configuration.get("webhooks") or ()):
        client = spec.get("clientConfig") or {}
        bundle = client.get("caBundle")
        fails = spec.get("failurePolicy") != "Ignore"
        found.append(
            Hook(
                spec["name"],
                f"{configuration['metadata']['name']}/{spec['name']}/{number}",
                Match.of(spec, "rules"),
                Conditions.of(spec.get("matchConditions") or (), fails=fails),
                not fails,
                spec.get("reinvocationPolicy") == "IfNeeded",
                spec.get("timeoutSeconds") or 10,
                _spoken(spec.get("admissionReviewVersions") or ()),
                client,
                b64decode(bundle) if bundle else None,
            )
        )
    return found


def _spoken(versions: Sequence[str]) -> str:
    """The first that the API server speaks, too."""
    return next((version for version in versions if version in ("v1", "v1beta1")), "v1")


class Hooks:
    """Those of one resource of configurations, in the order of the configurations' names."""

    def __init__(self, resource: str, read: Reader, changed: Callable[[], None]) -> None:
        """`changed` is called when other writes than before may be asked about."""
        self._resource = resource
        self._read = read
        self._changed = changed
        self.all: Sequence[Hook] = ()
        self._load()

    def _load(self) -> None:
        self.all = tuple(
            hook
            for configuration in self._read.list(self._resource)
            for hook in hooks_of(configuration)
            # Without rules a webhook is for nothing, where a policy would be for everything.
            if hook.match.rules
        )

    def on_change(self, change: Change) -> None:
        if change.resource == self._resource:
            self._load()
            self._changed()

    def ask(self, resource: str, subresource: str, operation: Operation) -> bool:
        return any(hook.match.may_ask(resource, subresource, operation) for hook in self.all)
