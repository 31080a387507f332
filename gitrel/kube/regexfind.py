"""Where a pattern of RE2 matches: the leftmost match, as Go's `regexp` finds it, in time linear in the text.

All states are followed at once (Thompson, Pike), so that no pattern of a stranger can make it go back and
forth. `gitrel.kube.regex` only tells whether there is a match, and is much faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gitrel.kube.regex import BadPattern
from gitrel.kube.regexparse import (
    Alternatives,
    Assertion,
    Letter,
    Node,
    Repeat,
    Row,
    parse,
)

PROGRAM_MAX = 5_000
"""Instructions, once counted repetitions are written out."""


class Step(NamedTuple):
    """`letter` goes on where it holds; else to `to`, in the order of preference; neither: it is a match."""

    letter: Callable[[str], bool] | None
    to: tuple[int, ...]
    holds: Callable[[str, int], bool] | None = None


Program = Sequence[Step]


@lru_cache(maxsize=256)
def program(pattern: str) -> Program:
    """Raises BadPattern."""
    steps: list[Step] = []
    _emit(parse(pattern), steps)
    steps.append(Step(None, ()))
    return steps


def _emit(node: Node, steps: list[Step]) -> None:
    if len(steps) > PROGRAM_MAX:
        raise BadPattern("error parsing regexp: expression too large")
    match node:
        case Letter(test=test):
            steps.append(Step(test, ()))
        case Assertion(holds=holds):
            steps.append(Step(None, (len(steps) + 1,), holds))
        case Row(parts=parts):
            for part in parts:
                _emit(part, steps)
        case Alternatives(options=options):
            _emit_alternatives(options, steps)
        case Repeat():
            _emit_repeat(node, steps)


def _emit_alternatives(options: Sequence[Node], steps: list[Step]) -> None:
    ends = []
    for option in options[:-1]:
        fork = len(steps)
        steps.append(Step(None, ()))
        _emit(option, steps)
        ends.append(len(steps))
        steps.append(Step(None, ()))
        steps[fork] = Step(None, (fork + 1, len(steps)))
    _emit(options[-1], steps)
    for end in ends:
        steps[end] = Step(None, (len(steps),))


def _emit_repeat(node: Repeat, steps: list[Step]) -> None:
    for _ in range(node.least):
        _emit(node.part, steps)
    if node.most is None:
        fork = len(steps)
        steps.append(Step(None, ()))
        _emit(node.part, steps)
        steps.append(Step(None, (fork,)))
        steps[fork] = Step(None, _preferred(fork + 1, len(steps), lazy=node.lazy))
        return
    forks = []
    for _ in range(node.most - node.least):
        forks.append(len(steps))
        steps.append(Step(None, ()))
        _emit(node.part, steps)
    for fork in forks:
        steps[fork] = Step(None, _preferred(fork + 1, len(steps), lazy=node.lazy))


def _preferred(on: int, out: int, *, lazy: bool) -> tuple[int, ...]:
    return (out, on) if lazy else (on, out)


Threads = list[tuple[int, int]]
"""(instruction, where its match began), in the order of preference."""


def _add(
    steps: Program, threads: Threads, seen: set[int], place: int, began: int, text: str, at: int
) -> None:
    waiting = [place]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        step = steps[here]
        if step.letter is not None or not step.to:
            threads.append((here, began))
        elif step.holds is None or step.holds(text, at):
            waiting.extend(reversed(step.to))


def search(pattern: str, text: str, start: int = 0) -> tuple[int, int] | None:
    """Where the leftmost match at or after `start` begins and ends. Raises BadPattern."""
    steps = program(pattern)
    threads: Threads = []
    seen: set[int] = set()
    found: tuple[int, int] | None = None
    for at in range(start, len(text) + 1):
        if found is None:
            _add(steps, threads, seen, 0, at, text, at)
        if not threads and found is not None:
            break
        then: Threads = []
        seen = set()
        for place, began in threads:
            step = steps[place]
            if step.letter is None:
                # What is preferred less than a match does not count any more.
                found = (began, at)
                break
            if at < len(text) and step.letter(text[at]):
                _add(steps, then, seen, place + 1, began, text, at + 1)
        threads = then
    return found


def find_all(pattern: str, text: str, limit: int = -1) -> list[str]:
    """Matches that do not overlap; an empty one right behind another does not count. Raises BadPattern."""
    found: list[str] = []
    at, last_end = 0, -1
    while at <= len(text) and len(found) != limit:
        match = search(pattern, text, at)
        if match is None:
            break
        begin, end = match
        if begin != end or begin != last_end:
            found.append(text[begin:end])
        at, last_end = (end + 1 if begin == end else end), end
    return found
