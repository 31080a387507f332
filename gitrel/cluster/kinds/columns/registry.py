"""Every kind's own table by its resource; any other kind shows its name and its age."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.cluster.kinds.columns import core, network, pods, workloads
from gitrel.cluster.kinds.columns.printing import AGE, NAME, Columns

PLAIN = Columns((NAME, AGE))

COLUMNS: Mapping[str, Columns] = {
    "configmaps": core.CONFIG_MAPS,
    "deployments.apps": workloads.DEPLOYMENTS,
    "endpointslices.discovery.k8s.io": network.ENDPOINT_SLICES,
    "events": core.EVENTS,
    "horizontalpodautoscalers.autoscaling": workloads.AUTOSCALERS,
    "ingresses.networking.k8s.io": network.INGRESSES,
    "jobs.batch": workloads.JOBS,
    "leases.coordination.k8s.io": core.LEASES,
    "namespaces": core.NAMESPACES,
    "nodes": core.NODES,
    "pods": pods.PODS,
    "replicasets.apps": workloads.REPLICA_SETS,
    "secrets": core.SECRETS,
    "serviceaccounts": core.SERVICE_ACCOUNTS,
    "services": network.SERVICES,
}


def columns_of(resource: str) -> Columns:
    return COLUMNS.get(resource, PLAIN)
