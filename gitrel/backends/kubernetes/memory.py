"""What is remembered of one cluster: the selected objects of one scope each, small, and what changed.

Objects are kept as JSON without `managedFields`, which is a tenth of what they take as dicts. A counter per
owner goes up whenever an object of that owner is not what it was; a mark is such a counter.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

import orjson

from gitrel.backends.backend import Scope
from gitrel.kube.fields import removed
from gitrel.kube.identity import Object, labels_of

OBJECTS_MAX = 20_000
"""Of one scope; more are not remembered, but asked for."""
PATIENCE_SECONDS = 10.0
"""How long events are passed over that may be older than what gitrel has just written itself, where versions
are no numbers and so cannot be compared."""
GONE_MAX = 1000
"""Deletions that are remembered, in case that the answer to our own write comes after its object has gone."""


class TooMany(Exception):
    """The scope holds more objects than are remembered."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One object as JSON, with what it is found and compared by."""

    name: str
    version: str
    owner: str
    data: bytes
    labels: Mapping[str, str]


class Changes:
    """Counts changes by owner. Safe to use from several threads."""

    def __init__(self, heard: Callable[[], None] = lambda: None) -> None:
        """`heard` is called after each change of an owned object, from whichever thread saw it."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._heard = heard

    def count(self, owners: Iterable[str]) -> None:
        """ "" stands for objects that nobody owns, such as pods: they concern everybody."""
        owners = set(owners)
        with self._lock:
            self._counts.update(owners)
        if owners - {""}:
            self._heard()

    def mark(self, owner: str) -> str:
        """What changes when anything that concerns `owner` does; of all owners for ""."""
        with self._lock:
            if not owner:
                return str(self._counts.total())
            return f"{self._counts[owner]}.{self._counts['']}"


class Memory:
    """The objects of one scope that match `selector`. `count_by` is the label that names the owner."""

    def __init__(
        self,
        scope: Scope,
        selector: Mapping[str, str],
        count_by: str,
        changes: Changes,
        clock: Callable[[], float],
    ) -> None:
        self.scope = scope
        self.selector = dict(selector)
        self._count_by = count_by
        self._changes = changes
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Kept] = {}
        self._labelled: dict[tuple[str, str], set[str]] = {}
        self._written: dict[str, tuple[str, float]] = {}
        self._gone: dict[str, str] = {}

    def replace(self, objects: Iterable[Kept]) -> None:
        """All there is now, after a list. Raises TooMany, and remembers nothing then."""
        new = {kept.name: kept for kept in _at_most(objects, OBJECTS_MAX)}
        with self._lock:
            old, self._kept = self._kept, new
            self._labelled = {}
            self._gone.clear()
            for name, kept in new.items():
                self._label(name, kept)
            self._written.clear()
        names = {
            name for name in old.keys() | new.keys() if _version(old.get(name)) != _version(new.get(name))
        }
        self._changes.count(kept.owner for name in names for kept in (old.get(name), new.get(name)) if kept)

    def put(self, obj: Mapping[str, Any], *, own: bool = False) -> None:
        """One object as it is now. `own`: gitrel wrote it, and the event that tells so may have come before
        the answer, or comes later."""
        new = self.keep(obj)
        name = new.name
        with self._lock:
            old = self._kept.get(name)
            if is_older(new.version, old.version if old else self._gone.get(name)):
                return
            if own:
                if old is not None and old.version == new.version:
                    return  # its event was here first, or nothing had to be written
                self._written[name] = new.version, self._clock() + PATIENCE_SECONDS
            elif self._is_overtaken(name, new.version):
                return
            self._gone.pop(name, None)
            if old is None and len(self._kept) >= OBJECTS_MAX:
                raise TooMany
            if old is not None:
                self._unlabel(name, old)
            self._kept[name] = new
            self._label(name, new)
        if old is None or old.version != new.version:
            self._changes.count({new.owner} if old is None else {old.owner, new.owner})

    def drop(self, obj: Mapping[str, Any]) -> None:
        """One object that is gone, or matches no more."""
        name, version = _name(obj), str((obj.get("metadata") or {}).get("resourceVersion", ""))
        with self._lock:
            if (kept := self._kept.get(name)) is not None and is_older(version, kept.version):
                return  # gitrel itself has made it anew since
            old = self._kept.pop(name, None)
            if old is not None:
                self._unlabel(name, old)
            self._written.pop(name, None)
            self._gone[name] = version
            if len(self._gone) > GONE_MAX:
                del self._gone[next(iter(self._gone))]
        if old is not None:
            self._changes.count({old.owner})

    def get(self, name: str) -> Object | None:
        with self._lock:
            kept = self._kept.get(name)
        return None if kept is None else orjson.loads(kept.data)

    def all(self) -> Iterator[Object]:
        """By name."""
        with self._lock:
            rows = sorted(self._kept.items())
        for _, kept in rows:
            yield orjson.loads(kept.data)

    def selected(self, selector: Mapping[str, str]) -> Iterator[Object]:
        """Those that carry all of the labels, by name. A thousand components ask for their pods one by one,
        so only what is answered is decoded."""
        if not selector:
            yield from self.all()
            return
        with self._lock:
            sets = [self._labelled.get(item, set()) for item in selector.items()]
            rarest = min(sets, key=len)
            rows = [kept for name in sorted(rarest) if _matches(kept := self._kept[name], selector)]
        for kept in rows:
            yield orjson.loads(kept.data)

    def _label(self, name: str, kept: Kept) -> None:
        for item in kept.labels.items():
            self._labelled.setdefault(item, set()).add(name)

    def _unlabel(self, name: str, kept: Kept) -> None:
        for item in kept.labels.items():
            names = self._labelled[item]
            names.discard(name)
            if not names:
                del self._labelled[item]

    def __len__(self) -> int:
        return len(self._kept)

    def _is_overtaken(self, name: str, version: str) -> bool:
        """Whether an event may tell of a time before our own write, for versions that cannot be compared."""
        written = self._written.get(name)
        if written is None:
            return False
        is_open = written[0] != version and is_older(written[0], version) is None
        if is_open and self._clock() < written[1]:
            return True
        del self._written[name]
        return False

    def keep(self, obj: Mapping[str, Any]) -> Kept:
        """The object as it is kept; nothing is remembered by that."""
        whole = {"apiVersion": self.scope.api_version, "kind": self.scope.kind, **obj}
        slim = removed(whole, ("metadata", "managedFields"))
        version = str((obj.get("metadata") or {}).get("resourceVersion", ""))
        labels = {intern(key): intern(value) for key, value in labels_of(obj).items()}
        return Kept(_name(obj), version, labels.get(self._count_by, ""), orjson.dumps(slim), labels)


def is_older(version: str, than: str | None) -> bool | None:
    """Whether one resource version comes before another; None where that cannot be told.

    Versions of one resource are whole numbers that grow (KEP-5504), but for servers that keep objects in
    a way of their own.
    """
    if than is None or not (_is_number(version) and _is_number(than)):
        return None
    return int(version) < int(than)


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdigit()


def _matches(kept: Kept, selector: Mapping[str, str]) -> bool:
    return selector.items() <= kept.labels.items()


def _name(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("name", ""))


def _version(kept: Kept | None) -> str | None:
    return None if kept is None else kept.version


def _at_most(objects: Iterable[Kept], limit: int) -> Iterator[Kept]:
    for count, obj in enumerate(objects):
        if count >= limit:
            raise TooMany
        yield obj
