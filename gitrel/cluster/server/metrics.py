"""`/metrics`: what the server has been asked and what it holds, by the names that Kubernetes gives them.

One registry per server, so that several may run in a process. The labels are those of apiserver
`pkg/endpoints/metrics`; dashboards and rules made for a real API server read it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.paths import Target

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope")
_SECONDS = (
    0.005,
    0.025,
    0.05,
    0.1,
    0.2,
    0.4,
    0.6,
    0.8,
    1.0,
    1.25,
    1.5,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    15,
    20,
    30,
    45,
    60,
)
_VERBS = {"deletecollection": "DELETECOLLECTION", "create": "POST", "update": "PUT"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about, as its labels say it."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    scope: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.verb, self.group, self.version, self.resource, self.subresource, self.scope)


def of_path(method: str) -> Asked:
    """What is no resource: a document, a health check."""
    return Asked(method)


def of_target(verb: str, target: Target) -> Asked:
    """`verb` as authorization names it."""
    group, _, version = target.api_version.rpartition("/")
    scope = "resource" if target.name else "namespace" if target.namespace is not None else "cluster"
    name = _VERBS.get(verb, verb.upper())
    return Asked(name, group, version, target.kind.plural, target.subresource, scope)


class _Held(Collector):
    """What the cluster holds, counted when it is asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[Metric]:
        store = self._engine.cluster.store
        objects = GaugeMetricFamily(
            "apiserver_storage_objects", "Objects of each resource that are stored.", labels=["resource"]
        )
        for resource in store.resources():
            objects.add_metric([resource], store.count(resource))
        yield objects
        revision = GaugeMetricFamily(
            "apiserver_storage_revision", "The resourceVersion of the latest change."
        )
        revision.add_metric([], store.revision)
        yield revision


class Metrics:
    """Of one server."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "apiserver_request_total",
            "Requests by what they were about and the code they were answered with.",
            (*_LABELS, "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "apiserver_request_duration_seconds",
            "Seconds from a request's head to the end of its answer; watches are not counted.",
            _LABELS,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._inflight = Gauge(
            "apiserver_current_inflight_requests",
            "Requests that are being answered now, by whether they may write.",
            ("request_kind",),
            registry=self.registry,
        )
        self._long = Gauge(
            "apiserver_longrunning_requests", "Watches that are open now.", _LABELS, registry=self.registry
        )
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(_Held(engine))

    def began(self, asked: Asked) -> None:
        if asked.verb == "WATCH":
            self._long.labels(*asked.labels).inc()
        else:
            self._inflight.labels(_kind(asked)).inc()

    def ended(self, asked: Asked, code: int, seconds: float) -> None:
        """`code` is 0 for a client that went away before it was answered."""
        if asked.verb == "WATCH":
            self._long.labels(*asked.labels).dec()
        else:
            self._inflight.labels(_kind(asked)).dec()
            self._seconds.labels(*asked.labels).observe(seconds)
        self._requests.labels(*asked.labels, str(code)).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


def _kind(asked: Asked) -> str:
    return "readOnly" if asked.verb in ("GET", "LIST", "HEAD") else "mutating"
