"""What a backend can answer without asking: from watches in a daemon, from lists made ahead in a job.

A watch answers for as long as it follows the server without a gap. A list answers for the pass that made it.
Where neither does, or the cluster does not allow it, the caller asks the cluster itself.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from gitrel.backends.backend import Refused, Scope
from gitrel.backends.kubernetes.memory import Changes, Kept, Memory, TooMany
from gitrel.backends.kubernetes.watch import Follow, ListAll, Watch
from gitrel.kube.identity import Object

FEW = 3
"""Objects up to which asking for each costs no more than listing everybody's."""
FRESH_SECONDS = 1.0
"""A list this young is not made again: it belongs to the same pass."""
PASS_SECONDS = 120.0
"""How long a list made ahead answers at most."""
RETRY_SECONDS = 600.0
"""After which a scope that may not be watched is tried again, and one that nobody wanted is let go."""
WATCHES_MAX = 64
"""Watches of one cluster. Each has a connection and a thread."""

Keep = Callable[[Mapping[str, Any]], Kept]


@dataclass(slots=True)
class _Held:
    memory: Memory
    watch: Watch | None
    at: float


class Recall:
    """`list_all` and `follow` make the requests of a scope with a selector; the first says what it keeps of
    each object. `threads` runs lists at once."""

    def __init__(
        self,
        list_all: Callable[[Scope, Mapping[str, str], Keep], tuple[Iterable[Kept], str]],
        follow: Callable[[Scope, Mapping[str, str], Mapping[str, str], float], Any],
        threads: Executor,
        *,
        watching: bool,
        heard: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._list_all = list_all
        self._follow = follow
        self._threads = threads
        self._watching = watching
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Scope, _Held] = {}
        self._refused: dict[Scope, float] = {}
        self._wanted: frozenset[Scope] = frozenset()
        self._past: Counter[str] = Counter()
        self.changes = Changes(heard)

    def hold(self, wanted: Mapping[Scope, int], selector: Mapping[str, str], count_by: str) -> None:
        """See `Remembering.hold`. Raises Unreachable."""
        now = self._clock()
        self._let_go(now)
        if not self._watching:
            with self._lock:
                for scope in (scope for scope, count in wanted.items() if count < FEW):
                    self._held.pop(scope, None)
            wanted = {scope: count for scope, count in wanted.items() if count >= FEW}
        missing = [scope for scope in wanted if not self._is_held(scope, now)]
        for held in self._threads.map(lambda scope: self._begin(scope, selector, count_by), missing):
            if held is not None:
                with self._lock:
                    self._held[held.memory.scope] = held
        with self._lock:
            self._wanted |= frozenset(wanted)

    def _is_held(self, scope: Scope, now: float) -> bool:
        """Whether nothing is to be done for the scope: it is answered for, or cannot be."""
        if now - self._refused.get(scope, -RETRY_SECONDS) < RETRY_SECONDS:
            return True
        held = self._held.get(scope)
        if held is None:
            return self._watching and len(self._held) >= WATCHES_MAX
        if held.watch is None:
            return now - held.at < FRESH_SECONDS
        held.at = now
        return True  # also while it is reconnecting: that is its own business

    def _begin(self, scope: Scope, selector: Mapping[str, str], count_by: str) -> _Held | None:
        """None where the cluster does not allow it, or holds too much: both are asked for then."""
        memory = Memory(scope, selector, count_by, self.changes, self._clock)
        list_all: ListAll = partial(self._list_all, scope, selector, memory.keep)
        follow: Follow = partial(self._follow, scope, selector)
        try:
            if not self._watching:
                memory.replace(list_all()[0])
                return _Held(memory, None, self._clock())
            watch = Watch(memory, list_all, follow)
            watch.start()
            return _Held(memory, watch, self._clock())
        except (Refused, TooMany) as error:
            self._refused[scope] = self._clock()
            with self._lock:
                self._past["refused" if isinstance(error, Refused) else "too-many"] += 1
            return None

    def _let_go(self, now: float) -> None:
        """Ends what nobody has wanted for long."""
        with self._lock:
            old = [scope for scope, held in self._held.items() if now - held.at > RETRY_SECONDS]
            ended = [self._held.pop(scope) for scope in old]
            self._wanted -= frozenset(old)
            for held in ended:
                self._past.update(held.watch.troubles if held.watch else {})
        for held in ended:
            if held.watch is not None:
                held.watch.stop()

    def memory(self, scope: Scope, selector: Mapping[str, str] | None = None) -> Memory | None:
        """What answers for the scope now, for objects that match at least `selector`; None: ask."""
        held = self._held.get(scope)
        if held is None or not (held.memory.selector.items() <= (selector or {}).items() or selector is None):
            return None
        if held.watch is not None:
            return held.memory if held.watch.is_live else None
        return held.memory if self._clock() - held.at < PASS_SECONDS else None

    def is_whole(self) -> bool:
        """Whether changes cannot go unheard: everything that was wanted is followed without a gap."""
        if not self._watching or not self._wanted:
            return False
        held = dict(self._held)
        return all(
            (one := held.get(scope)) is not None and one.watch is not None and one.watch.is_live
            for scope in self._wanted
        )

    def wrote(self, obj: Object) -> None:
        """gitrel itself has written this; nobody needs to be told."""
        metadata = obj.get("metadata") or {}
        scope = Scope(str(obj.get("apiVersion")), str(obj.get("kind")), str(metadata.get("namespace") or ""))
        held = self._held.get(scope)
        if held is None:
            return
        labels = metadata.get("labels") or {}
        if held.memory.selector.items() <= labels.items():
            try:
                held.memory.put(obj, own=True)
            except TooMany:
                self._refused[scope] = self._clock()

    def forget(self) -> None:
        """After a delete outside of a watch: lists made ahead answer no more."""
        if not self._watching:
            with self._lock:
                self._held.clear()

    def gaps(self) -> int:
        """How often a watch has lost its server, if only for a moment."""
        return sum(held.watch.gaps for held in tuple(self._held.values()) if held.watch is not None)

    def troubles(self) -> dict[str, int]:
        """What watches have met and survived, by word, since the beginning. Beside those of `Watch`: refused,
        for kinds that may not be listed, and too-many, for those of which there are too many to remember."""
        with self._lock:
            total = Counter(self._past)
            held = tuple(self._held.values())
        for one in held:
            total.update(one.watch.troubles if one.watch else {})
        return dict(total)

    def close(self) -> None:
        with self._lock:
            ended = list(self._held.values())
            self._held.clear()
            self._wanted = frozenset()
        for held in ended:
            if held.watch is not None:
                held.watch.stop()
