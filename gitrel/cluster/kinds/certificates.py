"""CertificateSigningRequests, and how they are approved (`pkg/apis/certificates`, `pkg/registry`)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, duplicate, forbidden_field, invalid_value, required
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind, Subresource
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

RESOURCE = "certificatesigningrequests.certificates.k8s.io"
USAGES = frozenset((
    "signing", "digital signature", "content commitment", "key encipherment", "key agreement",
    "data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth",
    "client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel",
    "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc",
))  # fmt: skip
SHORTEST_SECONDS = 600
_DECIDED = ("Approved", "Denied")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE REQUEST-----\s.+-----END CERTIFICATE REQUEST-----", re.DOTALL)


def default_request(obj: Object) -> Object:
    return changed(
        obj, "spec", lambda spec: filled(spec, {"usages": ["digital signature", "key encipherment"]})
    )


def prepare_request(obj: Object) -> Object:
    """Nobody approves a request by creating it."""
    return {**obj, "status": {}}


def requested_by(new: Object, old: Object | None, user: User) -> Object:
    """A new request says whose it is: not what it says itself, but who made it."""
    if old is not None:
        return new
    info = user.info()
    told = {"username": info["username"], **{key: info[key] for key in _WHO if key in info}}
    spec = {key: value for key, value in new["spec"].items() if key not in ("username", *_WHO)}
    return {**new, "spec": {**spec, **told}}


_WHO = ("uid", "groups", "extra")


def keep_spec(new: Object, old: Object) -> Object:
    """After creation only metadata changes this way."""
    return {**new, "spec": old.get("spec") or {}}


def validate_request(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    text = spec.get("request") or ""
    if not _is_request(text):
        yield invalid_value("spec.request", text, "PEM block type must be CERTIFICATE REQUEST")
    usages = spec.get("usages") or ()
    if not usages:
        yield required("spec.usages")
    seen: set[str] = set()
    for index, usage in enumerate(usages):
        yield from checks.one_of(usage, sorted(USAGES), f"spec.usages[{index}]")
        if usage in seen:
            yield duplicate(f"spec.usages[{index}]", usage)
        seen.add(usage)
    yield from _signer_errors(spec.get("signerName") or "")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST_SECONDS:
        says = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid_value("spec.expirationSeconds", seconds, says)


def _is_request(text: str) -> bool:
    try:
        return _PEM.search(base64.b64decode(text, validate=True)) is not None
    except binascii.Error:
        return False


def _signer_errors(name: str) -> Iterator[FieldError]:
    """`example.com/signer`: a domain, and a path of DNS subdomains."""
    if not name:
        yield required("spec.signerName")
        return
    domain, slash, path = name.partition("/")
    if not slash or not domain or not path or "/" in path:
        says = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        yield invalid_value("spec.signerName", name, says)
    elif name == "kubernetes.io/legacy-unknown":
        yield invalid_value(
            "spec.signerName", name, "the legacy signerName is not allowed via this API version"
        )
    elif "." not in domain:
        says = "should be a domain with at least two segments separated by dots"
        yield invalid_value("spec.signerName", domain, says)


# --- status and approval ----------------------------------------------------------------------------------


def _by_type(obj: Object, types: tuple[str, ...]) -> list[Mapping[str, Any]]:
    return [row for row in get(obj, "status", "conditions", default=()) if row.get("type") in types]


def take_approval(sent: Object, old: Object) -> Object:
    """The `approval` subresource writes conditions, and nothing else."""
    conditions = get(sent, "status", "conditions", default=[])
    return {**old, "status": {**(old.get("status") or {}), "conditions": conditions}}


def take_status(sent: Object, old: Object) -> Object:
    """The `status` subresource writes the certificate, and conditions that approve or deny nothing."""
    status = dict(sent.get("status") or {})
    said = status.pop("conditions", None) or ()
    others = [row for row in said if row.get("type") not in _DECIDED]
    if conditions := [*_by_type(old, _DECIDED), *others]:
        status["conditions"] = conditions
    return {**old, "status": status}


def validate_conditions(new: Object, old: Object) -> Iterator[FieldError]:
    decided = {row.get("type") for row in _by_type(new, _DECIDED)}
    if len(decided) > 1:
        says = "Approved and Denied conditions are mutually exclusive"
        yield invalid_value("status.conditions", sorted(str(t) for t in decided), says)
    for index, row in enumerate(get(new, "status", "conditions", default=())):
        at = f"status.conditions[{index}]"
        if not row.get("type"):
            yield required(f"{at}.type")
        if not row.get("status"):
            yield required(f"{at}.status")
        elif row["status"] != "True" and row.get("type") in (*_DECIDED, "Failed"):
            yield FieldError(
                "FieldValueNotSupported",
                f"{at}.status",
                f'Unsupported value: "{row["status"]}": supported values: "True"',
            )
    for row in _by_type(old, _DECIDED):
        if row.get("type") not in decided:
            says = f"updates may not remove a condition of type {row['type']!r}".replace("'", '"')
            yield forbidden_field("status.conditions", says)


def validate_status(new: Object, old: Object) -> Iterator[FieldError]:
    yield from validate_conditions(new, old)
    before, after = get(old, "status", "certificate"), get(new, "status", "certificate")
    if before and after != before:
        yield forbidden_field("status.certificate", "updates may not set certificate content to a new value")


KINDS = (
    Kind(
        RESOURCE, "certificates.k8s.io/v1",
        "CertificateSigningRequest", namespaced=False, short_names=("csr",), status=True, name_rule="any",
        default=default_request, prepare=prepare_request, prepare_update=keep_spec,
        validate=validate_request,
        subresources={
            "approval": Subresource(take_approval, validate_conditions),
            "status": Subresource(take_status, validate_status),
        },
    ),
)  # fmt: skip
