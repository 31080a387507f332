"""A runtime that runs nothing: it answers from an image's behaviour when a process starts, ends, and what it
answers.

Everything is a pure function of the behaviour and of which run it is (0 is the first), in seconds since that
run began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, Literal

from gitrel.cluster.kubelet.behaviours import Behaviour, Role, Window
from gitrel.cluster.kubelet.termination import EXIT_SIGKILL, Stopping, pre_stop_seconds
from gitrel.kube import quantities

ProbeKind = Literal["startup", "liveness", "readiness"]


@dataclass(frozen=True, slots=True)
class Exit:
    after_seconds: float
    exit_code: int
    reason: Literal["Completed", "Error", "OOMKilled"]


def exit_of(
    behaviour: Behaviour, role: Role, restart_policy: str, run: int, memory_limit: float | None
) -> Exit | None:
    """How the run ends by itself: the earliest of a crash, the end of its work, and outgrowing its memory."""
    ends = []
    crash = behaviour.crash
    if crash is not None and run < crash.times:
        after = crash.after_seconds if run == 0 else crash.again_seconds
        ends.append(Exit(after, crash.exit_code, "Error"))
    completes = behaviour.completes_after(role, restart_policy)
    if completes is not None:
        ends.append(Exit(completes, 0, "Completed"))
    if memory_limit is not None and (outgrown := behaviour.memory.first_above(memory_limit)) is not None:
        ends.append(Exit(outgrown, EXIT_SIGKILL, "OOMKilled"))
    return min(ends, key=lambda end: end.after_seconds, default=None)


@lru_cache(maxsize=1024)
def answers(behaviour: Behaviour, kind: ProbeKind) -> tuple[Window, ...]:
    """The windows in which a probe of this kind is answered well."""
    if kind == "readiness" and behaviour.never_ready:
        return ()
    healthy, sick = Window(behaviour.ready_after_seconds), behaviour.unhealthy
    if sick is None:
        return (healthy,)
    parts = (
        Window(healthy.after_seconds, sick.after_seconds),
        Window(max(healthy.after_seconds, sick.until_seconds), inf),
    )
    return tuple(part for part in parts if part.after_seconds < part.until_seconds)


def stopping(container: Mapping[str, Any], behaviour: Behaviour, sidecar: bool) -> Stopping:
    """What the process does when it is told to stop."""
    return Stopping(
        container["name"],
        sidecar,
        pre_stop_seconds(container, behaviour.pre_stop_seconds),
        None if behaviour.ignores_sigterm else behaviour.stop_seconds,
    )


def memory_limit(container: Mapping[str, Any]) -> float | None:
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return None if limit is None else float(quantities.whole(limit))
