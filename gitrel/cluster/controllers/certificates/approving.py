"""Approves what a kubelet asks for itself, where policy lets it (`pkg/controller/certificates/approver`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.clock import format_instant
from gitrel.cluster.api.rbac.attributes import Attributes
from gitrel.cluster.api.rbac.authorizer import AlwaysAllow, Authorizer, RbacAuthorizer
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.controllers.certificates import signers
from gitrel.cluster.controllers.certificates.signers import Authority
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.kinds.certificates import RESOURCE
from gitrel.kube.conditions import with_condition
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_SAYS = {
    "selfnodeclient": "Auto approving self kubelet client certificate after SubjectAccessReview.",
    "nodeclient": "Auto approving kubelet client certificate after SubjectAccessReview.",
}


class ApprovingController:
    name = "csrapproving"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {RESOURCE: own_key}

    def __init__(self, authority: Authority, authorization: str) -> None:
        """`authorization` as `--authorization` has it."""
        self._authority = authority
        self._everything_goes = "AlwaysAllow" in authorization

    def reconcile(self, key: Key, context: Context) -> None:
        request = context.read.get(RESOURCE, "", key.name)
        if request is None or is_decided(request) or get(request, "status", "certificate"):
            return
        if get(request, "spec", "signerName") != signers.KUBELET_CLIENT:
            return
        spec = request["spec"]
        try:
            requested = self._authority.read(spec["request"])
        except ValueError:
            return  # the signer says what is wrong with it, once somebody approves it
        if signers.refusal(signers.KUBELET_CLIENT, requested, spec["usages"]):
            return
        # Asked anew each time: a request is rare, and what a role allows may have changed since.
        authorizer: Authorizer = AlwaysAllow() if self._everything_goes else RbacAuthorizer(context.read)
        for permission in ("selfnodeclient", "nodeclient"):
            itself = spec.get("username") == requested.common_name
            if (itself or permission == "nodeclient") and _may(authorizer, spec, permission):
                _approve(request, _SAYS[permission], context)
                return


def is_decided(request: Object) -> bool:
    conditions = get(request, "status", "conditions", default=())
    return any(row["type"] in ("Approved", "Denied") for row in conditions)


def _may(authorizer: Authorizer, spec: Object, permission: str) -> bool:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    user = User(spec.get("username") or "", spec.get("groups") or (), spec.get("uid") or "", extra)
    group = "certificates.k8s.io"
    asked = Attributes("create", group, "certificatesigningrequests", permission)
    return authorizer.decide(user, asked).allowed


def _approve(request: Object, message: str, context: Context) -> None:
    status = request.get("status") or {}
    now = format_instant(context.now.replace(microsecond=0))
    conditions = with_condition(
        status.get("conditions"), "Approved", "True", now=now, reason="AutoApproved", message=message
    )
    approved = {**request, "status": {**status, "conditions": conditions}}
    context.write.update_subresource(RESOURCE, "approval", approved)
