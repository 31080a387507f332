"""`/gitrel/clock`: the one path that is not Kubernetes'. Tells a cluster's time, and moves a virtual one.

GET gives `{"clock": "virtual", "now": …, "next": …}`; POST with `{"advance": "10m"}` plays that much time and
gives the same when it is played. Who may is asked like for any path: administrators, and whoever has the verb
`post` on this nonResourceURL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitrel.clock import format_instant, parse_duration
from gitrel.cluster.api.errors import ApiError, bad_request
from gitrel.cluster.server import bodies
from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.exchange import Exchange

PARTS = ("gitrel", "clock")
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""Instants end in the year 9999, and deadlines are counted from now on."""


async def answer(exchange: Exchange, engine: Engine) -> None:
    """Raises ApiError."""
    if exchange.method == "POST":
        await _advance(exchange, engine)
    elif exchange.method not in ("GET", "HEAD"):
        raise ApiError(405, "MethodNotAllowed", "the clock is read with GET and moved with POST")
    await exchange.answer(200, told(engine))


def told(engine: Engine) -> dict[str, Any]:
    """`next` is when something happens by itself; None while all is still."""
    due = engine.cluster.next_due()
    return {
        "clock": "virtual" if engine.pace.movable else "system",
        "now": format_instant(engine.now()),
        "next": format_instant(due) if due is not None else None,
    }


async def _advance(exchange: Exchange, engine: Engine) -> None:
    by = _duration(bodies.decoded(await exchange.body(), bodies.JSON, "Strict", exchange.warnings.append))
    if not engine.pace.movable:
        raise bad_request(
            "this cluster follows the system clock: nobody can move it, bring it up with a virtual one"
        )
    if engine.now() + by > _LAST:
        raise bad_request("a cluster's time ends with the year 8999")
    await engine.advance(by)


def _duration(sent: Any) -> timedelta:
    text = sent.get("advance") if isinstance(sent, dict) else None
    if not isinstance(text, str):
        raise bad_request('send how far to go: {"advance": "10m"}')
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise bad_request(f"advance: {wrong}") from None
