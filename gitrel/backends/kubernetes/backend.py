"""`Backend` over a real API server: server-side apply as `gitrel`, reads side by side, deletes of one UID."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from gitrel.backends.backend import FIELD_OWNER, Refused
from gitrel.backends.kubernetes.access import AccessOptions, resolve
from gitrel.backends.kubernetes.connection import CONNECTIONS_MAX, Connection
from gitrel.backends.kubernetes.discovery import Discovery, Resource, UnknownKind
from gitrel.backends.kubernetes.requests import Answer, Limits, Requests
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, Ref, group_of, ref_of
from gitrel.kube.impersonation import NOBODY, Impersonation

PAGE = 500
"""Objects asked for at once, as kubectl does."""
APPLY = "application/apply-patch+yaml"


class KubernetesBackend:
    """One cluster. Calls may come from several threads."""

    def __init__(self, requests: Requests, name: str) -> None:
        self._requests = requests
        self._name = name
        self._discovery = Discovery(requests)
        self._threads = ThreadPoolExecutor(CONNECTIONS_MAX, thread_name_prefix=f"gitrel-{name}")

    def identity(self) -> str:
        answer = self._requests.send("GET", "/api/v1/namespaces/kube-system")
        if not answer.is_good:
            raise _refused(Ref("", "Namespace", "", "kube-system"), answer)
        uid: str = answer.body["metadata"]["uid"]
        return uid

    def read(self, objects: Iterable[Mapping[str, Any]]) -> dict[Ref, Object]:
        wanted = {ref_of(obj): obj for obj in objects}
        found = self._threads.map(self._read_one, wanted.values())
        return {ref: live for ref, live in zip(wanted, found, strict=True) if live is not None}

    def _read_one(self, obj: Mapping[str, Any]) -> Object | None:
        ref = ref_of(obj)
        try:
            resource = self._resource(obj)
        except Refused:
            return None  # a kind that is not served has no objects
        answer = self._requests.send("GET", resource.path(ref.namespace, ref.name))
        if answer.status == 404:
            return None
        return _object(ref, answer)

    def list(
        self, api_version: str, kind: str, namespace: str, selector: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        ref = Ref(group_of(api_version), kind, namespace, "")
        resource = self._resource({"apiVersion": api_version, "kind": kind, "metadata": {"name": ""}})
        query = {"limit": str(PAGE)}
        if selector:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        items: list[Object] = []
        while True:
            answer = self._requests.send("GET", resource.path(namespace), query)
            if answer.status == 410 and "continue" in query:
                items, query = [], {k: v for k, v in query.items() if k != "continue"}
                continue
            page = _object(ref, answer)
            items += ({"apiVersion": api_version, "kind": kind, **item} for item in page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return sorted(items, key=lambda item: str(item["metadata"]["name"]))
            query["continue"] = token

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        ref, resource = ref_of(obj), self._resource(obj)
        query = {"fieldManager": FIELD_OWNER, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        path = resource.path(ref.namespace, ref.name)
        return _object(ref, self._requests.send("PATCH", path, query, dict(obj), APPLY))

    def delete(self, obj: Mapping[str, Any]) -> bool:
        ref, resource = ref_of(obj), self._resource(obj)
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid := (obj.get("metadata") or {}).get("uid"):
            options["preconditions"] = {"uid": uid}
        answer = self._requests.send("DELETE", resource.path(ref.namespace, ref.name), body=options)
        if answer.status == 404 or (answer.status == 409 and uid):
            return False  # gone, or another object has its name now
        _object(ref, answer)
        return True

    def changed_since(self, mark: str) -> tuple[str, bool]:
        """A real cluster is looked at whenever it is asked about: nothing here watches it."""
        return mark, True

    def next_change_due(self) -> datetime | None:
        return None

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._requests.close()

    def _resource(self, obj: Mapping[str, Any]) -> Resource:
        try:
            return self._discovery.resource(obj["apiVersion"], obj["kind"])
        except UnknownKind as error:
            raise Refused(ref_of(obj), "NotFound", str(error)) from None


def open_kubernetes(
    name: str,
    context: str,
    *,
    kubeconfig: str = "",
    limits: Limits | None = None,
    options: AccessOptions | None = None,
    act_as: Impersonation = NOBODY,
) -> KubernetesBackend:
    """The cluster of a kubeconfig context. Raises NoAccess; the cluster itself is not asked yet.

    `name` is the environment's. `kubeconfig` stands for `options` where nothing else is to be said.
    """
    options = options or AccessOptions(kubeconfig=kubeconfig)
    access = resolve(context, options, environment=name, act_as=act_as)
    return KubernetesBackend(Requests(Connection(access), name, limits=limits), name)


def _object(ref: Ref, answer: Answer) -> Object:
    """The object of a good answer. Raises Refused with the server's own reason and words."""
    if not answer.is_good:
        raise _refused(ref, answer)
    if not isinstance(answer.body, dict):
        raise Unreachable(f"{ref}: the answer is not JSON: does a proxy stand before the API server?")
    return answer.body


def _refused(ref: Ref, answer: Answer) -> Refused:
    body = answer.body if isinstance(answer.body, dict) else {}
    reason = str(body.get("reason") or answer.status)
    message = str(body.get("message") or f"the API server answers {answer.status}")
    return Refused(ref, reason, message)
