"""One check as a command: constant arguments, no shell, an environment of its own, and a deadline.

The command runs in a session of its own, so that a deadline ends it with everything it has started, and
without a terminal, so that nothing in it can ask a question. Of its output the end is kept.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gitrel.clock import format_duration

OUTPUT_BYTES_MAX = 64 * 1024
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a command gets of gitrel's own environment. Whatever else it needs is named in its configuration."""


@dataclass(frozen=True, slots=True)
class Ran:
    """`code` is the exit code, negative for a signal; None where the command did not run or ran out of time,
    and `failure` says then why, in a sentence. `output` is the end of both streams, as it came."""

    code: int | None
    seconds: float
    output: str
    failure: str = ""

    @property
    def passed(self) -> bool:
        return self.code == 0


def own_environment(
    outer: Mapping[str, str], passed: Sequence[str], home: Path, added: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a command: little of gitrel's, a home that is empty, and what is told to it."""
    inner = {name: outer[name] for name in (*INHERITED, *passed) if name in outer}
    return {"HOME": str(home), **inner, **added}


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: timedelta) -> Ran:
    """Runs `command` in `folder` until it ends or `timeout` has passed. Never raises for what it does."""
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [_program(command[0], folder), *command[1:]],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Ran(None, 0.0, "", f"it cannot be run: {reason}")
    with process:
        try:
            output, ended = _listen(process, started + timeout.total_seconds())
        finally:
            _end(process)
    seconds = time.monotonic() - started
    text = output.decode("utf-8", "replace")
    if not ended:
        return Ran(None, seconds, text, f"it did not end within {format_duration(timeout)}")
    return Ran(process.returncode, seconds, text)


def _program(name: str, folder: Path) -> str:
    """A name with a slash is a file of the folder, as a shell in it would take it."""
    return str(folder / name) if "/" in name and not name.startswith("/") else name


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
    """The end of the output, and whether the command ended in time. A child that outlives it is not heard."""
    assert process.stdout
    pipe = process.stdout.fileno()
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            left = deadline - time.monotonic()
            if selector.select(0 if ended else max(min(left, 0.1), 0)):
                piece = os.read(pipe, OUTPUT_BYTES_MAX)
                kept = (kept + piece)[-OUTPUT_BYTES_MAX:]
                if piece:
                    continue
                return kept, _awaited(process, deadline)
            if ended or left <= 0:
                return kept, ended


def _awaited(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Whether a command that has closed its output ends in time as well."""
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole family of processes: what a check leaves behind is nobody's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
