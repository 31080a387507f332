"""One embedded cluster per environment, all on one virtual clock, with the faults that befall them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend, new_cluster
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.errors import UsageError
from gitrel.kube.fields import removed, replaced
from gitrel.rehearsal.faults import Crash, Fault, NeverReady, NodeDies, Outage
from gitrel.rehearsal.outage import InterruptedBackend
from gitrel.repo.model import Catalog, Environment
from gitrel.repo.suggest import unknown


@dataclass(frozen=True, slots=True)
class NodeSwitch:
    """A node goes off or comes back at `at`."""

    at: datetime
    environment: str
    node: str
    on: bool


POWER = ("metadata", "annotations", "gitrel.dev/power")
"""What the bundled kubelet of a node looks at (`cluster.kubelet.nodes`)."""


class Fleet:
    """Clusters are made when an environment is first asked for, and live in memory.

    `images` are what a fault without `image` is about. What images do is part of a cluster from its first
    instant; outages and dying nodes begin to count when `begin` is called.
    """

    def __init__(
        self,
        catalog: Catalog,
        start: datetime,
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        images: Sequence[str] = (),
    ) -> None:
        self.clock = VirtualClock(start)
        self._catalog = catalog
        self._seed = seed
        self._faults = tuple(faults)
        self._images = tuple(images)
        for fault in self._faults:
            self._check(fault)
        self._clusters: dict[str, Cluster] = {}
        self._outages: list[tuple[str, datetime, datetime]] = []
        self._switches: list[NodeSwitch] = []

    def connect(self, environment: Environment) -> Backend:
        """What `orchestrator.Clusters` calls: the environment's cluster, behind its outages."""
        cluster = self._cluster(environment)
        backend = EmbeddedBackend(cluster, self.clock)
        return InterruptedBackend(backend, environment.name, lambda: self._is_out(environment.name))

    def advance_to(self, instant: datetime) -> None:
        """Moves the clock and plays every cluster up to it; nodes fail and return at their own instants."""
        while self._switches and self._switches[0].at <= instant:
            switch = self._switches.pop(0)
            self._play_to(switch.at)
            self._throw(switch)
        self._play_to(instant)

    def next_fault(self, at_most: timedelta) -> datetime:
        """The next instant at which a fault begins or ends, or `at_most` from now."""
        now = self.clock.now()
        edges = [edge for _, begin, end in self._outages for edge in (begin, end)]
        edges += [switch.at for switch in self._switches]
        return min([edge for edge in edges if edge > now], default=now + at_most)

    def begin(self) -> None:
        """From now on the faults' `at` counts. Raises UsageError for a node that does not exist."""
        start = self.clock.now()
        for fault in self._faults:
            if isinstance(fault, Outage):
                begins = start + fault.at
                self._outages.append((fault.environment, begins, begins + fault.duration))
            elif isinstance(fault, NodeDies):
                self._plan_death(fault, start)
        self._switches.sort(key=lambda switch: (switch.at, switch.environment, switch.node))

    def _cluster(self, environment: Environment) -> Cluster:
        if environment.name not in self._clusters:
            self._clusters[environment.name] = new_cluster(
                environment, start=self.clock.now(), seed=self._seed, rules=self._rules(environment.name)
            )
        return self._clusters[environment.name]

    def _rules(self, environment: str) -> list[Mapping[str, Any]]:
        """What images do here beside what the environment says."""
        return [
            _behaviour(fault, image)
            for fault in self._faults
            if isinstance(fault, (Crash, NeverReady)) and fault.environment in ("", environment)
            for image in ([fault.image] if fault.image else self._images)
        ]

    def _play_to(self, instant: datetime) -> None:
        self.clock.advance_to(instant)
        for cluster in self._clusters.values():
            cluster.run_until(instant)

    def _is_out(self, environment: str) -> bool:
        now = self.clock.now()
        return any(name == environment and begin <= now < end for name, begin, end in self._outages)

    def _throw(self, switch: NodeSwitch) -> None:
        cluster = self._cluster(self._catalog.environments[switch.environment])
        node = cluster.api.get("nodes", switch.node)
        cluster.api.update(removed(node, POWER) if switch.on else replaced(node, POWER, "off"))
        cluster.settle()

    def _check(self, fault: Fault) -> None:
        name = fault.environment
        if name and name not in self._catalog.environments:
            known = sorted(self._catalog.environments)
            raise UsageError(f"--fault: there is no environment {unknown(name, known)}")

    def _plan_death(self, fault: NodeDies, start: datetime) -> None:
        cluster = self._cluster(self._catalog.environments[fault.environment])
        nodes = [node["metadata"]["name"] for node in cluster.reader.list("nodes")]
        node = fault.node or nodes[0]
        if node not in nodes:
            raise UsageError(f"--fault: {fault.environment} has no node {unknown(node, nodes)}")
        self._switches.append(NodeSwitch(start + fault.at, fault.environment, node, on=False))
        if fault.duration is not None:
            back = start + fault.at + fault.duration
            self._switches.append(NodeSwitch(back, fault.environment, node, on=True))


def _behaviour(fault: Crash | NeverReady, image: str) -> Mapping[str, Any]:
    """The fault as a rule of the bundled kubelet (`cluster.kubelet.behaviours`)."""
    if isinstance(fault, NeverReady):
        return {"image": image, "neverReady": True}
    crash = {
        "after": f"{fault.after.total_seconds():g}s",
        "again": f"{fault.again.total_seconds():g}s",
        "exitCode": fault.code,
    }
    return {"image": image, "crash": crash}
