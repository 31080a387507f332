"""The ASGI application: from a request to the verb that answers it, and from any failure to a Status.

Whatever is sent, an answer has Kubernetes' form; a fault of ours is a 500 without a traceback, and is logged.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from gitrel.cluster.api import discovery
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.patching import Patcher
from gitrel.cluster.api.rbac.attributes import Attributes
from gitrel.cluster.api.rbac.authorizer import check
from gitrel.cluster.api.rbac.impersonation import impersonated
from gitrel.cluster.server import (
    accounts,
    clockwork,
    kubelets,
    metrics,
    paths,
    query,
    reading,
    subresources,
    watching,
    writing,
)
from gitrel.cluster.server.call import Call
from gitrel.cluster.server.documents import Documents
from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.exchange import Disconnected, Exchange
from gitrel.cluster.server.identity import Authenticator, impersonation
from gitrel.cluster.server.metrics import Asked, Metrics
from gitrel.cluster.server.paths import NoSuchPath, Target

log = logging.getLogger("gitrel.cluster")

Verb = Callable[[Call], Awaitable[None]]

_ON_OBJECT: Mapping[str, tuple[str, Verb]] = {
    "GET": ("get", reading.get),
    "PUT": ("update", writing.update),
    "PATCH": ("patch", writing.patch),
    "DELETE": ("delete", writing.delete),
}
_ON_COLLECTION: Mapping[str, tuple[str, Verb]] = {
    "GET": ("list", reading.list_),
    "POST": ("create", writing.create),
    "DELETE": ("deletecollection", writing.delete_collection),
}
_ON_PART: Mapping[str, Verb] = {"GET": reading.get, "PUT": writing.update, "PATCH": writing.patch}
"""Of a subresource that is a part of its object, such as `status` and `approval`."""
_ON_SUBRESOURCE: Mapping[str, Mapping[str, Verb]] = {
    "scale": {
        "GET": reading.get,
        "PUT": subresources.update_scale,
        "PATCH": subresources.patch_scale,
    },
    "finalize": {"PUT": writing.update},
    "token": {"POST": accounts.request_token},
    "binding": {"POST": subresources.bind},
    "eviction": {"POST": subresources.evict},
    "log": {"GET": kubelets.log},
    "exec": {"GET": kubelets.connect, "POST": kubelets.connect},
    "attach": {"GET": kubelets.connect, "POST": kubelets.connect},
    "portforward": {"GET": kubelets.connect, "POST": kubelets.connect},
    "proxy": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), kubelets.proxy),
}


class ApiServer:
    """Serves one engine's cluster."""

    def __init__(self, engine: Engine, authenticator: Authenticator) -> None:
        self._engine = engine
        self._authenticator = authenticator
        handler = engine.cluster.handler
        self._scheme = handler.scheme
        self._patcher = Patcher(handler)
        self._metrics = Metrics(engine)
        self._documents = Documents(handler.scheme, authenticator, self._metrics)
        accounts.answer_reviews(handler, authenticator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", scope["type"]
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except Disconnected:
            return
        except NoSuchPath:
            await exchange.text(404, "404 page not found\n")
        except ApiError as refused:
            await _refuse(exchange, refused)
        except Exception as fault:
            # A fault of the server in one request: the client gets 500 as from a real one, the log the rest.
            log.exception("a request failed: %s %s", exchange.method, exchange.raw_path.decode("latin-1"))
            message = f"Internal error occurred: {type(fault).__name__}"
            await _refuse(exchange, ApiError(500, "InternalError", message))

    async def _answer(self, exchange: Exchange) -> None:
        authorizer = self._engine.cluster.authorizer
        user = self._authenticator.user(exchange.certificate, exchange.header(b"authorization"))
        _refuse_strange(exchange)
        user = impersonated(authorizer, user, impersonation(exchange.raw_headers))
        parts = paths.segments(exchange.raw_path)
        if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
            path = "/" + "/".join(parts)
            check(authorizer, user, Attributes(exchange.method.lower(), path=path))
            if tuple(parts) == clockwork.PARTS:
                await clockwork.answer(exchange, self._engine)
                return
            if exchange.method not in ("GET", "HEAD"):
                raise ApiError(405, "MethodNotAllowed", _NOT_ALLOWED)
            async with self._counted(exchange, metrics.of_path(exchange.method)):
                await self._documents.answer(exchange, parts)
            return
        target = paths.target(parts, self._scheme)
        name, verb = _verb(exchange, target)
        call = Call(exchange, self._engine, self._patcher, self._authenticator, user, target)
        async with self._counted(exchange, metrics.of_target(name, target)):
            call.allow(name)
            await verb(call)

    @asynccontextmanager
    async def _counted(self, exchange: Exchange, asked: Asked) -> AsyncIterator[None]:
        """Measures what happens inside, whatever becomes of it."""
        self._metrics.began(asked)
        began, code = perf_counter(), 0
        try:
            yield
        except ApiError as refused:
            code = refused.code
            raise
        except Exception:
            # Passed on to `__call__`, which answers it; here it is only counted as what it will be.
            code = 500
            raise
        finally:
            self._metrics.ended(asked, exchange.code or code, perf_counter() - began)


_NOT_ALLOWED = "the server does not allow this method on the requested resource"


_SUBRESOURCE_VERBS = {
    "GET": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}


def _verb(exchange: Exchange, target: Target) -> tuple[str, Verb]:
    """What is done by its name, and who does it. Raises ApiError 405."""
    method = "GET" if exchange.method == "HEAD" else exchange.method
    if target.subresource:
        verb = _ON_SUBRESOURCE.get(target.subresource, _ON_PART).get(method)
        if verb is not None:
            return _SUBRESOURCE_VERBS[method], verb
        raise ApiError(405, "MethodNotAllowed", _NOT_ALLOWED)
    if method == "GET" and target.kind.stored and (target.watch or _watches(exchange)):
        return "watch", watching.watch
    name, found = (_ON_OBJECT if target.name else _ON_COLLECTION).get(method, ("", None))
    everywhere = target.kind.namespaced and target.namespace is None and name == "create"
    if found is None or name not in discovery.verbs(target.kind) or everywhere:
        raise ApiError(405, "MethodNotAllowed", _NOT_ALLOWED)
    return name, found


def _watches(exchange: Exchange) -> bool:
    raw = exchange.query
    return b"watch" in raw and query.switch(query.parsed(raw), "watch")


def _refuse_strange(exchange: Exchange) -> None:
    """Pages of other origins have no business here. Raises ApiError 403."""
    origin = exchange.header(b"origin")
    if origin and _host_of(origin) != exchange.header(b"host"):
        raise ApiError(403, "Forbidden", "requests of another origin are not accepted")


def _host_of(origin: str) -> str | None:
    """None where the origin is no URL."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


async def _refuse(exchange: Exchange, refused: ApiError) -> None:
    """The Status, unless an answer is on its way already: then the connection just ends."""
    if exchange.started:
        raise refused
    more = []
    if seconds := refused.details.get("retryAfterSeconds"):
        more.append((b"retry-after", str(seconds).encode()))
    await exchange.answer(refused.code, refused.status(), more=more)
