"""The pool of child processes that templates run in: kept warm, watched, and killed when they hang.

The parent lives through whatever a template does. A child that dies or is killed is replaced, the
template that it was running fails by name, and the rest of the job goes on in the new one.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import orjson

from gitrel.errors import GitrelError
from gitrel.render import child
from gitrel.render.template import Failure, Job, Limits, Result, Text

WALL_FACTOR = 4.0
"""How much longer than its CPU time a template may take by the wall clock: the machine may be busy."""
GRACE_SECONDS = 1.0
"""How long after that a child may take to answer before it is killed."""
START_SECONDS = 60.0
"""How long a new child may take to start and to import what it needs."""
_BOOT = "import sys; sys.path[:] = {path!r}; from gitrel.render.child import main; main({limits})"


class WorkersBroken(GitrelError):
    """The processes that templates run in do not even start: a fault of the installation."""


class _Gone(Exception):
    """The child closed its pipe, or had to be killed."""


class _Process:
    """One child and its pipes."""

    def __init__(self, limits: Limits) -> None:
        numbers = f"{limits.seconds!r}, {limits.memory_bytes!r}, {limits.output_bytes!r}"
        boot = _BOOT.format(path=[entry for entry in sys.path if entry], limits=numbers)
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", boot],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={},
            cwd="/",
            close_fds=True,
            start_new_session=True,  # Ctrl-C reaches the parent, which decides
        )
        assert self._popen.stdin and self._popen.stdout
        self._in, self._out = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        self.close = weakref.finalize(self, _stop, self._popen)
        try:
            self.receive(START_SECONDS)
        except _Gone:
            raise WorkersBroken(
                "the process that renders templates does not start: it may lack memory "
                f"(its limit is {limits.memory_bytes // 2**20} MiB), or gitrel is not installed completely"
            ) from None

    @property
    def alive(self) -> bool:
        return self.close.alive and self._popen.poll() is None

    def send(self, message: Any) -> None:
        try:
            child.write_frame(self._in, message)
        except BrokenPipeError as error:
            raise _Gone from error

    def receive(self, seconds: float) -> Any:
        """The next answer. Raises `_Gone` where there is none in time; the child is dead then."""
        deadline = time.monotonic() + seconds
        try:
            size = child.HEADER.unpack(self._read(child.HEADER.size, deadline))[0]
            if size > child.FRAME_BYTES_MAX:
                raise _Gone
            answer = orjson.loads(self._read(size, deadline))
        except (EOFError, _Gone):
            self.close()
            raise _Gone from None
        return answer

    def _read(self, size: int, deadline: float) -> bytes:
        parts = []
        while size:
            ready, _, _ = select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._out, min(size, 1 << 20)) if ready else b""
            if not part:
                raise _Gone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _stop(popen: subprocess.Popen[bytes]) -> None:
    popen.kill()
    for pipe in (popen.stdin, popen.stdout):
        if pipe:
            pipe.close()
    popen.wait()


class Workers:
    """Renders jobs in child processes; safe to use from several threads.

    Children start on first use, one per thread that renders at the same time, and stay warm until `close`.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def render(self, job: Job) -> Mapping[str, Result]:
        """One result per template, in the job's order. A killed child fails its template only."""
        results: dict[str, Result] = {}
        while missing := [name for name in job.templates if name not in results]:
            process = self._take()
            try:
                self._run(process, job, missing, results)
            except _Gone:
                process.close()
                culprit = next(name for name in missing if name not in results)
                results[culprit] = self._killed(culprit)
            except BaseException:
                process.close()
                raise
            else:
                self._give_back(process)
        return {name: results[name] for name in job.templates}

    def _run(self, process: _Process, job: Job, names: Sequence[str], results: dict[str, Result]) -> None:
        process.send({"files": dict(job.files), "templates": names, "context": job.context})
        for name in names:
            answer = process.receive(self.limits.seconds * WALL_FACTOR + GRACE_SECONDS)
            results[name] = _result(answer)
            if answer.get("stop"):
                process.close()
                return

    def _killed(self, template: str) -> Failure:
        seconds, memory = self.limits.seconds, self.limits.memory_bytes // 2**20
        what = f"the template was stopped: it needs more than {seconds:g} s or {memory} MiB"
        return Failure(template, 0, what, "make its loops and texts smaller")

    def _take(self) -> _Process:
        while True:
            with self._lock:
                if not self._idle:
                    break
                process = self._idle.pop()
            if process.alive:
                return process
            process.close()  # it died while nobody used it
        return _Process(self.limits)

    def _give_back(self, process: _Process) -> None:
        if process.alive:
            with self._lock:
                self._idle.append(process)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _result(answer: Mapping[str, Any]) -> Result:
    if failure := answer.get("failure"):
        file, line, what, todo, chain = failure
        return Failure(file, line, what, todo, tuple(chain))
    lines = tuple((file, line) for file, line in answer["lines"])
    return Text(answer["text"], lines, frozenset(answer["reads"]))
