"""`Backend` over a real API server: server-side apply as `gitrel`, reads side by side, deletes of one UID."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any

from gitrel.backends.backend import FIELD_OWNER, Refused
from gitrel.backends.kubernetes.access import AccessOptions, resolve
from gitrel.backends.kubernetes.connection import CONNECTIONS_MAX, Connection
from gitrel.backends.kubernetes.discovery import Discovery, Resource, Undiscovered, UnknownKind
from gitrel.backends.kubernetes.requests import Answer, Limits, Requests
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, Ref, group_of, ref_of
from gitrel.kube.impersonation import NOBODY, Impersonation

PAGE = 500
"""Objects asked for at once, as kubectl does."""
APPLY = "application/apply-patch+yaml"
RACES = 5
"""Times that an apply is made again because somebody else wrote the object at the same instant."""


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
            resource = self._discovery.resource(obj["apiVersion"], obj["kind"])
        except UnknownKind:
            return None  # a kind that is not served has no objects
        except Undiscovered as error:
            raise _refused(ref, error.answer) from None
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
        ref = ref_of(obj)
        query = {"fieldManager": FIELD_OWNER, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        rediscovered = False
        for attempt in itertools.count():
            path = self._resource(obj).path(ref.namespace, ref.name)
            answer = self._requests.send("PATCH", path, query, dict(obj), APPLY)
            if _is_nowhere(answer) and not rediscovered:
                rediscovered = True
                self._discovery.forget(obj["apiVersion"])
            elif not _is_race(answer) or attempt >= RACES:
                break
        return _object(ref, answer)

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
        except Undiscovered as error:
            raise _refused(ref_of(obj), error.answer) from None


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


def _is_race(answer: Answer) -> bool:
    """409 because of timing. One because of ownership has a cause for each field, and stays."""
    if answer.status != HTTPStatus.CONFLICT or not isinstance(answer.body, dict):
        return False
    causes = (answer.body.get("details") or {}).get("causes") or ()
    return all(cause.get("reason") != "FieldManagerConflict" for cause in causes)


def _is_nowhere(answer: Answer) -> bool:
    """404 for the path itself: such an answer names no object."""
    if answer.status != HTTPStatus.NOT_FOUND:
        return False
    details = answer.body.get("details") if isinstance(answer.body, dict) else None
    return not (details or {}).get("name")


def _refused(ref: Ref, answer: Answer) -> Refused:
    body = answer.body if isinstance(answer.body, dict) else {}
    reason = str(body.get("reason") or answer.status)
    message = str(body.get("message") or f"the API server answers {answer.status}")
    return Refused(ref, reason, message)
