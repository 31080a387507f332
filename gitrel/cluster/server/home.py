"""Where served clusters live: a directory each under the state home, with all that one needs to come back.

<state home>/gitrel/clusters/<name>/
    cluster.db, lock        the cluster itself (store/file.py); the lock is held while it runs
    settings.json           how it was brought up, so that it comes up the same again
    pki/                    its authority, the server's certificate, the administrator's
    kubeconfig
    running.json, log       of the running server
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import GitrelError, UsageError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a cluster is served. `listen` is `host:port`; a port of 0 is chosen once and kept."""

    listen: str = "127.0.0.1:0"
    clock: str = "system"
    speed: float | None = None
    nodes: int | None = None
    service_cidr: str | None = None
    without: Sequence[str] = ()
    token_file: str | None = None
    client_ca: str | None = None
    authorization: str = "AlwaysAllow"
    enable_admission: Sequence[str] = ()
    disable_admission: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """One cluster's directory. Nothing is made before `create`."""

    name: str
    directory: Path

    # --- what is known ------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        return (self.directory / "settings.json").is_file()

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def settings(self) -> Settings:
        """Raises UsageError where there is no such cluster."""
        try:
            saved = orjson.loads((self.directory / "settings.json").read_bytes())
        except FileNotFoundError:
            raise UsageError(
                f"there is no cluster {self.name!r}: bring it up with gitrel cluster up"
            ) from None
        lists = {key: tuple(value) for key, value in saved.items() if isinstance(value, list)}
        return Settings(**{**saved, **lists})

    def saved_spec(self) -> ClusterSpec | None:
        """What the cluster in this directory was made from; None where there is none yet."""
        path = self.directory / "cluster.db"
        if not path.is_file():
            return None
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as read:
                row = read.execute("SELECT value FROM meta WHERE key = 'spec'").fetchone()
        except sqlite3.DatabaseError as wrong:
            raise GitrelError(f"{path} cannot be read as a cluster: {wrong}") from None
        return ClusterSpec.from_json(orjson.loads(row[0])) if row else None

    def running(self) -> Mapping[str, Any] | None:
        """`pid` and `url` of the server; None where none runs, whatever it left behind."""
        pid = self._holder()
        if pid is None:
            return None
        try:
            found: dict[str, Any] = orjson.loads((self.directory / "running.json").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        return found if found.get("pid") == pid else None

    def _holder(self) -> int | None:
        """The process that holds the lock."""
        try:
            handle = os.open(self.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(handle, 32, 0).decode(errors="replace").strip()
            return int(text) if text.isdecimal() else None
        finally:
            os.close(handle)
        return None

    # --- changes ------------------------------------------------------------------------------------------

    def create(self) -> None:
        for folder in (self.directory, self.pki):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def save(self, settings: Settings) -> None:
        self.write("settings.json", orjson.dumps(asdict(settings), option=orjson.OPT_INDENT_2))

    def write(self, name: str, content: bytes) -> Path:
        """Whole or not at all, readable for its owner only."""
        path = self.directory / name
        new = path.with_name(path.name + ".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        return path

    def announce(self, url: str) -> None:
        self.write("running.json", orjson.dumps({"pid": os.getpid(), "url": url}))

    def terminate(self) -> int | None:
        """Asks the server to end; its process, or None where none runs."""
        found = self.running()
        if found is None:
            return None
        pid = int(found["pid"])
        os.kill(pid, signal.SIGTERM)
        return pid

    def delete(self) -> None:
        shutil.rmtree(self.directory)

    # --- snapshots ----------------------------------------------------------------------------------------

    def snapshot(self, target: Path) -> None:
        """The cluster's state as of its last commit, in one file; it may be running. Raises UsageError."""
        source = self.directory / "cluster.db"
        if not source.is_file():
            raise UsageError(f"the cluster {self.name!r} has no state yet")
        if target.exists():
            raise UsageError(f"{target}: exists already")
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.close(handle)
        _copy(source, target)

    def restore(self, snapshot: Path) -> None:
        """Begins from a snapshot instead of from nothing. Raises UsageError."""
        if not snapshot.is_file():
            raise UsageError(f"--from {snapshot}: there is no such file")
        _copy(snapshot, self.directory / "cluster.db")


def _copy(source: Path, target: Path) -> None:
    """By SQLite's own online backup, which needs no pause of the writer."""
    read = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    write = sqlite3.connect(target)
    try:
        read.backup(write)
    except sqlite3.DatabaseError as wrong:
        raise GitrelError(f"{source} cannot be copied to {target}: {wrong}") from None
    finally:
        read.close()
        write.close()


def home(name: str, root: Path) -> Home:
    """Raises UsageError for a name that is none."""
    if not _NAME.match(name):
        raise UsageError(f"{name!r} is no name for a cluster: use at most 63 of a-z, 0-9 and -")
    return Home(name, root / name)


def homes(root: Path) -> Sequence[Home]:
    """Every cluster that there is, by name."""
    if not root.is_dir():
        return ()
    found = [Home(path.name, path) for path in sorted(root.iterdir())]
    return [one for one in found if one.exists]


def state_root(environment: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/gitrel/clusters`."""
    base = environment.get("XDG_STATE_HOME") or ""
    # A relative path is to be ignored, says the XDG specification.
    state = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    return state / "gitrel" / "clusters"
