"""`Backend` over a real API server: server-side apply as `gitrel`, reads side by side, deletes of one UID."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from gitrel.backends.backend import FIELD_OWNER, JSON_PATCH, Refused, Scope, as_read
from gitrel.backends.kubernetes.absence import FEW, Absence
from gitrel.backends.kubernetes.access import AccessOptions, resolve
from gitrel.backends.kubernetes.connection import CONNECTIONS_MAX, Connection
from gitrel.backends.kubernetes.discovery import Discovery, Resource, Undiscovered, UnknownKind
from gitrel.backends.kubernetes.memory import OBJECTS_MAX, Kept, TooMany
from gitrel.backends.kubernetes.recall import Recall
from gitrel.backends.kubernetes.requests import JSON, Answer, Limits, Requests
from gitrel.backends.threads import Threads
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, Ref, group_of, ref_of
from gitrel.kube.impersonation import NOBODY, Impersonation

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

PAGE = 500
"""Objects asked for at once, as kubectl does."""
APPLY = "application/apply-patch+yaml"
NAMES = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
"""Without what the objects hold; a server that cannot do that gives them whole."""
MANY = 100
"""Objects of one kind and namespace from which on they are listed instead of asked for one by one."""
OTHERS = 4
"""How many times as many may be there in all for that."""
LISTS_MAX = 2
"""Scopes that are listed at one time, always in the same threads: the C library keeps for each thread what a
decoded page took, so over many passes more of them hold a hundred MiB that nobody uses."""
RACES = 5
"""Times that an apply is made again because somebody else wrote the object at the same instant."""

T = TypeVar("T")


class KubernetesBackend:
    """One cluster. Calls may come from several threads."""

    def __init__(
        self,
        requests: Requests,
        name: str,
        *,
        watching: bool = False,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`watching`: follow what is held instead of listing it for each pass; `heard` is called then
        whenever an object that gitrel owns has changed, from another thread."""
        self._requests = requests
        self._name = name
        self._identity, self._identity_gaps = "", 0
        self._discovery = Discovery(requests)
        self._threads = Threads(CONNECTIONS_MAX, f"gitrel-{name}")
        self._listers = Threads(LISTS_MAX, f"gitrel-{name}-lists")
        self._absence = Absence(self._names_in, time.monotonic)
        self._recall = Recall(self._list_kept, self._follow, self._listers, watching=watching, heard=heard)

    def identity(self) -> str:
        """While everything is watched without a gap nobody else can be at the other end, so none is asked."""
        gaps = self._recall.gaps()
        if self._identity and gaps == self._identity_gaps and self._recall.is_whole():
            return self._identity
        answer = self._requests.send("GET", "/api/v1/namespaces/kube-system")
        found = _object(Ref("", "Namespace", "", "kube-system"), answer)
        self._identity, self._identity_gaps = str(found["metadata"]["uid"]), gaps
        return self._identity

    def hold(self, wanted: Mapping[Scope, int], selector: Mapping[str, str], count_by: str) -> None:
        self._recall.hold(wanted, selector, count_by)

    def read(
        self, objects: Iterable[Mapping[str, Any]], *, recent: bool = False, coming: bool = False
    ) -> dict[Ref, Object]:
        wanted = {ref_of(obj): obj for obj in objects}
        known = {ref: self._remembered(obj) for ref, obj in wanted.items()} if recent else {}
        # What memory does not have may exist all the same, without our labels: the cluster has the last word.
        asked = [obj for ref, obj in wanted.items() if known.get(ref) is None]
        found = self._read_lists(asked)
        asked = [obj for obj in asked if ref_of(obj) not in found]
        known |= found | (self._read_new(asked) if recent or coming else self._read_each(asked))
        return {ref: live for ref in wanted if (live := known.get(ref)) is not None}

    def _read_each(self, objects: Sequence[Mapping[str, Any]]) -> dict[Ref, Object | None]:
        return dict(zip(map(ref_of, objects), self._threads.map(self._read_one, objects), strict=True))

    def _read_new(self, objects: Iterable[Mapping[str, Any]]) -> dict[Ref, Object | None]:
        """Side by side, a few of each scope first: where those are not there, most others are not either."""
        scopes: dict[Scope, list[Mapping[str, Any]]] = {}
        for obj in objects:
            scopes.setdefault(_scope(obj), []).append(obj)
        found: dict[Ref, Object | None] = {}
        for part in (slice(FEW), slice(FEW, None)):
            asked = [obj for some in scopes.values() for obj in some[part] if not self._is_absent(obj)]
            found |= self._read_each(asked)
            for obj in asked:
                if found[ref_of(obj)] is None:
                    self._absence.asked_in_vain(_scope(obj), ref_of(obj).name)
        return found

    def _is_absent(self, obj: Mapping[str, Any]) -> bool:
        return self._absence.is_known(_scope(obj), ref_of(obj).name)

    def _names_in(self, scope: Scope, pages: int) -> Iterable[str]:
        return self._list_all(scope, {}, _name, at_most=pages * PAGE, accept=NAMES)[0]

    def _read_lists(self, objects: Iterable[Mapping[str, Any]]) -> dict[Ref, Object | None]:
        """What lists of their kinds say of those objects of which there are many in one namespace; nothing of
        kinds that others have many more of there, or that may not be listed."""
        scopes: dict[Scope, list[Ref]] = {}
        for obj in objects:
            scopes.setdefault(_scope(obj), []).append(ref_of(obj))
        found: dict[Ref, Object | None] = {}
        for scope, refs in scopes.items():
            if len(refs) < MANY:
                continue
            try:
                listed, _ = self._list_all(scope, {}, dict, at_most=OTHERS * len(refs))
            except (Refused, TooMany):
                continue
            names = {_name(obj): obj for obj in listed}
            found |= {ref: names.get(ref.name) for ref in refs}
        return found

    def _remembered(self, obj: Mapping[str, Any]) -> Object | None:
        memory = self._recall.memory(_scope(obj))
        return memory.get(ref_of(obj).name) if memory is not None else None

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
        self,
        api_version: str,
        kind: str,
        namespace: str,
        selector: Mapping[str, str] | None = None,
        *,
        recent: bool = False,
    ) -> Sequence[Object]:
        scope, selector = Scope(api_version, kind, namespace), selector or {}
        if recent and (memory := self._recall.memory(scope, selector)) is not None:
            return list(memory.selected(selector))
        return sorted(self._list_all(scope, selector, dict)[0], key=_name)

    def _list_kept(
        self, scope: Scope, selector: Mapping[str, str], keep: Callable[[Object], Kept]
    ) -> tuple[Sequence[Kept], str]:
        return self._list_all(scope, selector, keep, at_most=OBJECTS_MAX)

    def _list_all(
        self,
        scope: Scope,
        selector: Mapping[str, str],
        keep: Callable[[Object], T],
        *,
        at_most: int | None = None,
        accept: str = JSON,
    ) -> tuple[Sequence[T], str]:
        """All pages, and the resource version that they are of. Raises TooMany where the server says with the
        first page that there are more than `at_most`.

        Of each object only what `keep` makes of it outlives its page: decoded it takes ten times the space.
        """
        ref = Ref(group_of(scope.api_version), scope.kind, scope.namespace, "")
        path = self._path_of(scope)
        query = _selecting(selector) | {"limit": str(PAGE)}
        items: list[T] = []
        while True:
            answer = self._requests.send("GET", path, query, accept=accept)
            if answer.status == 410 and "continue" in query:
                items, query = [], {k: v for k, v in query.items() if k != "continue"}
                continue
            page = _object(ref, answer)
            kind = {"apiVersion": scope.api_version, "kind": scope.kind}
            items += (keep({**kind, **item}) for item in page.get("items") or ())
            metadata = page.get("metadata") or {}
            if at_most is not None and len(items) + int(metadata.get("remainingItemCount") or 0) > at_most:
                raise TooMany
            token = metadata.get("continue")
            if not token:
                return items, str(metadata.get("resourceVersion", ""))
            query["continue"] = token

    def _follow(
        self, scope: Scope, selector: Mapping[str, str], query: Mapping[str, str], silence_seconds: float
    ) -> BaseHTTPResponse:
        return self._requests.stream(
            self._path_of(scope), _selecting(selector) | dict(query), silence_seconds
        )

    def _path_of(self, scope: Scope) -> str:
        metadata = {"name": "", "namespace": scope.namespace}
        obj = {"apiVersion": scope.api_version, "kind": scope.kind, "metadata": metadata}
        return self._resource(obj).path(scope.namespace)

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        ref = ref_of(obj)
        query = {"fieldManager": FIELD_OWNER, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        try:
            applied = _object(ref, self._send_apply(obj, query))
        finally:
            if not dry_run:
                self._absence.made(_scope(obj), ref.name)
        if not dry_run:
            self._recall.wrote(applied)
        return applied

    def _send_apply(self, obj: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
        """Made again where somebody wrote at the same instant, or where the kind's path is another now."""
        ref, rediscovered = ref_of(obj), False
        for attempt in itertools.count():
            path = self._resource(obj).path(ref.namespace, ref.name)
            answer = self._requests.send("PATCH", path, query, dict(obj), APPLY)
            if _is_nowhere(answer) and not rediscovered:
                rediscovered = True
                self._discovery.forget(obj["apiVersion"])
            elif not _is_race(answer) or attempt >= RACES:
                break
        return answer

    def patch(self, obj: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Object:
        ref = ref_of(obj)
        path = self._resource(obj).path(ref.namespace, ref.name)
        query = {"fieldManager": FIELD_OWNER}
        answer = self._requests.send("PATCH", path, query, as_read(obj, operations), JSON_PATCH)
        patched = _object(ref, answer)
        self._recall.wrote(patched)
        return patched

    def delete(self, obj: Mapping[str, Any]) -> bool:
        ref, resource = ref_of(obj), self._resource(obj)
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid := (obj.get("metadata") or {}).get("uid"):
            options["preconditions"] = {"uid": uid}
        answer = self._requests.send("DELETE", resource.path(ref.namespace, ref.name), body=options)
        self._recall.forget()
        if answer.status == 404 or (answer.status == 409 and uid):
            return False  # gone, or another object has its name now
        _object(ref, answer)
        return True

    def changed_since(self, mark: str, owner: str = "") -> tuple[str, bool]:
        """Truly so while all that is held is watched without a gap; otherwise it has to be looked at."""
        new = self._recall.changes.mark(owner)
        return new, new != mark or not self._recall.is_whole()

    def skew(self) -> timedelta:
        return self._requests.skew.value

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self._requests.count

    def troubles(self) -> Mapping[str, int]:
        """What watches have met and survived, counted by word."""
        return self._recall.troubles()

    def next_change_due(self) -> datetime | None:
        return None

    def close(self) -> None:
        """What is under way ends at once with `Unreachable`, also where the server keeps silent."""
        self._recall.close()
        self._requests.close()
        for threads in (self._listers, self._threads):
            threads.shutdown(wait=True, cancel_futures=True)

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
    watching: bool = False,
    heard: Callable[[], None] = lambda: None,
) -> KubernetesBackend:
    """The cluster of a kubeconfig context. Raises NoAccess; the cluster itself is not asked yet.

    `name` is the environment's. `kubeconfig` stands for `options` where nothing else is to be said.
    """
    options = options or AccessOptions(kubeconfig=kubeconfig)
    access = resolve(context, options, environment=name, act_as=act_as)
    requests = Requests(Connection(access), name, limits=limits)
    return KubernetesBackend(requests, name, watching=watching, heard=heard)


def _name(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def _scope(obj: Mapping[str, Any]) -> Scope:
    ref = ref_of(obj)
    return Scope(str(obj["apiVersion"]), ref.kind, ref.namespace)


def _selecting(selector: Mapping[str, str]) -> dict[str, str]:
    if not selector:
        return {}
    return {"labelSelector": ",".join(f"{key}={value}" for key, value in sorted(selector.items()))}


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
