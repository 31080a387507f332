"""Tells in the status of a ValidatingAdmissionPolicy which expressions do not fit the kinds it is for.

`pkg/controller/validatingadmissionpolicystatus`: once for each generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.api.admission.policies.typechecking import warnings
from gitrel.cluster.controllers.controller import Change, Context, Key, Kinds, Reader

POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"


class AdmissionPolicyStatusController:
    """Keys: the names of policies. Without kinds (nobody called `discover`) nothing can be said."""

    name = "validatingadmissionpolicy-status"

    def __init__(self) -> None:
        self._kinds: Kinds | None = None
        self.watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]] | None] = {POLICIES: _woken}

    def discover(self, kinds: Kinds) -> None:
        self._kinds = kinds

    def reconcile(self, key: Key, context: Context) -> None:
        policy = context.read.get(POLICIES, "", key.name)
        if policy is None or self._kinds is None:
            return
        generation = policy["metadata"]["generation"]
        if (policy.get("status") or {}).get("observedGeneration", 0) >= generation:
            return
        found = warnings(policy, self._kinds)
        checked = {"expressionWarnings": list(found)} if found else {}
        status = {"observedGeneration": generation, "typeChecking": checked}
        context.write.update_status(POLICIES, {**policy, "status": status})


def _woken(change: Change, read: Reader) -> Iterable[Key]:
    return [Key("", change.new["metadata"]["name"])] if change.type != "DELETED" else ()
