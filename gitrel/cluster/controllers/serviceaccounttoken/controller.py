"""Fills Secrets of type `kubernetes.io/service-account-token`, and deletes those whose account is gone.

`pkg/controller/serviceaccount/tokens_controller.go`. Accounts get none by themselves: since Kubernetes 1.24
whoever wants a token that does not end makes the Secret.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gitrel.cluster.api import accounts
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.kube.identity import Object, annotations_of

TYPE = "kubernetes.io/service-account-token"


def _of_secret(change: Change, read: Reader) -> Iterable[Key]:
    if change.new.get("type") == TYPE:
        yield from own_key(change, read)


def _of_account(change: Change, read: Reader) -> Iterable[Key]:
    metadata = change.new["metadata"]
    for secret in read.list("secrets", metadata["namespace"]):
        if secret.get("type") == TYPE and annotations_of(secret).get(accounts.NAME) == metadata["name"]:
            yield Key(metadata["namespace"], secret["metadata"]["name"])


class TokenController:
    name = "serviceaccount-token"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        "secrets": _of_secret,
        "serviceaccounts": _of_account,
    }

    def __init__(self, root: str, sign: Callable[[Mapping[str, Any]], str]) -> None:
        """`root`: the authority's certificate, PEM; `sign` makes a token of claims."""
        self._root = root
        self._sign = sign

    def reconcile(self, key: Key, context: Context) -> None:
        secret = context.read.get("secrets", key.namespace, key.name)
        if secret is None or secret.get("type") != TYPE or secret["metadata"].get("deletionTimestamp"):
            return
        said = annotations_of(secret)
        account = context.read.get("serviceaccounts", key.namespace, said.get(accounts.NAME, ""))
        wanted = said.get(accounts.UID)
        if account is None or (wanted and wanted != account["metadata"]["uid"]):
            context.write.delete("secrets", key.namespace, key.name, uid=secret["metadata"]["uid"])
            return
        new = self._filled(secret, account)
        if new != secret:
            context.write.update("secrets", new)

    def _filled(self, secret: Object, account: Object) -> Object:
        data = dict(secret.get("data") or {})
        data["ca.crt"] = _encoded(self._root)
        data["namespace"] = _encoded(secret["metadata"]["namespace"])
        if not data.get("token"):
            data["token"] = _encoded(self._sign(accounts.lasting_claims(account, secret)))
        annotations = {**annotations_of(secret), accounts.UID: account["metadata"]["uid"]}
        return {**secret, "metadata": {**secret["metadata"], "annotations": annotations}, "data": data}


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()
