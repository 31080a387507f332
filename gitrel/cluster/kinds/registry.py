"""Every built-in kind of the bundled cluster, in one tuple."""

from __future__ import annotations

from gitrel.cluster.kinds import core, networking, pods, workloads
from gitrel.cluster.kinds.kind import Kind

BUILTIN: tuple[Kind, ...] = (*core.KINDS, *pods.KINDS, *workloads.KINDS, *networking.KINDS)
