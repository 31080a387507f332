"""The render cache on disk: one SQLite file in a private folder, each entry signed, never trusted blindly.

    $XDG_CACHE_HOME/gitrel/render/cache.sqlite      by default ~/.cache; the folder is 0700 and ours
    $XDG_STATE_HOME/gitrel/cache.key                by default ~/.local/state; 32 random bytes, 0600

An entry whose signature does not fit its key and content is as good as none: it is rendered again. A folder
that somebody else owns or may write to is not used, nor is a file that SQLite cannot read. Every failure of
the disk ends in rendering, never in an error. Nothing at all is stored of a release that holds decrypted
secrets, and no manifest of one that holds a Secret; see `kept`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

BYTES_MAX = 256 * 1024 * 1024
"""Size of the file beyond which the older half of the entries is forgotten."""
_PENDING_MAX = 2_000
_KEY_BYTES = 32
_MAC_BYTES = 16
_TABLE = "CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL)"


class DiskStore:
    """Implements `cache.Store`. What is put is written in batches, and at `close`."""

    def __init__(self, file: Path, key: bytes, bytes_max: int = BYTES_MAX) -> None:
        self._file = file
        self._key = key
        self._bytes_max = bytes_max
        self._pending: dict[bytes, bytes] = {}
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = _connect(file)

    def get(self, key: bytes) -> bytes | None:
        with self._lock:
            if (value := self._pending.get(key)) is not None:
                return value
            row = self._select(key)
        if row is None or not hmac.compare_digest(row[:_MAC_BYTES], self._mac(key, row[_MAC_BYTES:])):
            return None
        return row[_MAC_BYTES:]

    def put(self, key: bytes, value: bytes) -> None:
        with self._lock:
            self._pending[key] = value
            if len(self._pending) >= _PENDING_MAX:
                self._flush()

    def flush(self) -> None:
        """Writes what is pending: for those who live long, in a quiet moment."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        with self._lock:
            self._flush()
            if self._database is not None:
                with suppress(sqlite3.Error):
                    self._shrink(self._database)
                with suppress(sqlite3.Error):
                    self._database.close()
                self._database = None

    def _select(self, key: bytes) -> bytes | None:
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def _flush(self) -> None:
        rows = [(key, self._mac(key, value) + value) for key, value in self._pending.items()]
        self._pending.clear()
        if self._database is None or not rows:
            return
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def _shrink(self, database: sqlite3.Connection) -> None:
        if self._file.stat().st_size <= self._bytes_max:
            return
        with database:
            # Rows that are written anew move to the end, so the lower half is the older one.
            database.execute(
                "DELETE FROM entries WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM entries)"
            )
        database.execute("VACUUM")

    def _give_up(self, error: sqlite3.Error) -> None:
        """Goes on without; a damaged file is removed, one that is locked or on a full disk is left."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()
        if not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                self._file.unlink()

    def _mac(self, key: bytes, value: bytes) -> bytes:
        return hashlib.blake2b(key + value, key=self._key, digest_size=_MAC_BYTES).digest()


def _connect(file: Path) -> sqlite3.Connection | None:
    try:
        # Autocommit off the critical path: losing the last batch in a crash costs rendering it again.
        database = sqlite3.connect(file, timeout=2.0, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _TABLE):
            database.execute(statement)
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError:
        with suppress(OSError):
            file.unlink()
        return None
    return database


def open_store(environment: Mapping[str, str], home: Path) -> DiskStore | None:
    """The store of this user, or None where there is no safe place for one."""
    folder = _base(environment, "XDG_CACHE_HOME", home / ".cache") / "gitrel" / "render"
    state = _base(environment, "XDG_STATE_HOME", home / ".local" / "state") / "gitrel"
    try:
        if not (_private(folder) and _private(state)):
            return None
        return DiskStore(folder / "cache.sqlite", _secret(state / "cache.key"))
    except OSError:
        return None


def _base(environment: Mapping[str, str], name: str, default: Path) -> Path:
    """By the XDG rules a relative path counts as not set."""
    given = Path(environment.get(name, ""))
    return given if given.is_absolute() else default


def _private(folder: Path) -> bool:
    """Makes the folder where it is missing; whether it is really one, ours, and nobody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _secret(file: Path) -> bytes:
    """The key, made on first use. A key that is not as it was left is replaced: old entries then count for
    nothing."""
    with suppress(FileNotFoundError):
        found = file.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
            key = file.read_bytes()
            if len(key) == _KEY_BYTES:
                return key
        file.unlink()
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:  # another process was faster, and may not have finished
        return found_key if len(found_key := file.read_bytes()) == _KEY_BYTES else key
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(key)
    return key
