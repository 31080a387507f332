"""A cluster's file: SQLite in a directory of its own, one transaction per settled batch.

A crash at any moment leaves the last batch that was committed, whole. History is not kept: a watch cannot be
resumed over a restart, it lists again, as after a compaction. One process at a time has the directory, held
by a lock that the system lets go of when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.store.indexes import ObjectKey
from gitrel.errors import GitrelError, UsageError
from gitrel.kube.identity import Object

FORMAT = 1
"""Of the tables and of `meta`; a file of another one is refused."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
"""


class InUse(UsageError):
    """Another process has the cluster open."""


class Unreadable(GitrelError):
    """The file is not a cluster's, or one of another format."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds: `meta` as it was given to `commit`, and every object."""

    meta: Mapping[str, Any]
    objects: Iterable[tuple[str, Object]]


class ClusterFile:
    """Collects what changed since the last commit. Subscribe `on_change` to the store."""

    def __init__(self, directory: Path) -> None:
        """Opens or creates. Raises InUse while another process has it, Unreadable for a foreign file."""
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._locked()
        self._dirty: dict[tuple[str, ObjectKey], Object | None] = {}
        self._meta: dict[str, Any] = {}
        path = directory / "cluster.db"
        # Made here, because SQLite gives its companions the mode of the file that it finds.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_TABLES)
        except sqlite3.DatabaseError as wrong:
            os.close(self._lock)
            raise Unreadable(f"{path} cannot be read as a cluster: {wrong}") from None

    def _locked(self) -> int:
        path = self.directory / "lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise InUse(
                f"the cluster in {self.directory} is in use by process {owner}: stop it first"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle

    def load(self) -> Saved | None:
        """None for a new file. Raises Unreadable for another format."""
        self._meta = {
            key: orjson.loads(value) for key, value in self._db.execute("SELECT key, value FROM meta")
        }
        if not self._meta:
            return None
        if self._meta.get("format") != FORMAT:
            found = self._meta.get("format")
            raise Unreadable(
                f"the cluster in {self.directory} has format {found}, this gitrel reads {FORMAT}"
            )
        rows = self._db.execute("SELECT resource, body FROM objects ORDER BY resource, namespace, name")
        return Saved(self._meta, [(resource, orjson.loads(body)) for resource, body in rows])

    def on_change(self, change: Change) -> None:
        metadata = change.new["metadata"]
        key = (change.resource, (metadata.get("namespace", ""), metadata["name"]))
        self._dirty[key] = None if change.type == "DELETED" else change.new

    def commit(self, meta: Mapping[str, Any]) -> None:
        """Everything that changed, and `meta`, in one transaction; nothing at all where nothing changed."""
        meta = {"format": FORMAT, **meta}
        rows = [
            (key, orjson.dumps(value).decode()) for key, value in meta.items() if self._meta.get(key) != value
        ]
        if not self._dirty and not rows:
            return
        puts = [(r, *key, orjson.dumps(obj)) for (r, key), obj in self._dirty.items() if obj is not None]
        gone = [(r, *key) for (r, key), obj in self._dirty.items() if obj is None]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", puts)
            self._db.executemany(
                "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", gone
            )
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._dirty.clear()
        self._meta = dict(meta)

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)
