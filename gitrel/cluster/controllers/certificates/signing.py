"""Signs what is approved for one of the cluster's own signers (`pkg/controller/certificates/signer`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from gitrel.clock import format_instant
from gitrel.cluster.controllers.certificates import signers
from gitrel.cluster.controllers.certificates.signers import Authority
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.kinds.certificates import RESOURCE
from gitrel.kube.conditions import is_true, with_condition
from gitrel.kube.identity import Object


class SigningController:
    name = "csrsigning"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {RESOURCE: own_key}

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def reconcile(self, key: Key, context: Context) -> None:
        request = context.read.get(RESOURCE, "", key.name)
        if request is None or not is_true(request, "Approved") or is_true(request, "Failed"):
            return
        spec, status = request["spec"], request["status"]
        if status.get("certificate") or spec["signerName"] not in signers.OWN:
            return
        try:
            new = {**status, "certificate": self._signed(spec, context.now)}
        except ValueError as refused:
            now = format_instant(context.now.replace(microsecond=0))
            conditions = with_condition(
                status.get("conditions"),
                "Failed",
                "True",
                now=now,
                reason="SignerValidationFailure",
                message=str(refused),
            )
            new = {**status, "conditions": conditions}
        context.write.update_status(RESOURCE, {**request, "status": new})

    def _signed(self, spec: Object, now: datetime) -> str:
        """Raises ValueError saying why this signer does not sign this."""
        requested = self._authority.read(spec["request"])
        if why := signers.refusal(spec["signerName"], requested, spec["usages"]):
            raise ValueError(why)
        lasts = signers.lasts(spec.get("expirationSeconds"))
        return self._authority.sign(spec["request"], spec["usages"], lasts, now)
