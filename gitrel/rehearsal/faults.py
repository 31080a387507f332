"""What goes wrong in a rehearsal, as data: what, where and when.

    crash:after=40m[,image=*/web:2*][,in=canary][,code=1][,again=5s]
                                                     its containers crash, and again after each restart
    never-ready[:image=…][,in=…]                     its containers start and never get ready
    outage:in=asia,at=2h,for=30m                     the cluster does not answer
    node-dies:in=asia,at=2h[,for=1h][,node=node-0]   a node stops, and comes back where `for` says when

`at` counts from the beginning of the rehearsal; `after` from the start of each container. Without `image`
every image is meant that the rehearsed version brings and its predecessor did not have; without `in`,
every environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gitrel.clock import parse_duration
from gitrel.errors import UsageError


@dataclass(frozen=True, slots=True)
class Crash:
    """Containers of `image` exit with `code`, `after` their start, and `again` after each restart."""

    after: timedelta
    again: timedelta = timedelta(seconds=5)
    code: int = 1
    image: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class NeverReady:
    image: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    environment: str
    at: timedelta
    duration: timedelta


@dataclass(frozen=True, slots=True)
class NodeDies:
    """The node named `node`, or the first one; for ever where `duration` is None."""

    environment: str
    at: timedelta
    duration: timedelta | None = None
    node: str = ""


Fault = Crash | NeverReady | Outage | NodeDies


def parse(text: str) -> Fault:
    """`KIND[:key=value,…]` → Fault. Raises UsageError naming the part that is wrong and what is known."""
    kind, _, rest = text.partition(":")
    if kind not in _KINDS:
        raise UsageError(f"--fault {text!r}: unknown fault {kind!r}: known are {', '.join(_KINDS)}")
    required, optional, build = _KINDS[kind]
    values: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not value or key not in required + optional:
            known = ", ".join(required + optional)
            raise UsageError(f"--fault {text!r}: {part!r} is not understood: write key=value with {known}")
        values[key] = value
    if missing := [key for key in required if key not in values]:
        raise UsageError(f"--fault {text!r}: {' and '.join(missing)} missing: for example {_EXAMPLES[kind]}")
    try:
        return build(values)
    except ValueError as error:
        raise UsageError(f"--fault {text!r}: {error}") from None


def _crash(values: Mapping[str, str]) -> Fault:
    return Crash(
        after=parse_duration(values["after"]),
        again=parse_duration(values.get("again", "5s")),
        code=int(values.get("code", "1")),
        image=values.get("image", ""),
        environment=values.get("in", ""),
    )


def _never_ready(values: Mapping[str, str]) -> Fault:
    return NeverReady(image=values.get("image", ""), environment=values.get("in", ""))


def _outage(values: Mapping[str, str]) -> Fault:
    return Outage(values["in"], parse_duration(values["at"]), parse_duration(values["for"]))


def _node_dies(values: Mapping[str, str]) -> Fault:
    duration = parse_duration(values["for"]) if "for" in values else None
    return NodeDies(values["in"], parse_duration(values["at"]), duration, values.get("node", ""))


_KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Mapping[str, str]], Fault]]] = {
    "crash": (("after",), ("again", "code", "image", "in"), _crash),
    "never-ready": ((), ("image", "in"), _never_ready),
    "outage": (("in", "at", "for"), (), _outage),
    "node-dies": (("in", "at"), ("for", "node"), _node_dies),
}
_EXAMPLES = {
    "crash": "crash:after=40m,in=canary",
    "outage": "outage:in=asia,at=2h,for=30m",
    "node-dies": "node-dies:in=asia,at=2h",
}
