"""What runs in a cluster: the controllers, the scheduler, the kubelets and the expiry of events, in fixed
order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitrel.cluster.controllers import registry
from gitrel.cluster.controllers.controller import Controller
from gitrel.cluster.expiry import EventExpiry
from gitrel.cluster.kubelet import behaviours
from gitrel.cluster.kubelet.kubelet import Kubelet
from gitrel.cluster.scheduler.scheduler import Scheduler
from gitrel.cluster.spec import ClusterSpec

Controllers = Callable[[ClusterSpec], Sequence[Controller]]
"""Makes new ones for each cluster: what a controller remembers to be quick belongs to one cluster."""


def default_controllers(spec: ClusterSpec) -> Sequence[Controller]:
    """Everything that a cluster has, without what `spec.without` names. Raises InvalidRepository for bad
    rules.
    """
    parts = (
        *registry.controllers(),
        Scheduler(),
        Kubelet(behaviours.parse(spec.behaviours)),
        EventExpiry(),
    )
    return [part for part in parts if part.name not in spec.without]
