"""What can go wrong with one request, as actions for the proxy's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from tests.realcluster.faults.proxy import Action, Exchange

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}


def status(
    code: int, reason: str, message: str, *, headers: dict[str, str] | None = None, **details: Any
) -> Action:
    """An answer as an API server gives it: a Status."""
    body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body |= {"message": message, "reason": reason, "code": code}
    if details:
        body["details"] = details
    return answer(code, orjson.dumps(body), JSON | (headers or {}))


def html(code: int, text: str) -> Action:
    """An answer as a proxy on the way gives it."""
    return answer(code, text.encode(), HTML)


def answer(code: int, body: bytes, headers: dict[str, str]) -> Action:
    def act(exchange: Exchange) -> None:
        exchange.reply(code, body, headers)

    return act


def reset(exchange: Exchange) -> None:
    """The connection breaks before anything reached the API server."""
    exchange.reset()


def hang(exchange: Exchange) -> None:
    """The request is taken and never answered."""
    exchange.hang()


def lose_answer(exchange: Exchange) -> None:
    """The API server does what was asked, and its answer is lost."""
    exchange.forward()
    exchange.reset()


def cut_body(exchange: Exchange) -> None:
    """The connection breaks in the middle of the answer."""
    code, headers, body = exchange.forward()
    exchange.reply_cut(code, body, headers, keep=len(body) // 2)


def change(edit: Callable[[Any], Any], headers: dict[str, str] | None = None) -> Action:
    """The API server's answer, with its JSON as `edit` gives it back."""

    def act(exchange: Exchange) -> None:
        code, own, body = exchange.forward()
        exchange.reply(code, orjson.dumps(edit(orjson.loads(body))), own | (headers or {}))

    return act


def insert_lines(lines: Iterable[bytes], *, after: int = 0) -> Action:
    """A watch in which these lines come after `after` of the API server's own."""
    foreign = list(lines)

    def act(exchange: Exchange) -> None:
        own = exchange.stream()
        for _ in range(after):
            exchange.send_line(next(own, b""))
        for line in foreign:
            exchange.send_line(line)
        for line in own:
            exchange.send_line(line)
        exchange.end_stream()

    return act


def watch_closes(*, after: int = 0) -> Action:
    """A watch that ends in good order after some lines, whatever it has still to tell."""

    def act(exchange: Exchange) -> None:
        own = exchange.stream()
        for _ in range(after):
            exchange.send_line(next(own, b""))
        exchange.end_stream()

    return act


def watch_goes_deaf(*, after: int = 0) -> Action:
    """A watch whose other end went without a word: it stays open, and nothing comes any more."""

    def act(exchange: Exchange) -> None:
        own = exchange.stream()
        for _ in range(after):
            exchange.send_line(next(own, b""))
        exchange.hang()

    return act
