"""What a service account's token says, and whom it still speaks for. Pure; signing is done elsewhere.

The claims are those of Kubernetes `pkg/serviceaccount/claims.go`: a token is bound to its account by UID, and
may be bound to a Pod, a Secret or a Node besides. It ends with any of them, whatever its own term says.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gitrel.clock import format_instant
from gitrel.cluster.api import errors
from gitrel.cluster.api.rbac.user import User, service_account
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCES = (ISSUER,)
"""Whom a token is meant for where its request names nobody: the API server itself."""
RESOURCE = "serviceaccounts"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
"""Annotations of a Secret that holds a token."""
_LASTING_ISSUER = "kubernetes/serviceaccount"
_LASTING = "kubernetes.io/serviceaccount/"
_OWN = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io/"
_BOUND = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
_DELETED_GRACE = timedelta(seconds=60)
"""A token of an object that is being deleted is good for that long (`validator.go`)."""


class Reader(Protocol):
    def get(self, resource: str, namespace: str, name: str) -> Object | None: ...


class Untrue(Exception):
    """The token was signed here once, and speaks for nobody now."""


def claims(read: Reader, account: Object, request: Object, now: datetime, jti: str) -> dict[str, Any]:
    """The claims of a new token for a checked TokenRequest. Raises ApiError where it cannot be bound."""
    spec = request["spec"]
    metadata = account["metadata"]
    own: dict[str, Any] = {
        "namespace": metadata["namespace"],
        "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
    }
    if reference := spec.get("boundObjectRef"):
        own |= _binding(read, account, reference)
    issued = int(now.timestamp())
    return {
        "aud": list(spec.get("audiences") or AUDIENCES),
        "exp": issued + int(spec["expirationSeconds"]),
        "iat": issued,
        "iss": ISSUER,
        "jti": jti,
        _OWN: own,
        "nbf": issued,
        "sub": service_account(metadata["namespace"], metadata["name"]).name,
    }


def _binding(read: Reader, account: Object, reference: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    resource = _BOUND.get(kind)
    if resource is None or reference.get("apiVersion") != "v1":
        raise errors.bad_request(f"cannot bind token for serviceaccount to object of type {kind}")
    namespace = "" if kind == "Node" else account["metadata"]["namespace"]
    bound = read.get(resource, namespace, name)
    if bound is None:
        raise errors.not_found(resource, name)
    uid = bound["metadata"]["uid"]
    wanted = reference.get("uid") or uid
    if wanted != uid:
        why = (
            f"the UID in the bound object reference ({wanted}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(resource, name, why)
    found = {kind.lower(): {"name": name, "uid": uid}}
    if kind == "Pod":
        whose = get(bound, "spec", "serviceAccountName", default="default")
        if whose != account["metadata"]["name"]:
            raise errors.bad_request(
                f"cannot bind token for serviceaccount {account['metadata']['name']!r} to pod running with "
                "different serviceaccount name.".replace("'", '"')
            )
        found |= _node_of(read, bound)
    return found


def _node_of(read: Reader, pod: Object) -> dict[str, Any]:
    name = get(pod, "spec", "nodeName")
    node = read.get("nodes", "", name) if name else None
    if not name:
        return {}
    return {"node": {"name": name, **({"uid": node["metadata"]["uid"]} if node else {})}}


def answered(request: Object, token: str, told: Mapping[str, Any]) -> Object:
    """The TokenRequest with its token."""
    until = datetime.fromtimestamp(told["exp"], UTC)
    spec = {**request["spec"], "audiences": told["aud"]}
    status = {"token": token, "expirationTimestamp": format_instant(until)}
    return {**request, "spec": spec, "status": status}


def lasting_claims(account: Object, secret: Object) -> dict[str, Any]:
    """The claims of a token that stands in a Secret and ends with it."""
    metadata = account["metadata"]
    return {
        "iss": _LASTING_ISSUER,
        f"{_LASTING}namespace": metadata["namespace"],
        f"{_LASTING}secret.name": secret["metadata"]["name"],
        f"{_LASTING}service-account.name": metadata["name"],
        f"{_LASTING}service-account.uid": metadata["uid"],
        "sub": service_account(metadata["namespace"], metadata["name"]).name,
    }


def user_of(
    read: Reader, token: str, told: Mapping[str, Any], audiences: Sequence[str], now: datetime
) -> User:
    """Whom verified claims speak for. Raises Untrue: of another issuer or audience, over, or its account or
    what it is bound to is gone or another one of the same name."""
    if told.get("iss") == _LASTING_ISSUER:
        return _lasting_user(read, token, told, audiences, now)
    own = told.get(_OWN)
    if told.get("iss") != ISSUER or not isinstance(own, Mapping):
        raise Untrue("it is of another issuer")
    meant = told.get("aud") or ()
    if not set(meant) & set(audiences):
        raise Untrue(f"it is meant for {meant}")
    instant = now.timestamp()
    if not told.get("nbf", 0) <= instant < told.get("exp", 0):
        raise Untrue("it is over, or not yet begun")
    namespace, account = own.get("namespace") or "", own.get("serviceaccount") or {}
    _still_there(read, RESOURCE, namespace, account, now)
    extra = {f"{_EXTRA}credential-id": (f"JTI={told['jti']}",)} if told.get("jti") else {}
    for kind, resource in _BOUND.items():
        reference = own.get(kind.lower())
        if reference is None:
            continue
        if kind != "Node" or "pod" not in own:
            _still_there(read, resource, "" if kind == "Node" else namespace, reference, now)
        if kind != "Secret":
            extra[f"{_EXTRA}{kind.lower()}-name"] = (reference["name"],)
            if reference.get("uid"):
                extra[f"{_EXTRA}{kind.lower()}-uid"] = (reference["uid"],)
    return service_account(namespace, account["name"], account["uid"], **extra)


def _lasting_user(
    read: Reader, token: str, told: Mapping[str, Any], audiences: Sequence[str], now: datetime
) -> User:
    if not set(AUDIENCES) & set(audiences):
        raise Untrue("it is meant for the API server")
    namespace, secret_name = told[f"{_LASTING}namespace"], told[f"{_LASTING}secret.name"]
    secret = read.get("secrets", namespace, secret_name)
    if secret is None or (secret.get("data") or {}).get("token") != b64encode(token.encode()).decode():
        raise Untrue(f"its secret {secret_name} is gone, or holds another")
    uid, name = told[f"{_LASTING}service-account.uid"], told[f"{_LASTING}service-account.name"]
    _still_there(read, RESOURCE, namespace, {"name": name, "uid": uid}, now)
    return service_account(namespace, name, uid)


def _still_there(
    read: Reader, resource: str, namespace: str, reference: Mapping[str, Any], now: datetime
) -> None:
    found = read.get(resource, namespace, reference.get("name") or "")
    if found is None or found["metadata"]["uid"] != reference.get("uid"):
        raise Untrue(f"its {resource} {reference.get('name')} is gone")
    going = found["metadata"].get("deletionTimestamp")
    if going and now > datetime.fromisoformat(going) + _DELETED_GRACE:
        raise Untrue(f"its {resource} {reference.get('name')} is gone")
