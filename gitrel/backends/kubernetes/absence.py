"""Which objects are not there, learnt from lists of names where asking one by one has found nothing.

A first apply of a thousand small components asks for thousands of objects that do not exist yet. After a few
of those in one scope its names are listed, and say for a moment which others need not be asked for. A list is
made only when as many objects were asked for in vain as it has pages, so it never costs more than they did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from gitrel.backends.backend import Refused, Scope
from gitrel.backends.kubernetes.memory import TooMany

FEW = 3
"""Objects asked for in vain after which a scope is listed. One that is waited for is no reason to."""
FRESH_SECONDS = 3.0
"""How long a list says what is not there: somebody else may create it meanwhile."""


@dataclass(slots=True)
class _Scope:
    """`vain` are the objects that were asked for and are not there; `spared` those that the list in force
    has made it needless to ask for."""

    vain: set[str] = field(default_factory=set)
    needed: int = FEW
    names: set[str] | None = None
    at: float = 0.0
    spared: set[str] = field(default_factory=set)


class Absence:
    """`names_of` lists the names in a scope in so many pages at most; it raises TooMany, Refused and
    Unreachable. `clock` gives seconds. Safe to use from several threads."""

    def __init__(self, names_of: Callable[[Scope, int], Iterable[str]], clock: Callable[[], float]) -> None:
        self._names_of = names_of
        self._clock = clock
        self._listing = threading.Lock()
        self._lock = threading.Lock()
        self._scopes: dict[Scope, _Scope] = {}
        self._meanwhile: set[tuple[Scope, str]] = set()
        self._is_listing = False

    def is_known(self, scope: Scope, name: str) -> bool:
        """Whether there was no such object a moment ago. May list the scope; raises Unreachable then."""
        if scope not in self._scopes:
            return False
        with self._listing:
            one = self._scopes[scope]
            if one.names is not None and self._clock() - one.at >= FRESH_SECONDS:
                one.names, one.vain, one.spared = None, one.spared, set()
            if one.names is None and len(one.vain) >= one.needed:
                self._list(scope, one)
            if one.names is None or name in one.names:
                return False
            one.spared.add(name)
            return True

    def asked_in_vain(self, scope: Scope, name: str) -> None:
        """The server was asked for an object, and there was none."""
        with self._lock:
            self._scopes.setdefault(scope, _Scope()).vain.add(name)

    def made(self, scope: Scope, name: str) -> None:
        """gitrel has written this object, or tried to: it may be there."""
        with self._lock:
            if self._is_listing:
                self._meanwhile.add((scope, name))
            if (one := self._scopes.get(scope)) is not None and one.names is not None:
                one.names.add(name)

    def _list(self, scope: Scope, one: _Scope) -> None:
        """A scope that may not be listed, or holds too much for what was asked, is tried again later."""
        with self._lock:
            self._is_listing = True
        at = self._clock()
        try:
            with suppress(Refused, TooMany):
                names = set(self._names_of(scope, len(one.vain)))
                with self._lock:
                    own = {made for where, made in self._meanwhile if where == scope}
                    one.names, one.at, one.needed = names | own, at, FEW
                return
            one.needed = 2 * len(one.vain)
        finally:
            with self._lock:
                self._is_listing = False
                self._meanwhile.clear()
