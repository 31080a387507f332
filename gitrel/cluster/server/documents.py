"""Everything that is not about objects: the version, health, discovery and OpenAPI."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from gitrel.cluster.api import discovery, openapi
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.server import negotiation, swagger, tokens
from gitrel.cluster.server.exchange import Exchange
from gitrel.cluster.server.identity import Authenticator
from gitrel.cluster.server.metrics import CONTENT_TYPE, Metrics
from gitrel.cluster.server.paths import NoSuchPath
from gitrel.cluster.spec import KUBERNETES_VERSION

GIT_VERSION = f"v{KUBERNETES_VERSION}.0"
_CHECKS = ("ping", "log", "store", "controllers")
"""Names under `/healthz/<name>`: all of them hold while the one thread answers at all."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def version() -> Mapping[str, str]:
    """`/version`, as `kubectl version` prints it."""
    major, _, minor = KUBERNETES_VERSION.partition(".")
    machine = platform.machine()
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "gitrel",
        "platform": f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}",
    }


def _mark(kinds: Sequence[Kind]) -> str:
    """What tells one set of kinds from another: their names, and the schemas of custom ones."""
    rows = [(kind.resource, kind.api_version, [s.schema for s in kind.custom.values()]) for kind in kinds]
    return sha256(orjson.dumps(rows)).hexdigest()


class Documents:
    """One per server. OpenAPI documents are made when they are first asked for, and made again when kinds
    were added or taken away."""

    def __init__(self, scheme: Scheme, authenticator: Authenticator, metrics: Metrics) -> None:
        self._scheme = scheme
        self._accounts = authenticator.accounts
        self._metrics = metrics
        self._made: dict[str, tuple[str, bytes]] = {}

    async def answer(self, exchange: Exchange, parts: Sequence[str]) -> None:
        """Raises NoSuchPath."""
        match list(parts):
            case ["version"]:
                await exchange.answer(200, version())
            case ["healthz" | "livez" | "readyz" as check, *which] if len(which) < 2:
                await self._health(exchange, check, which)
            case ["api"] | ["apis"]:
                await self._roots(exchange, core=parts[0] == "api")
            case ["api", "v1"]:
                await self._found(exchange, discovery.resources(self._scheme, "v1"))
            case ["apis", group]:
                await self._found(exchange, discovery.group(self._scheme, group))
            case ["apis", group, of]:
                await self._found(exchange, discovery.resources(self._scheme, f"{group}/{of}"))
            case ["openapi", "v2"]:
                await self._openapi(exchange, "v2", protobuf=_wants_protobuf(exchange.header(b"accept")))
            case ["openapi", "v3"]:
                await exchange.answer(200, {"paths": self._index()})
            case ["openapi", "v3", *place]:
                await self._openapi(exchange, "/".join(place))
            case ["metrics"]:
                await exchange.send(200, self._metrics.text(), CONTENT_TYPE)
            case [".well-known", "openid-configuration"] if self._accounts:
                host = exchange.header(b"host")
                await exchange.answer(200, tokens.discovery(host))
            case ["openid", "v1", "jwks"] if self._accounts:
                await exchange.answer(200, self._accounts.signer.keys())
            case [""]:
                await exchange.answer(200, {"paths": self._all_paths()})
            case _:
                raise NoSuchPath

    # --- health -------------------------------------------------------------------------------------------

    async def _health(self, exchange: Exchange, check: str, which: Sequence[str]) -> None:
        if which and which[0] not in _CHECKS:
            raise NoSuchPath
        if which or b"verbose" not in exchange.query:
            await exchange.text(200, "ok")
            return
        lines = [f"[+]{name} ok" for name in _CHECKS]
        await exchange.text(200, "\n".join([*lines, f"{check} check passed", ""]))

    # --- discovery ----------------------------------------------------------------------------------------

    async def _roots(self, exchange: Exchange, *, core: bool) -> None:
        version = negotiation.aggregated_version(exchange.header(b"accept"))
        if version is None:
            document = discovery.core_versions() if core else discovery.groups(self._scheme)
            await exchange.answer(200, document, more=[(b"vary", b"Accept")])
            return
        document = discovery.aggregated(self._scheme, core=core, version=version)
        payload = orjson.dumps(document)
        tag = f'"{sha256(payload).hexdigest().upper()}"'.encode()
        more = [(b"etag", tag), (b"vary", b"Accept")]
        if exchange.headers.get(b"if-none-match") == tag:
            await exchange.unchanged(more)
            return
        kind = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        await exchange.send(200, payload, kind.encode(), more)

    async def _found(self, exchange: Exchange, document: Mapping[str, Any] | None) -> None:
        if document is None:
            raise NoSuchPath
        await exchange.answer(200, document)

    def _all_paths(self) -> list[str]:
        paths = ["/api", "/api/v1", "/apis"]
        for api_version in discovery.versions(self._scheme):
            if "/" in api_version:
                paths += [f"/apis/{api_version.partition('/')[0]}", f"/apis/{api_version}"]
        return sorted(
            {*paths, "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}
        )

    # --- OpenAPI ------------------------------------------------------------------------------------------

    def _index(self) -> dict[str, dict[str, str]]:
        return {
            openapi.root_of(api_version): {
                "serverRelativeURL": f"/openapi/v3/{openapi.root_of(api_version)}?hash={self._hash(kinds)}"
            }
            for api_version, kinds in discovery.versions(self._scheme).items()
        }

    def _hash(self, kinds: Sequence[Kind]) -> str:
        """Of what the document follows from, so that the index can be given without making it."""
        return sha256(f"{GIT_VERSION}/{_mark(kinds)}".encode()).hexdigest().upper()

    async def _openapi(self, exchange: Exchange, place: str, *, protobuf: bool = False) -> None:
        by_root = {openapi.root_of(v): k for v, k in discovery.versions(self._scheme).items()}
        if place == "v2":
            kinds: Sequence[Kind] = [kind for of in by_root.values() for kind in of]
        elif place in by_root:
            kinds = by_root[place]
        else:
            raise NoSuchPath
        mark, wanted = _mark(kinds), f"{place} protobuf" if protobuf else place
        made = self._made.get(wanted)
        if made is None or made[0] != mark:
            document = (openapi.document_v2 if place == "v2" else openapi.document_v3)(kinds, GIT_VERSION)
            payload = swagger.encoded(document) if protobuf else orjson.dumps(document)
            made = self._made[wanted] = (mark, payload)
        tag = f'"{sha256(made[1]).hexdigest().upper()}"'.encode()
        more = [(b"etag", tag), (b"vary", b"Accept")]
        if exchange.headers.get(b"if-none-match") == tag:
            await exchange.unchanged(more)
            return
        media = swagger.MEDIA[1] if protobuf else "application/json"
        await exchange.send(200, made[1], media.encode(), more)


def _wants_protobuf(accept: str) -> bool:
    """Of `/openapi/v2`, whose protobuf is one of its own. Raises ApiError 406."""
    preferred = negotiation.clauses(accept)[0].media
    if preferred in swagger.MEDIA:
        return True
    negotiation.form(accept, tables=False)
    return False
