"""Every built-in kind of the bundled cluster, in one tuple."""

from __future__ import annotations

from gitrel.cluster.kinds import autoscaling, configuration, core, jobs, networking, pods, services, workloads
from gitrel.cluster.kinds.kind import Kind

BUILTIN: tuple[Kind, ...] = (
    *core.KINDS,
    *configuration.KINDS,
    *pods.KINDS,
    *workloads.KINDS,
    *jobs.KINDS,
    *services.KINDS,
    *networking.KINDS,
    *autoscaling.KINDS,
)
