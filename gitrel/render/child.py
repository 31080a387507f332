"""The process that templates run in: started empty-handed, limited by the kernel, and killed at will.

It has no environment variables, no open files but its two pipes, no right to open any, and a bound on
memory and on CPU time. It reads jobs from standard input and answers on standard output, one length and
one JSON document at a time; each template gets its own answer, so that the parent knows which one is
running. Compiled templates are kept by the content of their files.
"""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import signal
import struct
from collections import OrderedDict
from collections.abc import Mapping
from math import ceil
from types import FrameType
from typing import Any

import orjson
from jinja2.exceptions import UndefinedError

from gitrel.render.failures import OutOfTime, explain
from gitrel.render.jinja import TemplateSet
from gitrel.render.reads import recording
from gitrel.render.template import Failure, Limits

SETS_KEPT = 64
"""How many versions stay compiled."""
HEADER = struct.Struct(">I")
FRAME_BYTES_MAX = 256 * 1024 * 1024


def read_exactly(fd: int, size: int) -> bytes:
    """`size` bytes from a pipe. Raises EOFError where the other side closed it."""
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_frame(fd: int) -> Any:
    return orjson.loads(read_exactly(fd, *HEADER.unpack(read_exactly(fd, HEADER.size))))


def write_frame(fd: int, value: Any) -> None:
    body = orjson.dumps(value)
    left = memoryview(HEADER.pack(len(body)) + body)
    while left:
        left = left[os.write(fd, left) :]


def _lock_up(limits: Limits) -> None:
    """Gives up for ever what no template needs. A limit on open files also rules out sockets."""
    for limit, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _ring(signum: int, frame: FrameType | None) -> None:
    raise OutOfTime


def _start_clocks(seconds: float) -> None:
    """An alarm that names the line, and behind it the kernel's own limit, which no code can ignore."""
    # CPU time, so that a busy machine fails no template. The alarm repeats: library code may swallow the
    # first exception.
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.1)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used + seconds) + 1, hard))


class _Child:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sets: OrderedDict[str, TemplateSet] = OrderedDict()

    def set_of(self, files: Mapping[str, str]) -> TemplateSet:
        key = hashlib.sha256(orjson.dumps(files, option=orjson.OPT_SORT_KEYS)).hexdigest()
        found = self._sets.pop(key, None) or TemplateSet(files)
        self._sets[key] = found
        while len(self._sets) > SETS_KEPT:
            self._sets.popitem(last=False)
        return found

    def answer(self, job: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The outcome of one template as JSON; `stop` tells that this process is spent."""
        templates = self.set_of(job["files"])
        names: set[str] = set()
        context = recording(job["context"], names)
        try:
            _start_clocks(self._limits.seconds)
            text, lines = templates.render(name, context, self._limits.output_bytes, names)
            signal.setitimer(signal.ITIMER_PROF, 0)
        except Exception as error:
            # A template may raise whatever its expressions can: all of it is the template's failure, and is
            # told to the parent with file and line. The process answers on.
            signal.setitimer(signal.ITIMER_PROF, 0)
            failure = explain(error, name, job["files"], context, templates.own_names, self._limits)
            return {"failure": _as_json(failure), "stop": isinstance(error, MemoryError | RecursionError)}
        return {"text": text, "lines": lines, "reads": sorted(names)}


def _as_json(failure: Failure) -> list[Any]:
    return [failure.file, failure.line, failure.what, failure.todo, list(failure.chain)]


def serve(limits: Limits, read_fd: int, write_fd: int) -> None:
    """Answers jobs until the parent closes the pipe."""
    child = _Child(limits)
    while True:
        try:
            job = read_frame(read_fd)
        except EOFError:
            return
        for name in job["templates"]:
            answer = child.answer(job, name)
            write_frame(write_fd, answer)
            if answer.get("stop"):
                return


def main(seconds: float, memory_bytes: int, output_bytes: int) -> None:
    """Entry point of the process; everything is imported before the doors are locked."""
    limits = Limits(seconds, memory_bytes, output_bytes)
    signal.signal(signal.SIGPROF, _ring)
    _warm_up()
    gc.freeze()
    _lock_up(limits)
    write_frame(1, {"ready": True})
    serve(limits, 0, 1)


def _warm_up() -> None:
    """Renders once, so that whatever the libraries import late is imported while files can be opened."""
    context = {"parameters": {"a": [1, {"b": None}]}}
    source = "{{ parameters | toyaml | indent }}{{ 'ü' | sha256 | quote }}{% include 'b' %}"
    TemplateSet({"a": source, "b": "{{ parameters.a | tojson }}"}).render("a", context, 1000)
    try:
        TemplateSet({"a": "\n{{ nothing }}"}).render("a", {}, 1000)
    except UndefinedError as error:
        explain(error, "a", {"a": ""}, {}, (), Limits())
