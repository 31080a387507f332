"""Manifests on disk: what is not secret is whole in the next process, what is secret was never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.render.cache import CachingRenderer
from gitrel.render.kept import decode_rendered, encode_rendered, may_be_kept
from gitrel.render.manifest import Rendered
from gitrel.render.worker import Workers
from tests.parameters.support import read
from tests.parameters.test_sops import CANARY, FILES, sops
from tests.render.support import catalog
from tests.render.test_release import CONFIG, Counting
from tests.render.test_store import opened

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {key: canary-55aa}\n"


def in_files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_manifests_are_whole_in_the_next_process(tmp_path: Path, workers: Workers) -> None:
    """Objects, order, origins, problems and reads come back as they were, without a template being run."""
    found = catalog({"b.yaml": CONFIG, "a.yaml": CONFIG.replace("web", "b")})
    releases: list[Rendered] = []
    jobs: list[int] = []
    for _ in range(2):
        store, counting = opened(tmp_path), Counting(workers)
        render = CachingRenderer(counting, store=store, manifests=True)
        assert render.judge(found, "web", "v1", "eu").digest == render(found, "web", "v1", "eu").digest
        releases.append(render(found, "web", "v1", "eu"))
        jobs.append(counting.jobs)
        store.close()
    assert jobs == [1, 0]
    assert releases[0] == releases[1]
    assert releases[0].reads == releases[1].reads


def test_what_was_read_and_changed_is_rendered_again(tmp_path: Path, workers: Workers) -> None:
    """Old manifests are not given for new inputs; an input that nobody read changes nothing."""
    jobs: list[int] = []
    for text in ("{{ parameters.region }}", "{{ parameters.region }}!", "{{ parameters.region }}!"):
        store, counting = opened(tmp_path), Counting(workers)
        found = catalog(
            {"a.yaml": CONFIG.replace("hello", text)}, component=f"  parameters: {{unread: {len(jobs)}}}\n"
        )
        release = CachingRenderer(counting, store=store, manifests=True)(found, "web", "v1", "eu")
        assert release.manifests[0].object["data"]["greeting"] == text.replace(
            "{{ parameters.region }}", "eu-1"
        )
        jobs.append(counting.jobs)
        store.close()
    assert jobs == [1, 1, 0]


def test_a_release_with_a_secret_is_judged_from_disk_and_never_kept_whole(
    tmp_path: Path, workers: Workers
) -> None:
    """A Secret that somebody wrote in the clear: its digest is kept, none of its manifests is."""
    found = catalog({"a.yaml": SECRET, "b.yaml": CONFIG.replace("hello", "beside it")})
    store = opened(tmp_path)
    release = CachingRenderer(workers, store=store, manifests=True)(found, "web", "v1", "eu")
    store.close()
    assert release.lasting
    assert not may_be_kept(release)
    with pytest.raises(ValueError, match="web in eu holds secrets"):
        encode_rendered(release)
    assert b"sha256:" in in_files(tmp_path)
    store, counting = opened(tmp_path), Counting(workers)
    again = CachingRenderer(counting, store=store, manifests=True)
    assert again.judge(found, "web", "v1", "eu").digest == release.digest
    assert counting.jobs == 0
    assert again(found, "web", "v1", "eu") == release
    assert counting.jobs == 1
    store.close()


def test_what_sops_decrypted_never_reaches_the_disk(tmp_path: Path, workers: Workers) -> None:
    """Neither judgement nor manifests of a release that read a secret, though it is no Secret object."""
    store = opened(tmp_path)
    found, _ = read(FILES)
    tools = sops(tmp_path)
    release = CachingRenderer(workers, tools=tools, store=store, manifests=True)(found, "web", "v1", "eu")
    assert CANARY in release.manifests[1].object["data"]["text"]
    store.flush()
    (tmp_path / "plain").unlink()
    assert b"parameters.password" not in in_files(tmp_path)
    assert store._database is not None
    assert store._database.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    with pytest.raises(ValueError, match="holds secrets"):
        encode_rendered(release)
    store.close()


def test_encoding_round_trips(workers: Workers) -> None:
    """Numbers, text of any script, empty and nested values survive; bytes are smaller than the JSON."""
    data = "data: {a: '☃', b: '', c: '1'}"
    found = catalog({"a.yaml": CONFIG.replace("data: {greeting: hello}", data)})
    release = CachingRenderer(workers)(found, "web", "v1", "eu")
    assert decode_rendered(encode_rendered(release)) == release
