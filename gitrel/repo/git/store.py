"""Reading objects through one lasting `git cat-file`, and writing them without a process at all.

A process costs 3 ms to start and an object 30 µs to ask for, so one process is kept and questions are sent
in batches. Objects never change, so what was read once is remembered by its id. New objects go to disk as
loose objects and are synced before any ref may name them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gitrel.repo.git.failures import GitFailed, RepositoryDamaged, failure
from gitrel.repo.git.objects import Kind
from gitrel.repo.git.process import Git, end

BATCH = 400
"""Questions per round. Together they must fit a pipe (64 KiB), or both sides could wait for each other."""
QUESTION_LENGTH_MAX = 150
CACHE_BYTES_MAX = 64 * 2**20

if TYPE_CHECKING:
    from gitdb.db import LooseObjectDB

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    id: str
    kind: str
    data: bytes
    size: int


class ObjectReader:
    """Answers `what is the object called …` in batches. Safe to use from several threads."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._finalizer = weakref.finalize(self, _end_all, self._processes)

    def read(self, names: Sequence[str]) -> list[Found | None]:
        """The objects of these ids or revisions, in order; None for what does not exist."""
        return self._ask("--batch", names)

    def check(self, names: Sequence[str]) -> list[Found | None]:
        """As `read`, without the data."""
        return self._ask("--batch-check", names)

    def close(self) -> None:
        with self._lock:
            _end_all(self._processes)

    def _ask(self, mode: str, names: Sequence[str]) -> list[Found | None]:
        answers: list[Found | None] = []
        with self._lock:
            for round_ in _rounds(names):
                answers += self._round(mode, round_)
        return answers

    def _round(self, mode: str, names: Sequence[str]) -> list[Found | None]:
        question = "".join(f"{name}\n" for name in names).encode()
        for last in (False, True):  # a process that has died meanwhile is replaced once
            process = self._process(mode)
            assert process.stdin and process.stdout
            try:
                process.stdin.write(question)
                process.stdin.flush()
                return [_answer(process, mode) for _ in names]
            except (BrokenPipeError, EOFError):
                end(self._processes.pop(mode))
                if last:
                    raise self._reason(mode, question) from None
            except BaseException:
                end(self._processes.pop(mode))  # interrupted within an answer: the next would be garbage
                raise
        raise AssertionError("unreachable")

    def _process(self, mode: str) -> subprocess.Popen[bytes]:
        process = self._processes.get(mode)
        if process is None:
            process = self._git.start("cat-file", mode, stderr=subprocess.DEVNULL)
            self._processes[mode] = process
        return process

    def _reason(self, mode: str, question: bytes) -> Exception:
        """Why Git ends instead of answering: asked again in a process whose complaints are heard."""
        finished = self._git.attempt("cat-file", mode, stdin=question)
        error = failure("cat-file", finished.err, self._git.folder)
        if type(error) is not GitFailed:
            return error
        return RepositoryDamaged(self._git.folder, finished.err or "git ended while reading")


def _rounds(names: Sequence[str]) -> Iterable[Sequence[str]]:
    long = any(len(name) > QUESTION_LENGTH_MAX for name in names)
    step = 1 if long else BATCH
    return (names[start : start + step] for start in range(0, len(names), step))


def _answer(process: subprocess.Popen[bytes], mode: str) -> Found | None:
    assert process.stdout
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    parts = line.rsplit(None, 2)
    if line.endswith((b" missing\n", b" ambiguous\n")) or len(parts) != 3 or not parts[2].isdigit():
        return None
    size = int(parts[2])
    data = process.stdout.read(size + 1)[:-1] if mode == "--batch" else b""
    if mode == "--batch" and len(data) != size:
        raise EOFError
    return Found(parts[0].decode(), parts[1].decode(), data, size)


def _end_all(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    while processes:
        end(processes.popitem()[1])


class Cache(OrderedDict[str, T]):
    """The values used last, up to a sum of weights. Keys are object ids, so nothing ever goes stale."""

    def __init__(self, weight_max: int) -> None:
        super().__init__()
        self._weights: dict[str, int] = {}
        self._weight = 0
        self._weight_max = weight_max

    def remember(self, key: str, value: T, weight: int) -> None:
        if key in self._weights or weight > self._weight_max // 4:
            return
        self[key] = value
        self._weights[key] = weight
        self._weight += weight
        while self._weight > self._weight_max:
            oldest, _ = self.popitem(last=False)
            self._weight -= self._weights.pop(oldest)


class ObjectWriter:
    """Stores new objects. `sync` makes them durable; until then nothing refers to them."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects
        self._database: LooseObjectDB | None = None
        self._unsynced: set[str] = set()

    def store(self, kind: Kind, data: bytes) -> str:
        # Imported here: reading needs no library, and a command that only reads should start at once.
        from gitdb import IStream
        from gitdb.db import LooseObjectDB

        self._database = self._database or LooseObjectDB(str(self._objects))
        try:
            stored = self._database.store(IStream(kind.encode(), len(data), BytesIO(data)))
        except OSError as error:
            raise failure("write", f"{error.strerror}: {error.filename}", self._objects) from None
        name: str = stored.binsha.hex()
        self._unsynced.add(name)
        return name

    def sync(self) -> None:
        """Everything stored so far survives a power cut from here on: files first, then their folders."""
        folders = set()
        for name in self._unsynced:
            file = self._objects / name[:2] / name[2:]
            _fsync(file)
            folders.add(file.parent)
        for folder in folders:
            _fsync(folder)
        self._unsynced.clear()


def _fsync(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # packed meanwhile by another process, which syncs packs
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
