"""ServiceAccount: a pod runs as an account that exists, and finds a token of it in its files.

`plugin/pkg/admission/serviceaccount/admission.go`. The name of the token's volume is drawn from the
account, not at random for each pod: pods of one template go on sharing one spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.sharing import shared
from gitrel.kube.identity import Object

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
_PREFIX = "kube-api-access-"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MIRROR = "kubernetes.io/config.mirror"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"


def _named(spec: Object, name: Any) -> Object:
    return {**spec, "serviceAccountName": name, "serviceAccount": name}


_as_named = shared(_named)


def _equipped(spec: Object, account: Any) -> Object:
    """The spec with the account's token and its secrets for pulling images."""
    spec = _named(spec, account["metadata"]["name"])
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return spec if wanted is False else _with_token(spec, account)


_equip = shared(_equipped)


def _with_token(spec: Object, account: Object) -> Object:
    volumes = list(spec.get("volumes") or ())
    names = {volume.get("name") or "" for volume in volumes}
    known = next((name for name in sorted(names) if name.startswith(_PREFIX)), None)
    name = known or _PREFIX + _letters(account["metadata"]["uid"])
    mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
    new, needed = dict(spec), False
    for key in ("initContainers", "containers"):
        containers = [_mounting(container, mount) for container in spec.get(key) or ()]
        if any(a is not b for a, b in zip(containers, spec.get(key) or (), strict=True)):
            new[key], needed = containers, True
    if needed and known is None:
        new["volumes"] = [*volumes, {"name": name, "projected": _token_volume()}]
    return new


def _mounting(container: Object, mount: Object) -> Object:
    mounts: Sequence[Object] = container.get("volumeMounts") or ()
    if any(other.get("mountPath") == MOUNT_PATH for other in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_volume() -> Object:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "defaultMode": 0o644,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
    }


def _letters(uid: str) -> str:
    digest = blake2b(uid.encode(), digest_size=5).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)


def _admit_leniently(attributes: Attributes, pod: Object) -> Object:
    """Where nobody makes accounts: the pod's account is named, and need not exist."""
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or "default"
    account = attributes.read.get("serviceaccounts", attributes.namespace, name)
    if account is not None:
        return _admit(attributes, pod)
    if spec.get("serviceAccountName") == name == spec.get("serviceAccount"):
        return pod
    return {**pod, "spec": _as_named(spec, _interned(name))}


_NAMES: dict[str, str] = {}


def _interned(name: str) -> str:
    """The very same string for equal names, so that pods that share a spec go on sharing it."""
    return _NAMES.setdefault(name, name)


def _admit(attributes: Attributes, pod: Object) -> Object:
    spec = pod["spec"]
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return pod
    name, namespace = spec.get("serviceAccountName") or "default", attributes.namespace
    account = attributes.read.get("serviceaccounts", namespace, name)
    if account is None:
        why = errors.not_found("serviceaccount", name).message
        raise attributes.forbidden(f"error looking up service account {namespace}/{name}: {why}")
    if (account["metadata"].get("annotations") or {}).get(_ENFORCE) == "true":
        _check_secrets(attributes, spec, account)
    return {**pod, "spec": _equip(spec, account)}


def _check_secrets(attributes: Attributes, spec: Object, account: Object) -> None:
    """Only what the account lists may be mounted, where it asks for that."""
    allowed = {ref.get("name") for ref in account.get("secrets") or ()}
    who = account["metadata"]["name"]
    for volume in spec.get("volumes") or ():
        secret = (volume.get("secret") or {}).get("secretName")
        if secret and secret not in allowed:
            raise attributes.forbidden(
                f'volume with secret.secretName="{secret}" is not allowed because service account {who} does '
                "not reference that secret"
            )


def _validate(attributes: Attributes, pod: Object) -> None:
    """A mirror of a file on a node has no account, and no secrets."""
    if _MIRROR not in (pod["metadata"].get("annotations") or {}):
        return
    if pod["spec"].get("serviceAccountName"):
        raise attributes.forbidden("a mirror pod may not reference service accounts")
    if any(volume.get("secret") for volume in pod["spec"].get("volumes") or ()):
        raise attributes.forbidden("a mirror pod may not reference secrets")


def plugins(*, accounts_are_made: bool) -> Sequence[Plugin]:
    """`accounts_are_made` where a controller gives every namespace its default account."""
    admit = _admit if accounts_are_made else _admit_leniently
    return (Plugin("ServiceAccount", {"pods": ("CREATE",)}, admit=admit, validate=_validate),)
