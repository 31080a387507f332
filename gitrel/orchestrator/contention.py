"""Two writers at once: the one that comes second does its work anew, from what the first has written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from gitrel.errors import Conflict

ATTEMPTS = 8

_Result = TypeVar("_Result")


def anew_on_conflict(work: Callable[[], _Result], attempts: int = ATTEMPTS) -> _Result:
    """What `work` gives, tried again while it raises Conflict; the last Conflict is raised.

    Between two attempts it waits at random, a little longer each time and 2 s at most, so that writers who
    have met once do not meet again.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    return retrying(work)
