"""The composition root: which parts make up the world that commands, CI jobs and the daemon act on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gitrel.backends.backend import Backend
from gitrel.clock import Clock, SystemClock
from gitrel.errors import GitrelError, Problem, UsageError
from gitrel.events import EventStream
from gitrel.ledger.git import GitLedger
from gitrel.orchestrator.clusters import Clusters
from gitrel.orchestrator.world import World
from gitrel.render.cache import CachingRenderer
from gitrel.render.program import fingerprint
from gitrel.render.store import open_store
from gitrel.render.worker import Workers
from gitrel.repo.catalogs import CommitCatalogs
from gitrel.repo.check import check_repository
from gitrel.repo.git import GitRepository
from gitrel.repo.model import Catalog, Environment
from gitrel.repo.source import read_worktree
from gitrel.repo.tree import RawTree

STATE = ".gitrel"
"""The folder, beside the repository's own, where bundled clusters are kept. Git is told to ignore it."""


class BackendMissing(GitrelError):
    """The environment names a kind of cluster that this gitrel cannot reach yet."""

    exit_code = 2


def read_catalog(repo_dir: Path, revision: str | None = None) -> tuple[Catalog, tuple[Problem, ...]]:
    """What the work tree says (`revision` None), or one commit; with every problem, sorted by place."""
    return check_repository(*read_tree(repo_dir, revision))


@contextmanager
def renderer(*, cache: bool = False) -> Iterator[CachingRenderer]:
    """Renders and remembers; the child processes that templates run in end with the block.

    With `cache` what rendering came to is remembered on disk too, for the processes to come.
    """
    store = open_store(os.environ, Path.home()) if cache else None
    try:
        with Workers() as workers:
            yield CachingRenderer(workers, store=store, program=fingerprint())
    finally:
        if store is not None:
            store.close()


def read_tree(repo_dir: Path, revision: str | None = None) -> tuple[RawTree, str]:
    """The files of the work tree (`revision` None) or of one commit, and that commit's full SHA or ""."""
    if revision is None:
        return read_worktree(repo_dir), ""
    with GitRepository(repo_dir) as repository:
        commit = repository.resolve(revision)
        return repository.read_commit(commit), commit


@contextmanager
def world(
    repo_dir: Path,
    *,
    actor: str | None = None,
    remote: str | None = None,
    clock: Clock | None = None,
    connect: Callable[[Environment], Backend] | None = None,
    events: EventStream | None = None,
) -> Iterator[World]:
    """The real world of one repository: Git, the journal in Git, and the clusters it names.

    `actor` is `Name <email>`, by default who Git says the caller is. With `remote` its refs are the truth.
    """
    clock = clock or SystemClock()
    events = events or EventStream()

    def warn(text: str) -> None:
        from gitrel.events import Event

        events.emit(Event(clock.now(), "repository.warning", message=text))

    with GitRepository(repo_dir) as repository, renderer() as render:
        ledger = GitLedger(repository, remote, warn=warn)
        clusters = Clusters(connect or _Connector(repo_dir, clock).connect)
        try:
            yield World(
                clock=clock,
                source=CommitCatalogs(repository, ledger.tip),
                ledger=ledger,
                render=render,
                clusters=clusters,
                events=events,
                actor=actor or repository.identity(),
            )
        finally:
            clusters.close()


class _Connector:
    """From an environment's `cluster:` to a backend."""

    def __init__(self, repo_dir: Path, clock: Clock) -> None:
        self._state = repo_dir / STATE
        self._clock = clock

    def connect(self, environment: Environment) -> Backend:
        if environment.cluster.backend == "kubernetes":
            raise BackendMissing(
                f"{environment.name}: real clusters are not supported by this version of gitrel: "
                f"use `cluster: embedded` (see {environment.origin})"
            )
        from gitrel.backends.embedded import open_embedded

        self._keep_out_of_git()
        return open_embedded(self._state / "clusters" / environment.name, environment, self._clock)

    def _keep_out_of_git(self) -> None:
        """The folder ignores itself, so that nobody commits a cluster by accident."""
        self._state.mkdir(mode=0o700, exist_ok=True)
        ignore = self._state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


__all__ = ["BackendMissing", "UsageError", "read_catalog", "renderer", "world"]
