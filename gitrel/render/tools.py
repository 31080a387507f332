"""Runs helm, kubectl and sops: found on the operator's PATH, limited, empty-handed, and killed as a family.

A tool gets a constant argument list, no environment but what is listed here, a home of its own that is
thrown away, standard input, and a folder with one version's files. What is enforced:

    time        90 s by the wall clock, then the whole process group is killed
    output      32 MiB, and 64 KiB of complaints
    memory      4 GiB of address space; files of at most 64 MiB; no core dump   (Linux)
    network     none at all where `unshare` may make a network namespace (as root, and as anybody where the
                system allows user namespaces); elsewhere proxies that lead nowhere, and references to
                remote places were refused before
"""

from __future__ import annotations

import json
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ToolLimits:
    seconds: float = 90.0
    output_bytes: int = 32 * 1024 * 1024
    complaint_bytes: int = 64 * 1024
    memory_bytes: int = 4 * 1024**3
    file_bytes: int = 64 * 1024 * 1024


class ToolFailed(Exception):
    """A tool that is missing, too old, too slow or too talkative. `what` and `todo` are for people."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


@dataclass(frozen=True, slots=True)
class Ran:
    """How a tool ended by itself."""

    code: int
    output: bytes
    complaint: str


@dataclass(frozen=True, slots=True)
class _Tool:
    """`arguments` make it print its version, in which `pattern` finds the number."""

    arguments: tuple[str, ...]
    pattern: str
    least: tuple[int, int]
    todo: str


_TOOLS: Mapping[str, _Tool] = {
    "helm": _Tool(
        ("version", "--template", "{{.Version}}"), r"v(\d+)\.(\d+)", (3, 8), "install helm 3.8 or newer"
    ),
    "kubectl": _Tool(
        ("version", "--client", "--output=json"),
        r'"gitVersion": "v(\d+)\.(\d+)',
        (1, 27),
        "install kubectl 1.27 or newer",
    ),
    "sops": _Tool(
        ("--disable-version-check", "--version"), r"sops (\d+)\.(\d+)", (3, 8), "install sops 3.8 or newer"
    ),
}
_NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Tools:
    """Where tools are looked for and what they may use. `environment` is the operator's own."""

    limits: ToolLimits = field(default_factory=ToolLimits)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def find(self, name: str) -> str:
        """The path of the tool, in a version that will do. Raises ToolFailed."""
        path = shutil.which(name, path=self.environment.get("PATH", os.defpath))
        if path is None:
            raise ToolFailed(f"{name} is not installed", _TOOLS[name].todo)
        state = Path(path).stat()
        _check_version(name, path, state.st_mtime_ns, self.limits)
        return path

    def run(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        stdin: bytes = b"",
        network: bool = False,
        passed: Mapping[str, str] | None = None,
    ) -> Ran:
        """Runs one tool to its end in `folder`, whose `home` is its home. Raises ToolFailed.

        `passed` are variables of the operator that this tool needs.
        """
        path = self.find(name)
        prefix = () if network else isolation()
        environment = {**bare_environment(folder), **({} if network else _NO_PROXY), **(passed or {})}
        return _run(name, (*prefix, path, *arguments), stdin, folder, environment, self.limits)


_NO_PROXY = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), _NOWHERE)


def bare_environment(folder: Path) -> dict[str, str]:
    """Nothing of the operator's: a home and a temporary folder inside the private one, and no PATH."""
    home = str(folder / "home")
    return {
        "HOME": home,
        "TMPDIR": home,
        "XDG_CACHE_HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_DATA_HOME": home,
        "KUBECONFIG": f"{home}/none",
        "PATH": "",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "GOMAXPROCS": "2",
    }


@lru_cache(maxsize=1)
def isolation() -> tuple[str, ...]:
    """What to write before a command so that it has no network; empty where the system does not allow it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    prefix = (unshare, "--map-root-user", "--net", "--")
    true = shutil.which("true") or "/bin/true"
    tried = subprocess.run([*prefix, true], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


@lru_cache(maxsize=16)
def _check_version(name: str, path: str, _changed: int, limits: ToolLimits) -> None:
    tool = _TOOLS[name]
    environment = {"HOME": "/nonexistent", "PATH": "", "KUBECONFIG": "/nonexistent"}
    ran = _run(name, (path, *tool.arguments), b"", Path("/"), environment, limits)
    match = re.search(tool.pattern, ran.output.decode(errors="replace"))
    if ran.code or match is None:
        raise ToolFailed(f"{path} does not tell its version, so it may be something else", tool.todo)
    if (int(match[1]), int(match[2])) < tool.least:
        raise ToolFailed(f"{path} is {name} {match[1]}.{match[2]}, which is too old", tool.todo)


def _run(
    name: str,
    command: Sequence[str],
    stdin: bytes,
    folder: Path,
    environment: Mapping[str, str],
    limits: ToolLimits,
) -> Ran:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            close_fds=True,
            start_new_session=True,  # a group of its own, which is killed as a whole
        )
    except OSError as error:
        raise ToolFailed(f"{name} cannot be started: {error.strerror}", _TOOLS[name].todo) from None
    _limit(process.pid, limits)
    with process:
        try:
            output, complaint = _talk(name, process, stdin, limits)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return Ran(process.returncode, output, complaint.decode(errors="replace"))


def _limit(pid: int, limits: ToolLimits) -> None:
    """From outside, as nothing may run between fork and exec in a process with threads."""
    prlimit = getattr(resource, "prlimit", None)
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        if prlimit is not None:
            with suppress(OSError):
                prlimit(pid, kind, (value, value))


def _talk(
    name: str, process: subprocess.Popen[bytes], stdin: bytes, limits: ToolLimits
) -> tuple[bytes, bytes]:
    """Feeds the tool and collects what it says, until it closes both streams and ends."""
    assert process.stdin and process.stdout and process.stderr
    deadline = time.monotonic() + limits.seconds
    out, err = bytearray(), bytearray()
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            if (rest := deadline - time.monotonic()) <= 0:
                raise _too_slow(name, limits)
            for ready, _ in selector.select(rest):
                stream = ready.fileobj
                if stream is process.stdin:
                    left = _feed(process.stdin.fileno(), left)
                    if not left:
                        selector.unregister(stream)
                        with suppress(OSError):
                            process.stdin.close()
                elif part := os.read(ready.fd, 1 << 16):
                    ready.data.extend(part)
                else:
                    selector.unregister(stream)
            if len(out) > limits.output_bytes:
                mebibytes = limits.output_bytes / 2**20
                raise ToolFailed(f"{name} writes more than {mebibytes:g} MiB", "make the release smaller")
            del err[limits.complaint_bytes :]
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _too_slow(name, limits) from None
    return bytes(out), bytes(err)


def _feed(fd: int, left: memoryview) -> memoryview:
    """Writes what fits; a tool that does not want to hear it is done with."""
    try:
        return left[os.write(fd, left[: 1 << 16]) :] if left else left
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


def _too_slow(name: str, limits: ToolLimits) -> ToolFailed:
    return ToolFailed(
        f"{name} was stopped: it runs longer than {limits.seconds:g} s", "make the release smaller"
    )


def as_json(value: object) -> bytes:
    """Plain data as JSON, which is YAML too: nothing in it can be read as anything but what it is."""
    return json.dumps(value, ensure_ascii=False).encode()
