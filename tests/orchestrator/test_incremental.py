"""What one process rendered the next does not render again, as long as nothing that was read has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitrel.orchestrator.clusters import Clusters
from gitrel.orchestrator.reconcile import reconcile
from gitrel.render.cache import CachingRenderer
from gitrel.render.worker import Workers
from tests.orchestrator.support import Town, town
from tests.render.test_release import Counting
from tests.render.test_store import opened


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path / "repository") as it:
        yield it


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as pool:
        yield pool


def jobs_of_a_pass(place: Town, cache: Path, workers: Workers) -> int:
    """Renderings of one pass by a process that begins with nothing but the cache on disk."""
    store, counting = opened(cache), Counting(workers)
    render = CachingRenderer(counting, store=store, manifests=True)
    fresh = replace(place.world, render=render, clusters=Clusters(place.fleet.connect))
    report = reconcile(fresh)
    store.close()
    assert not report.errors
    assert not report.problems
    return counting.jobs


def test_a_second_process_renders_nothing(place: Town, tmp_path: Path, workers: Workers) -> None:
    """Not for what the pointers say, nor to compare it with the clusters, where it looks at everything."""
    assert jobs_of_a_pass(place, tmp_path, workers) == 2
    assert jobs_of_a_pass(place, tmp_path, workers) == 0


def test_only_what_reads_a_changed_input_is_rendered_again(
    place: Town, tmp_path: Path, workers: Workers
) -> None:
    """Another commit alone renders nothing; an input of one environment that is read renders there only."""
    jobs_of_a_pass(place, tmp_path, workers)
    environment = place.folder / "environments/busy.yaml"
    text = environment.read_text(encoding="utf-8")
    place.write("environments/busy.yaml", text + "  parameters: {unread: 1}\n")
    assert jobs_of_a_pass(place, tmp_path, workers) == 0
    place.write("environments/busy.yaml", text.replace("{name: busy", "{labels: {a: b}, name: busy"))
    place.write("apps/web/v1/web-extra.yaml", place_reading("environment.labels"))
    assert jobs_of_a_pass(place, tmp_path, workers) == 2
    place.write("environments/busy.yaml", text.replace("{name: busy", "{labels: {a: c}, name: busy"))
    assert jobs_of_a_pass(place, tmp_path, workers) == 1


def place_reading(name: str) -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
        f"data: {{labels: '{{{{ {name} | tojson }}}}'}}\n"
    )
