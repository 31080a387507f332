"""One embedded cluster per environment, all on one virtual clock, with the faults that befall them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import UsageError
from gitrel.rehearsal.faults import Crash, Fault, NeverReady, NodeDies, Outage
from gitrel.rehearsal.outage import InterruptedBackend
from gitrel.repo.model import Catalog, Environment


@dataclass(frozen=True, slots=True)
class NodeSwitch:
    """A node goes off or comes back at `at`."""

    at: datetime
    environment: str
    node: str
    on: bool


class Fleet:
    """Clusters are made when an environment is first asked for, and live in memory.

    `images` are the images that a fault without `image` is about. `faults_from` is the instant from which
    their `at` is counted.
    """

    def __init__(self, catalog: Catalog, start: datetime, *, seed: int = 0) -> None:
        self.clock = VirtualClock(start)
        self._catalog = catalog
        self._seed = seed
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

    def inject(self, faults: Iterable[Fault], images: Sequence[str], start: datetime) -> None:
        """Sets the faults up; `at` counts from `start`, which must not have passed yet."""
        for fault in faults:
            self._check(fault)
            match fault:
                case Outage():
                    self._outages.append(
                        (fault.environment, start + fault.at, start + fault.at + fault.duration)
                    )
                case NodeDies():
                    self._inject_node(fault, start)
                case Crash() | NeverReady():
                    self._inject_behaviour(fault, images)
        self._switches.sort(key=lambda switch: (switch.at, switch.environment, switch.node))

    def close(self) -> None:
        for cluster in self._clusters.values():
            cluster.close()

    def _cluster(self, environment: Environment) -> Cluster:
        if environment.name not in self._clusters:
            spec = ClusterSpec(
                name=environment.name,
                nodes=environment.cluster.nodes,
                seed=self._seed,
                behaviours=environment.cluster.behaviours,
            )
            self._clusters[environment.name] = Cluster(spec, start=self.clock.now())
        return self._clusters[environment.name]

    def _play_to(self, instant: datetime) -> None:
        self.clock.advance_to(instant)
        for cluster in self._clusters.values():
            cluster.run_until(instant)

    def _is_out(self, environment: str) -> bool:
        now = self.clock.now()
        return any(name == environment and begin <= now < end for name, begin, end in self._outages)

    def _throw(self, switch: NodeSwitch) -> None:
        cluster = self._cluster(self._catalog.environments[switch.environment])
        cluster.set_node_power(switch.node, on=switch.on)

    def _check(self, fault: Fault) -> None:
        name = fault.environment
        if name and name not in self._catalog.environments:
            known = ", ".join(sorted(self._catalog.environments))
            raise UsageError(f"--fault: no such environment {name!r}: known are {known}")

    def _inject_node(self, fault: NodeDies, start: datetime) -> None:
        cluster = self._cluster(self._catalog.environments[fault.environment])
        nodes = cluster.node_names()
        node = fault.node or nodes[0]
        if node not in nodes:
            raise UsageError(
                f"--fault: no such node {node!r} in {fault.environment}: it has {', '.join(nodes)}"
            )
        self._switches.append(NodeSwitch(start + fault.at, fault.environment, node, on=False))
        if fault.duration is not None:
            back = start + fault.at + fault.duration
            self._switches.append(NodeSwitch(back, fault.environment, node, on=True))

    def _inject_behaviour(self, fault: Crash | NeverReady, images: Sequence[str]) -> None:
        names = [fault.environment] if fault.environment else sorted(self._catalog.environments)
        rules = [_behaviour(fault, image) for image in ([fault.image] if fault.image else images)]
        for name in names:
            self._cluster(self._catalog.environments[name]).add_behaviours(rules)


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
