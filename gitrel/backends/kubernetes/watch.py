"""One watch for as long as it is wanted: list, follow, reconnect, and list again where history was lost.

Whatever goes wrong on the way, what is remembered is either what the server has or not used: after 410, an
ERROR event, a refusal, silence, or a line that cannot be read it is listed anew; broken connections are met
by asking on from the last version that was heard of. Bookmarks come about once a minute, so a connection that
says nothing for longer is taken for dead. Silence may also mean that the server's history was put back to an
earlier version than ours, as from a backup: it waits then, without a word, until it gets there.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import orjson

from gitrel.backends.kubernetes.lines import LineTooLong, lines
from gitrel.backends.kubernetes.memory import Kept, Memory, TooMany
from gitrel.backends.kubernetes.requests import retry_after
from gitrel.errors import GitrelError, Unreachable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

SILENCE_SECONDS = 80.0
"""API servers send a bookmark every minute (`bookmarkFrequency` in apiserver/pkg/storage/cacher)."""
SERVER_SECONDS = 290
"""After which the server ends a watch by itself; up to half as much is added, so that not all end at once."""
BACKOFF_FIRST = 0.5
BACKOFF_MAX = 60.0
CHUNK = 65536
TEMPORARY = frozenset((401, 403, 429))
"""Refusals that say nothing about the version from which the watch was to go on."""

ListAll = Callable[[], tuple[Iterable[Kept], str]]
"""All objects of the scope as memory keeps them, and the resource version of the list. Raises GitrelError."""
Follow = Callable[[Mapping[str, str], float], "BaseHTTPResponse"]
"""Opens the watch with these query parameters, bounded in silence. Raises Unreachable."""


class Expired(Exception):
    """What follows from the last version cannot be told any more: list again."""


class Watch:
    """Keeps `memory` up to date in a thread of its own, from `start` until `stop`.

    `troubles` counts by word what was met and survived: expired, silent, broken, garbage, too-long, error,
    and fault for an error of gitrel's own.
    `gaps` counts the times at which the server was not heard for a while, and could have become another.
    """

    def __init__(
        self,
        memory: Memory,
        list_all: ListAll,
        follow: Follow,
        *,
        silence_seconds: float | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.memory = memory
        self.troubles: Counter[str] = Counter()
        self.gaps = 0
        self._list_all = list_all
        self._follow = follow
        self._silence = SILENCE_SECONDS if silence_seconds is None else silence_seconds
        self._jitter = jitter
        self._version = ""
        self._is_live = False
        self._asked_to_wait = 0.0
        self._stopping = threading.Event()
        self._response: BaseHTTPResponse | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"gitrel-watch-{memory.scope.kind}", daemon=True
        )

    @property
    def is_live(self) -> bool:
        """Whether memory is what the server has told: listed, and followed without a gap since."""
        return self._is_live and not self._stopping.is_set()

    def start(self) -> None:
        """Lists, and follows from then on. Raises GitrelError where the list fails: nothing runs then."""
        self._relist()
        self._is_live = True
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        response = self._response
        if response is not None:
            try:
                response.shutdown()
            except (ValueError, RuntimeError, OSError):
                return  # it has ended by itself

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                if not self._version:
                    self._relist()
                self._is_live = True
                self._listen()
                failures = 0
            except TooMany:
                self._is_live = False
                return  # from now on it is asked for
            except (Expired, LineTooLong):
                self._version, self._is_live = "", False
                failures, self.gaps = failures + 1, self.gaps + 1
            except GitrelError:
                self._is_live = False
                failures, self.gaps = failures + 1, self.gaps + 1
            except Exception:
                # Nobody would miss a thread that died; what it knew would be believed for ever.
                self.troubles["fault"] += 1
                self._version, self._is_live = "", False
                failures, self.gaps = failures + 1, self.gaps + 1
            if time.monotonic() - began > BACKOFF_MAX:
                failures = min(failures, 1)
            self._stopping.wait(self._pause(failures))

    def _pause(self, failures: int) -> float:
        """Seconds before the next try, at least as many as the server asked for; a watch that ended well is
        opened again at once, but not in a rush."""
        wait = min(BACKOFF_FIRST * 2.0 ** min(failures, 10), BACKOFF_MAX) if failures else 0.1
        asked, self._asked_to_wait = self._asked_to_wait, 0.0
        return max(wait * (0.5 + self._jitter() / 2), asked)

    def _relist(self) -> None:
        objects, version = self._list_all()
        self.memory.replace(objects)
        self._version = version

    def _listen(self) -> None:
        """Takes events in until the stream ends. Raises Expired, LineTooLong, TooMany and Unreachable."""
        response = self._follow(self._query(), self._silence)
        self._response = response
        try:
            if response.status != 200:
                self._refused(response)
            for line in lines(self._chunks(response)):
                self._take(line)
        except LineTooLong:
            self.troubles["too-long"] += 1
            raise
        finally:
            self._response = None
            response.close()

    def _query(self) -> dict[str, str]:
        seconds = int(SERVER_SECONDS * (1 + self._jitter() / 2))
        return {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }

    def _refused(self, response: BaseHTTPResponse) -> None:
        if response.status == 410:
            self.troubles["expired"] += 1
            raise Expired
        self.troubles["error"] += 1
        self._asked_to_wait = retry_after(response.headers.get("Retry-After", "")) or 0.0
        if response.status in TEMPORARY:
            raise Unreachable(f"the watch of {self.memory.scope.kind} answers {response.status}")
        raise Expired

    def _chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """What comes, as it comes. Raises Expired after silence, in which anything may have happened."""
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        while not self._stopping.is_set():
            try:
                chunk = response.read1(CHUNK)
            except ReadTimeoutError:
                self.troubles["silent"] += 1
                raise Expired from None
            except (HTTPError, OSError, ValueError) as error:
                if self._stopping.is_set():
                    return
                self.troubles["broken"] += 1
                raise Unreachable(
                    f"the watch of {self.memory.scope.kind} broke: {type(error).__name__}"
                ) from None
            if not chunk:
                return
            yield chunk

    def _take(self, line: bytes) -> None:
        """One event. What cannot be understood is never guessed at: it is listed again."""
        try:
            event = orjson.loads(line)
            kind, obj = event["type"], event["object"]
            version = obj["metadata"]["resourceVersion"] if kind != "ERROR" else ""
        except (ValueError, KeyError, TypeError):
            self.troubles["garbage"] += 1
            raise Expired from None
        if kind in ("ADDED", "MODIFIED"):
            self.memory.put(obj)
        elif kind == "DELETED":
            self.memory.drop(obj)
        elif kind != "BOOKMARK":
            is_gone = isinstance(obj, Mapping) and obj.get("code") == 410
            self.troubles["expired" if is_gone else "error"] += 1
            raise Expired
        self._version = str(version)
