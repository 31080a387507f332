"""A call to a webhook as a value, and whoever makes it: the one place where admission touches the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One POST of JSON. `address` is where to connect, when that is not what the URL says (a Service)."""

    url: str
    body: bytes
    timeout_seconds: int
    authorities: bytes | None = None
    """PEM of who may sign the webhook's certificate; None for those that the machine trusts."""
    address: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why there is no answer, in the words of Go's HTTP client."""

    why: str


class WebhookCaller(Protocol):
    """Makes calls that may go out at the same time; gives their outcomes in the same order."""

    def call(self, calls: Sequence[Call]) -> Sequence[Answer | Unreachable]: ...


class NoCaller:
    """Of a cluster in process that was given none: nothing is asked, and every webhook counts as failed."""

    def call(self, calls: Sequence[Call]) -> Sequence[Answer | Unreachable]:
        why = "this cluster calls no webhooks: make it with webhooks=HttpsCaller() or a caller of your own"
        return [Unreachable(f'Post "{call.url}": {why}') for call in calls]
