"""Running Git: constant commands, a clean environment, a deadline, and nothing of a repository's executed.

Hooks, file system monitors, submodules, prompts and transports that run programs are switched off through
the environment, so that every command and every child of it is held to the same. Variables that would
point Git at another repository are dropped. Each command runs in a session of its own: without a terminal
nothing can ask for a password, and a deadline ends the whole family of processes.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitrel.repo.git.access import Access, variables
from gitrel.repo.git.failures import failure, git_is_missing, timed_out
from gitrel.repo.git.revisions import PROTOCOLS

_CONFIG = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.alternateRefsCommand", ""),
    ("core.pager", "cat"),
    ("core.fsync", "committed"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("protocol.ext.allow", "never"),
    ("protocol.fd.allow", "never"),
    # Cleaning up is a step of its own (`GitRepository.maintain`): in the middle of a save it costs seconds.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)
_SET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
# How to reach a remote is the operator's to say; which repository is meant is gitrel's.
_KEPT = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_COMMAND|EXEC_PATH|SSL_\w+|HTTP_\w+|CONFIG_GLOBAL"
    r"|CONFIG_COUNT|CONFIG_KEY_\d+|CONFIG_VALUE_\d+|CEILING_DIRECTORIES)\Z"
)


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    out: bytes
    err: str


Settings = Sequence[tuple[str, str]]


def environment(
    outer: Mapping[str, str], access: Access | None = None, settings: Settings = ()
) -> dict[str, str]:
    """The environment of every Git process, from that of gitrel. The last setting of a key wins in Git."""
    inner = {name: value for name, value in outer.items() if not name.startswith("GIT_") or _KEPT.match(name)}
    inner.pop("GITREL_TOKEN", None)
    inner.update(_SET)
    inner.update(variables(access or Access(), outer))
    first = int(inner.get("GIT_CONFIG_COUNT") or "0")
    for index, (key, value) in enumerate((*_CONFIG, *settings), first):
        inner[f"GIT_CONFIG_KEY_{index}"], inner[f"GIT_CONFIG_VALUE_{index}"] = key, value
    inner["GIT_CONFIG_COUNT"] = str(first + len(_CONFIG) + len(settings))
    return inner


class Git:
    """The `git` program in one folder. `settings` reach it through its environment, never as arguments."""

    def __init__(
        self,
        folder: Path,
        *,
        timeout_seconds: float,
        access: Access | None = None,
        settings: Settings = (),
    ) -> None:
        self.folder = folder
        self.timeout_seconds = timeout_seconds
        self._access = access
        self._settings = settings

    def run(self, *arguments: str, stdin: bytes = b"", remote: str = "") -> bytes:
        """The output of a command that has to succeed; otherwise the failure in words for people."""
        finished = self.attempt(*arguments, stdin=stdin, remote=remote)
        if finished.code != 0:
            raise failure(arguments[0], finished.err, self.folder, remote)
        return finished.out

    def attempt(self, *arguments: str, stdin: bytes = b"", remote: str = "") -> Finished:
        """A command that may fail. Raises only where it could not run, or ran out of time."""
        process = self.start(*arguments, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=self.timeout_seconds)
        except subprocess.TimeoutExpired:
            end(process)
            raise timed_out(arguments[0], self.timeout_seconds, remote) from None
        except BaseException:
            end(process)
            raise
        return Finished(process.returncode, out, err.decode("utf-8", "replace"))

    def start(self, *arguments: str, stderr: int) -> subprocess.Popen[bytes]:
        command: Sequence[str] = ("git", "--no-pager", "--literal-pathspecs", *arguments)
        try:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(os.environ, self._access, self._settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise git_is_missing(self.folder) from None


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with everything it started, and waits until it is gone."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
