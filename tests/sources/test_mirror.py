"""The cache: one copy for each URL, private, made anew when damaged while others read on."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitrel.clock import SystemClock
from gitrel.errors import Unreachable, UsageError
from gitrel.repo.git.access import Access
from gitrel.repo.git.mirror import Mirror, RemoteSource
from gitrel.repo.git.reading import read_remote
from tests.cli.support import gitrel
from tests.repo_git.sandbox import PEOPLE, commit_all, git
from tests.sources.support import Start


@pytest.fixture
def source(remote: Path, tmp_path: Path) -> RemoteSource:
    return RemoteSource(f"file://{remote}", tmp_path / "cache", access=Access(transports=frozenset({"file"})))


def arguments(source: RemoteSource) -> tuple[str, ...]:
    return "--repo", source.url, "--allow-transport", "file", "--cache-dir", str(source.cache_dir)


def copies(source: RemoteSource) -> list[Path]:
    return sorted(source.cache_dir.glob("*/*.git"))


@pytest.fixture
def installed(source: RemoteSource) -> Iterator[Path]:
    """The copy after a first pass, with everything in one pack, as it is after a while."""
    ran = gitrel("reconcile", "--wait", "--timeout", "60s", *arguments(source), env=PEOPLE)
    assert ran.code == 0, ran.err
    (copy,) = copies(source)
    git(copy, "gc", "-q", "--no-prune")
    yield copy


def no_pack(copy: Path) -> None:
    for pack in copy.glob("objects/pack/*"):
        pack.unlink()


def half_a_pack(copy: Path) -> None:
    (pack,) = copy.glob("objects/pack/*.pack")
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])


def noise_in_a_pack(copy: Path) -> None:
    (pack,) = copy.glob("objects/pack/*.pack")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    data[40:-40] = os.urandom(len(data) - 80)
    pack.write_bytes(bytes(data))


def no_objects(copy: Path) -> None:
    shutil.rmtree(copy / "objects")


def another_config(copy: Path) -> None:
    with (copy / "config").open("a") as file:
        file.write('[core]\n\tsshCommand = "touch /tmp/x"\n')


def no_config(copy: Path) -> None:
    (copy / "config").unlink()


def no_head(copy: Path) -> None:
    (copy / "HEAD").write_text("garbage\n")


def gone(copy: Path) -> None:
    shutil.rmtree(copy)


DAMAGE = [no_pack, half_a_pack, noise_in_a_pack, no_objects, another_config, no_config, no_head, gone]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
def test_a_damaged_copy_is_made_anew(
    installed: Path, source: RemoteSource, remote: Path, damage: Callable[[Path], None]
) -> None:
    """Whatever is broken, the next command makes it whole, does what it was asked to, and says nothing."""
    damage(installed)
    ran = gitrel("promote", "web", "v2", *arguments(source), env=PEOPLE)
    assert ran.code == 0, ran.err
    assert git(remote, "log", "-1", "--format=%s", "main") == "Point web in asia at v2"
    looked = gitrel("status", *arguments(source), env=PEOPLE)
    assert looked.code == 0
    assert "damaged" not in ran.err + looked.err
    (copy,) = copies(source)
    git(copy, "fsck", "--connectivity-only")


@pytest.mark.parametrize("damage", [no_pack, half_a_pack], ids=lambda one: one.__name__)
def test_a_copy_that_breaks_while_it_is_open(
    source: RemoteSource, installed: Path, damage: Callable[[Path], None]
) -> None:
    """Who has the copy open goes on with the new one, and the old one is left until nobody has it."""
    other, mirror = Mirror(source), Mirror(source)
    try:
        tip = mirror.repository.commit_at("refs/heads/main")
        damage(installed)
        mirror.repository.close()  # its processes have the pack mapped, which outlives the file
        assert mirror.repository.read_commit(tip).get("environments/pipeline.yaml")
        assert len(copies(source)) == 2
    finally:
        mirror.close()
        other.close()
    Mirror(source).close()
    assert [copy.name for copy in copies(source)] == ["2.git"]


def test_a_new_copy_needs_the_remote(source: RemoteSource, installed: Path, remote: Path) -> None:
    """Damaged here and gone there: the text names the remote, and the damaged copy stays as evidence."""
    no_pack(installed)
    shutil.rmtree(remote)
    with pytest.raises(Unreachable):
        read_remote(source, None, SystemClock())
    assert installed.is_dir()


def test_the_cache_is_private(source: RemoteSource) -> None:
    """0700, and one that others can write, or that is somebody else's, is refused."""
    read_remote(source, None, SystemClock())
    (folder,) = source.cache_dir.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(source.cache_dir.stat().st_mode) == 0o700
    folder.chmod(0o777)
    with pytest.raises(UsageError, match="can be written by others"):
        Mirror(source)


def test_two_processes_make_one_copy(source: RemoteSource, start: Start) -> None:
    """Both start on an empty cache at once; neither fails, and one copy is left."""
    runs = [start("validate", *arguments(source)) for _ in range(2)]
    errors = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    assert len(copies(source)) == 1


def test_many_fetches_are_packed_at_last(
    source: RemoteSource, installed: Path, work: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a command piles up is packed at its end, when it is much; nothing is lost."""
    monkeypatch.setattr("gitrel.repo.git.repository.LOOSE_OBJECTS_MAX", 5)
    monkeypatch.setattr(
        "gitrel.repo.git.repository.GitRepository.maintain.__kwdefaults__", {"loose_objects_max": 5}
    )
    git(work, "pull", "-q", str(remote), "main")
    commit_all(work)
    git(work, "push", "-q", str(remote), "main")
    assert gitrel("promote", "web", "v2", *arguments(source), env=PEOPLE).code == 0
    assert int(git(installed, "count-objects").split()[0]) == 0
    git(installed, "fsck")
