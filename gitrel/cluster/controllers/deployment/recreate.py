"""Recreate: nothing new before everything old is gone.

Kubernetes `pkg/controller/deployment/recreate.go`. A terminating pod still runs, so it is waited for; one
that has run to its end is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitrel.cluster.controllers.deployment.replicasets import reported_total
from gitrel.cluster.controllers.podstate import is_terminal
from gitrel.kube.identity import Object


def has_old_pods(old: Iterable[Object], old_pods: Iterable[Object]) -> bool:
    """Whether an old set reports pods, or one of its pods, terminating or not, has not come to its end."""
    return reported_total(old) > 0 or not all(map(is_terminal, old_pods))
