"""A request as the verbs see it: already authenticated, its path understood, its body not yet read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from gitrel.cluster.api import errors, tables
from gitrel.cluster.api.handler import Request
from gitrel.cluster.api.patching import Patcher
from gitrel.cluster.api.rbac.attributes import for_resource
from gitrel.cluster.api.rbac.authorizer import check
from gitrel.cluster.api.rbac.user import User
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.server import bodies, negotiation, query
from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.exchange import Exchange
from gitrel.cluster.server.identity import Authenticator
from gitrel.cluster.server.negotiation import Form
from gitrel.cluster.server.paths import Target
from gitrel.cluster.server.query import WriteOptions
from gitrel.cluster.store.store import Store
from gitrel.kube.identity import Object, group_of

audit = logging.getLogger("gitrel.cluster.audit")

_OPTIONS: dict[str, Literal["CreateOptions", "UpdateOptions", "PatchOptions"]] = {
    "POST": "CreateOptions",
    "PUT": "UpdateOptions",
    "PATCH": "PatchOptions",
}


@dataclass(slots=True)
class Call:
    """What a verb gets. `now` is the cluster's instant at which it is answered."""

    exchange: Exchange
    engine: Engine
    patcher: Patcher
    authenticator: Authenticator
    user: User
    target: Target

    @property
    def cluster(self) -> Cluster:
        return self.engine.cluster

    @property
    def store(self) -> Store:
        return self.engine.cluster.store

    @property
    def kind(self) -> Kind:
        return self.target.kind

    @property
    def namespace(self) -> str:
        """Of the one object the path names; empty for kinds without namespaces."""
        return self.target.namespace or ""

    @property
    def now(self) -> datetime:
        return self.engine.now()

    def form(self) -> Form:
        return negotiation.form(self.exchange.header(b"accept"))

    # --- writes -------------------------------------------------------------------------------------------

    def media(self) -> str:
        return bodies.media_type(self.exchange.header(b"content-type"))

    def write_options(self, *, applies: bool = False) -> WriteOptions:
        return query.write_options(self.exchange.query, _OPTIONS[self.exchange.method], applies=applies)

    def request(self, options: WriteOptions) -> Request:
        """How the write path is to treat this write."""
        manager = options.manager or query.manager_of_agent(self.exchange.header(b"user-agent"))
        return Request(
            manager,
            dry_run=options.dry_run,
            field_validation=options.field_validation,
            warn=self.exchange.warnings.append,
            user=self.user,
            api_version=self.target.api_version,
            stated_manager=options.manager,
            annotate=self._annotate,
        )

    def _annotate(self, key: str, value: str) -> None:
        """There is no audit log; what would stand in it is logged."""
        said = {"user": self.user.name, "path": self.exchange.raw_path.decode("latin-1")}
        audit.info("%s=%s", key, value, extra=said)

    def allow(self, verb: str) -> None:
        """Raises ApiError 403 where the user may not do this to the target."""
        target = self.target
        asked = for_resource(verb, self.resource, target.namespace or "", target.name, target.subresource)
        check(self.cluster.authorizer, self.user, asked)

    @property
    def resource(self) -> str:
        """By the name that the kind has in the version of the path."""
        group = group_of(self.target.api_version)
        return f"{self.kind.plural}.{group}" if group else self.kind.plural

    async def value(self, options: WriteOptions) -> Any:
        """What was sent. Raises ApiError."""
        body = await self.exchange.body()
        return bodies.decoded(body, self.media(), options.field_validation, self.exchange.warnings.append)

    # --- answers ------------------------------------------------------------------------------------------

    async def give(self, code: int, obj: Object) -> None:
        """One object, in the shape that was asked for."""
        form = self.form()
        shaped = obj if obj.get("kind") == "Status" else self.shaped(obj, form)
        await self.exchange.answer(code, shaped, form.media, pretty=self.pretty)

    @property
    def pretty(self) -> bool:
        raw = self.exchange.query
        return b"pretty" in raw and query.switch(query.parsed(raw), "pretty")

    def shaped(self, obj: Object, form: Form, *, with_columns: bool = True) -> Object:
        if form.shape == "metadata":
            return tables.partial(obj, form.version)
        if form.shape == "table":
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return self.table([obj], metadata, form, with_columns=with_columns)
        return self.seen(obj)

    def seen(self, obj: Object) -> Object:
        """A stored object in the version that the path names."""
        wanted = self.target.api_version
        return obj if obj["apiVersion"] == wanted else self.kind.in_version(obj, wanted)

    def table(
        self, objects: list[Object], metadata: Object, form: Form, *, with_columns: bool = True
    ) -> Object:
        include = query.text(query.parsed(self.exchange.query), "includeObject") or "Metadata"
        if include not in get_args(tables.Include):
            problem = errors.unsupported("includeObject", include, get_args(tables.Include))
            raise errors.invalid("TableOptions", "meta.k8s.io", "", [problem])
        return tables.table(
            self.kind,
            objects,
            metadata,
            self.now,
            include=cast(tables.Include, include),
            version=form.version,
            with_columns=with_columns,
            seen=self.seen,
            api_version=self.target.api_version,
        )
