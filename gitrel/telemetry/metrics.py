"""What a daemon counts, in Prometheus' form: bounded labels, names that users of controllers already chart.

Everything is set from pass reports and events; nothing is computed for a scrape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gitrel import __version__
from gitrel.events import Event

CONTENT_TYPE = CONTENT_TYPE_LATEST
PHASES = (
    "queued", "applying", "settling", "steadying", "watching", "passed", "held", "failed", "rolled-back",
    "superseded",
)  # fmt: skip
ENDINGS = ("passed", "failed", "rolled-back", "aborted", "idle", "running", "paused")


class Metrics:
    """One registry per daemon, so that tests and embedding programs do not share counters."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        place = ("component", "environment")

        self._build = gauge("gitrel_build_info", "Always 1.", ["version"])
        self._build.labels(__version__).set(1)
        self._passes = counter("gitrel_reconcile_total", "Passes.", ["result"])
        self._pass_seconds = histogram("gitrel_reconcile_time_seconds", "How long a pass takes.")
        self._phase = gauge(
            "gitrel_rollout_phase", "1 for the phase that an environment is in.", [*place, "phase"]
        )
        self._version = gauge(
            "gitrel_component_info",
            "1 for the version on its way to, or in, an environment.",
            [*place, "version"],
        )
        self._unwell = gauge(
            "gitrel_environment_unwell", "1 where a release fell ill after it had passed.", place
        )
        self._heard = gauge(
            "gitrel_remote_last_heard_timestamp_seconds",
            "When the Git remote answered last, in seconds since 1970; none where there is no remote.",
            ["branch"],
        )
        self._promotions = counter("gitrel_promotion_total", "Pointers moved.", ["component"])
        self._endings = counter("gitrel_rollout_total", "Rollouts that ended.", ["component", "status"])
        self._applied = counter("gitrel_apply_total", "Releases applied.", ["environment", "because"])
        self._unreachable = counter(
            "gitrel_unreachable_total", "Clusters that did not answer.", ["environment"]
        )
        self._skew = gauge(
            "gitrel_cluster_clock_skew_seconds",
            "How far a cluster's clock is ahead of this machine's; none while they agree.",
            ["environment"],
        )
        self._drift = counter("gitrel_drift_total", "Objects that others have changed.", place)
        self._fights = counter(
            "gitrel_drift_fights_total",
            "Objects that somebody else keeps changing, and that are left alone.",
            place,
        )
        self._drifted = gauge(
            "gitrel_drifted_objects",
            "Objects that do not hold now what was applied; none where a component has no drift.",
            place,
        )
        self._watches = counter(
            "gitrel_watch_troubles_total",
            "What watches have met and survived: expired, silent, broken, error, garbage, too-long, refused, "
            "too-many, fault.",
            ["environment", "trouble"],
        )
        # What was set last, so that it is taken back when it is true no longer.
        self._ill: dict[str, frozenset[str]] = {}
        self._adrift: dict[str, frozenset[str]] = {}
        self._versions: dict[tuple[str, str], str] = {}
        self._troubles: dict[tuple[str, str], int] = {}

    def passed(self, took: timedelta) -> None:
        """A pass ended well."""
        self._passes.labels("success").inc()
        self._pass_seconds.observe(took.total_seconds())

    def failed(self, took: timedelta) -> None:
        """A pass ended with an error."""
        self._passes.labels("error").inc()
        self._pass_seconds.observe(took.total_seconds())

    def note_heard(self, branch: str, at: datetime | None) -> None:
        """When the remote of `branch` answered last; None says nothing."""
        if at is not None:
            self._heard.labels(branch).set(at.timestamp())

    def hear(self, event: Event) -> None:
        """A listener for the event stream."""
        component, environment, data = event.component, event.environment, event.data
        match event.kind:
            case "environment.phase":
                self._enter(component, environment, str(data.get("to", "")), str(data.get("version", "")))
            case "pointer.moved":
                self._promotions.labels(component).inc()
            case "rollout.finished" | "rollout.failed":
                status = str(data.get("status", ""))
                self._endings.labels(component, status if status in ENDINGS else "other").inc()
            case "environment.applied":
                self._applied.labels(environment, str(data.get("because", ""))).inc()
            case "cluster.unreachable":
                self._unreachable.labels(environment).inc()
            case "cluster.clock":
                self._skew.labels(environment).set(float(data.get("seconds", 0)))
            case "drift.found":
                self._drift.labels(component, environment).inc()
            case "drift.fought":
                self._fights.labels(component, environment).inc()

    def note_unwell(self, component: str, unwell: Mapping[str, bool]) -> None:
        """After each pass: environment → still. So a daemon that begins anew knows who was ill before."""
        for environment in self._ill.get(component, frozenset()) - unwell.keys():
            self._unwell.remove(component, environment)
        for environment, still in unwell.items():
            self._unwell.labels(component, environment).set(still)
        self._ill[component] = frozenset(unwell)

    def note_drift(self, component: str, drifted: Mapping[str, int]) -> None:
        """After each pass: environment → objects that do not hold, as a daemon that begins anew knows too."""
        for environment in self._adrift.get(component, frozenset()) - drifted.keys():
            self._drifted.remove(component, environment)
        for environment, count in drifted.items():
            self._drifted.labels(component, environment).set(count)
        self._adrift[component] = frozenset(drifted)

    def note_watches(self, environment: str, troubles: Mapping[str, int]) -> None:
        """After each pass: all that were met on this connection so far. A new connection counts from 0."""
        for trouble, count in troubles.items():
            before = self._troubles.get((environment, trouble), 0)
            if new := count - before if count >= before else count:
                self._watches.labels(environment, trouble).inc(new)
            self._troubles[environment, trouble] = count

    def _enter(self, component: str, environment: str, phase: str, version: str) -> None:
        for name in PHASES:
            self._phase.labels(component, environment, name).set(name == phase)
        old = self._versions.get((component, environment))
        if old is not None and old != version:
            self._version.remove(component, environment, old)
        self._versions[component, environment] = version
        self._version.labels(component, environment, version).set(1)

    def described(self) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
        """(name as it is scraped, type, labels, meaning) of each metric, by name."""
        for metric in sorted(self._metrics, key=lambda metric: str(metric._name)):
            kind = str(metric._type)
            name = f"{metric._name}_total" if kind == "counter" else str(metric._name)
            yield name, kind, tuple(metric._labelnames), str(metric._documentation)

    @property
    def _metrics(self) -> Iterator[Counter | Gauge | Histogram]:
        return (value for value in vars(self).values() if isinstance(value, (Counter, Gauge, Histogram)))

    def text(self) -> bytes:
        """The page that Prometheus scrapes."""
        return generate_latest(self._registry)
