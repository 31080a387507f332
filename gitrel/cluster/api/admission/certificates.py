"""CertificateApproval and CertificateSigning: who may decide on a request, and who may sign one.

`plugin/pkg/admission/certificates`: the user needs the verb `approve` or `sign` on the request's signer, by
its full name or by `domain/*`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitrel.cluster.api.admission.plugin import Attributes, Plugin, Validate
from gitrel.cluster.api.errors import shown
from gitrel.cluster.api.rbac.attributes import Attributes as Asked
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.kinds.certificates import RESOURCE
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_GROUP = "certificates.k8s.io"


def plugins(authorizer: Callable[[], Authorizer]) -> Sequence[Plugin]:
    def permitted(verb: str, attributes: Attributes) -> None:
        """Raises ApiError 403."""
        assert attributes.old is not None
        signer = get(attributes.old, "spec", "signerName", default="")
        domain = signer.partition("/")[0]
        for name in (signer, f"{domain}/*"):
            asked = Asked(verb, _GROUP, "signers", name=name)
            if authorizer().decide(attributes.user, asked).allowed:
                return
        why = f"user not permitted to {verb} requests with signerName {shown(signer)}"
        raise attributes.forbidden(why)

    def approves(attributes: Attributes, obj: Object) -> None:
        permitted("approve", attributes)

    def signs(attributes: Attributes, obj: Object) -> None:
        before, after = (get(o, "status", "certificate") for o in (attributes.old, obj))
        if before != after:
            permitted("sign", attributes)

    def plugin(name: str, subresource: str, validate: Validate) -> Plugin:
        return Plugin(name, {f"{RESOURCE}/{subresource}": ("UPDATE",)}, validate=validate)

    return (
        plugin("CertificateApproval", "approval", approves),
        plugin("CertificateSigning", "status", signs),
    )
