"""The cache on disk: private, signed, bounded, and never a reason to fail."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitrel.render.cache import CachingRenderer
from gitrel.render.store import DiskStore, open_store
from gitrel.render.worker import Workers
from tests.render.support import catalog
from tests.render.test_release import CONFIG, Counting

KEY = b"k" * 32


def places(folder: Path) -> Mapping[str, str]:
    return {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}


def opened(folder: Path) -> DiskStore:
    store = open_store(places(folder), folder)
    assert store is not None
    return store


def test_what_is_put_is_there_in_the_next_process(tmp_path: Path) -> None:
    """Before and after the file is written, and for another store on the same file."""
    store = opened(tmp_path)
    store.put(b"a", b"1")
    assert store.get(b"a") == b"1"
    store.close()
    again = opened(tmp_path)
    assert (again.get(b"a"), again.get(b"b")) == (b"1", None)
    again.close()


def test_the_cache_saves_rendering_across_processes(tmp_path: Path, workers: Workers) -> None:
    """A second renderer on the same store judges without rendering; another program does not trust it."""
    files = {"a.yaml": CONFIG}
    jobs = []
    for program in ("one", "one", "two"):
        counting, store = Counting(workers), opened(tmp_path)
        render = CachingRenderer(counting, store=store, program=program)
        judged = render.judge(catalog(files), "web", "v1", "eu")
        store.close()
        jobs.append(counting.jobs)
        assert judged.digest.startswith("sha256:")
    assert jobs == [1, 0, 1]


def test_a_tampered_entry_is_rendered_again(tmp_path: Path, workers: Workers) -> None:
    """An entry that says something else than was signed is not believed, nor one moved to another key."""
    store = opened(tmp_path)
    truth = CachingRenderer(workers, store=store).judge(catalog({"a.yaml": CONFIG}), "web", "v1", "eu")
    store.put(b"other", b"entry")
    store.close()
    with sqlite3.connect(tmp_path / "cache/gitrel/render/cache.sqlite") as database:
        database.execute("UPDATE entries SET value = CAST(replace(value, 'sha256:', 'sha256;') AS BLOB)")
        database.execute("INSERT INTO entries SELECT x'AA', value FROM entries WHERE key = ?", (b"other",))
    database.close()
    store, counting = opened(tmp_path), Counting(workers)
    assert (
        CachingRenderer(counting, store=store).judge(catalog({"a.yaml": CONFIG}), "web", "v1", "eu") == truth
    )
    assert counting.jobs == 1
    assert store.get(b"\xaa") is None
    store.close()


def test_nothing_that_was_rendered_is_on_disk(tmp_path: Path, workers: Workers) -> None:
    """The file holds names, digests and problems, and no value of a manifest or a parameter."""
    canary = "canary-4b1d"
    store = opened(tmp_path)
    found = catalog(
        {"a.yaml": CONFIG.replace("hello", canary + "{{ parameters.word }}")},
        component=f"  parameters: {{word: {canary}-too}}\n",
    )
    CachingRenderer(workers, store=store).judge(found, "web", "v1", "eu")
    store.close()
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"parameters.word" in written
    assert canary.encode() not in written


def test_the_folder_is_private_or_not_used(tmp_path: Path) -> None:
    """0700 and 0600; a folder that others may read, a link, or one of somebody else's is refused."""
    opened(tmp_path).close()
    folder = tmp_path / "cache/gitrel/render"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state/gitrel/cache.key").stat().st_mode) == 0o600
    folder.chmod(0o750)
    assert open_store(places(tmp_path), tmp_path) is None
    folder.chmod(0o700)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert open_store(places(tmp_path), tmp_path) is None


def test_a_relative_path_counts_as_not_set(tmp_path: Path) -> None:
    """As the XDG rules say: a cache must not appear in whatever folder one happens to stand."""
    store = open_store({"XDG_CACHE_HOME": "here", "XDG_STATE_HOME": ""}, tmp_path)
    assert store is not None
    store.close()
    assert (tmp_path / ".cache/gitrel/render/cache.sqlite").exists()


def test_a_key_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    """Whoever has the key can sign: with a new one, what they may have written counts for nothing."""
    store = opened(tmp_path)
    store.put(b"a", b"1")
    store.close()
    (tmp_path / "state/gitrel/cache.key").chmod(0o644)
    store = opened(tmp_path)
    assert store.get(b"a") is None
    store.close()


@pytest.mark.parametrize("content", [b"not a database" * 100, b""])
def test_a_damaged_file_is_no_error(tmp_path: Path, content: bytes) -> None:
    """It is removed, this process does without, and the next one starts anew."""
    opened(tmp_path).close()
    file = tmp_path / "cache/gitrel/render/cache.sqlite"
    file.write_bytes(content)
    store = opened(tmp_path)
    store.put(b"a", b"1")
    assert store.get(b"a") == b"1"
    store.close()
    store = opened(tmp_path)
    store.put(b"b", b"2")
    store.close()
    assert opened(tmp_path).get(b"b") == b"2"


def test_the_file_does_not_grow_without_bounds(tmp_path: Path) -> None:
    """Beyond the limit the older half goes."""
    file = tmp_path / "cache.sqlite"
    for number in range(4):
        store = DiskStore(file, KEY, bytes_max=100_000)
        for index in range(50):
            store.put(f"{number} {index}".encode(), os.urandom(1000))
        store.close()
    assert file.stat().st_size < 200_000
    store = DiskStore(file, KEY)
    assert store.get(b"3 49") is not None
    assert store.get(b"0 0") is None
    store.close()
