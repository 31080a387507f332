"""When a container is started again, and when an image is pulled again: the two back-offs of the kubelet.

Both go 10 s, 20, 40, … 300 s. A crashed container waits from the moment it finished; the first restart is
immediate, and so is one after a run of more than 600 s (client-go `util/flowcontrol/backoff.go`). The level
is not remembered anywhere: it shows in how long the last restart was put off, which the pod's own status
tells.
"""

from __future__ import annotations

import re
from math import inf

BACKOFF_FIRST_SECONDS = 10.0
BACKOFF_MAX_SECONDS = 300.0
FORGOTTEN_AFTER_SECONDS = 2 * BACKOFF_MAX_SECONDS
_LEVELS = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)


def should_restart(policy: str, exit_code: int) -> bool:
    """`policy` is the pod's restartPolicy (for a sidecar: Always)."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def crash_delay_seconds(run_seconds: float, put_off_seconds: float | None) -> float:
    """How long a restart waits, counted from the finish of the run.

    `run_seconds` is how long the run lasted, counted from the decision to start it; `put_off_seconds` how
    long that decision had waited itself, None where the run was the container's first.
    """
    if put_off_seconds is None or run_seconds > FORGOTTEN_AFTER_SECONDS:
        return 0.0
    # Recorded instants are whole seconds, so the wait they show may be off by one; the levels are far apart.
    level = min(_LEVELS, key=lambda known: abs(known - put_off_seconds))
    return min(2 * level, BACKOFF_MAX_SECONDS) if level else BACKOFF_FIRST_SECONDS


def pull_succeeds_at(first_failure: float, works_from: float) -> float:
    """The first retry of a failed pull that finds the registry working; infinite where it never does."""
    if works_from == inf:
        return inf
    retry, delay = first_failure + BACKOFF_FIRST_SECONDS, BACKOFF_FIRST_SECONDS
    while retry < works_from:
        delay = min(2 * delay, BACKOFF_MAX_SECONDS)
        retry += delay
    return retry


_DELAY = re.compile(r"back-off (?:(\d+)m)?(\d+)s ", re.ASCII)


def waiting_message(delay_seconds: float, container: str, pod: str) -> str:
    """What CrashLoopBackOff says; the delay in it is the record that a later look reads back."""
    minutes, seconds = divmod(int(delay_seconds), 60)
    delay = f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    return f"back-off {delay} restarting failed container={container} pod={pod}"


def delay_of_message(message: str) -> float:
    """Reads back what `waiting_message` wrote; the longest delay where somebody else wrote it."""
    match = _DELAY.match(message)
    return float(match[1] or 0) * 60 + float(match[2]) if match else BACKOFF_MAX_SECONDS
