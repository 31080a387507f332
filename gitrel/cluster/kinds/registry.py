"""Every built-in kind of the bundled cluster, in one tuple."""

from __future__ import annotations

from gitrel.cluster.kinds import (
    admissionpolicies,
    apiextensions,
    autoscaling,
    certificates,
    claims,
    configuration,
    core,
    cronjobs,
    endpoints,
    events,
    flowcontrol,
    jobs,
    limits,
    networking,
    networkpolicies,
    pods,
    policy,
    rbac,
    replication,
    reviews,
    scheduling,
    services,
    statefulsets,
    storage,
    volumes,
    webhooks,
    workloads,
)
from gitrel.cluster.kinds.kind import Kind

_FAMILIES = (
    core, configuration, events, pods, replication, workloads, statefulsets, jobs, cronjobs, services,
    endpoints, networking, networkpolicies, autoscaling, policy, limits, claims, volumes, storage, rbac,
    scheduling, certificates, webhooks, admissionpolicies, reviews, flowcontrol,
    apiextensions,
)  # fmt: skip

BUILTIN: tuple[Kind, ...] = tuple(kind for family in _FAMILIES for kind in family.KINDS)
