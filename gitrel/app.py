"""The composition root: which parts make up the world that commands, CI jobs and the daemon act on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gitrel.backends.backend import Backend
from gitrel.backends.kubernetes.access import AccessOptions
from gitrel.clock import Clock, SystemClock
from gitrel.errors import GitrelError, Problem, Unreachable, UsageError
from gitrel.events import Event, EventStream
from gitrel.ledger.git import GitLedger
from gitrel.ledger.proposals import Proposals
from gitrel.ledger.trust import Trust
from gitrel.orchestrator.clusters import Clusters
from gitrel.orchestrator.lookahead import AT_ONCE, Lookahead
from gitrel.orchestrator.world import World
from gitrel.render.cache import CachingRenderer
from gitrel.render.program import fingerprint
from gitrel.render.store import open_store
from gitrel.render.worker import Workers
from gitrel.repo.catalogs import CommitCatalogs
from gitrel.repo.check import check_repository
from gitrel.repo.git import GitRepository
from gitrel.repo.git.access import Access
from gitrel.repo.git.mirror import Mirror, RemoteSource
from gitrel.repo.git.reading import read_remote, remote_history
from gitrel.repo.git.repository import REMOTE_TIMEOUT_SECONDS
from gitrel.repo.git.signatures import Keys, ssh_signer
from gitrel.repo.git.since import Histories
from gitrel.repo.git.tags import with_tags
from gitrel.repo.model import Catalog, Environment
from gitrel.repo.source import read_worktree
from gitrel.repo.tagged import tagged_components
from gitrel.repo.tree import RawTree
from gitrel.telemetry.masking import MASKER

Place = Path | RemoteSource
"""Where a config repository is: a folder on disk, or a remote that is read through the cache."""
STATE = ".gitrel"
"""The folder, beside the repository's own, where bundled clusters are kept. Git is told to ignore it."""


@dataclass(frozen=True, slots=True)
class GitOptions:
    """How the repository is reached, read and written. `branch` empty: the one that is checked out.

    `keys` are the operator's own signers. The `accept_…` are a person's word for what stands there now.
    """

    branch: str = ""
    access: Access = field(default_factory=Access)
    timeout_seconds: float = REMOTE_TIMEOUT_SECONDS
    keys: Keys | None = None
    signing_key: Path | None = None
    accept_rewritten: bool = False
    accept_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How clusters are reached: the operator's word on access, and how many are asked `at_once`.

    `adopt` names environments whose cluster is right although another one is recorded. `watching` is for
    those who stay: clusters are followed, and `heard` is called, from any thread, when something changed.
    """

    access: AccessOptions = field(default_factory=AccessOptions)
    adopt: frozenset[str] = frozenset()
    at_once: int = AT_ONCE
    watching: bool = False
    heard: Callable[[], None] = lambda: None


def read_catalog(place: Place, revision: str | None = None) -> tuple[Catalog, tuple[Problem, ...]]:
    """What the work tree says (`revision` None), or one commit; with every problem, sorted by place.

    Of a remote it is what the branch says now, or what `revision` does there.
    """
    return check_repository(*read_tree(place, revision))


@contextmanager
def renderer(*, cache: bool = False, manifests: bool = False) -> Iterator[CachingRenderer]:
    """Renders and remembers; the child processes that templates run in end with the block.

    With `cache` what rendering came to is remembered on disk too, for the processes to come; with
    `manifests` in whole, for those who compare with clusters. No secret ever gets there.
    """
    store = open_store(os.environ, Path.home()) if cache else None
    try:
        with Workers() as workers:
            yield CachingRenderer(
                workers, store=store, program=fingerprint(), learn=MASKER.learn, manifests=manifests
            )
    finally:
        if store is not None:
            store.close()


def read_tree(place: Place, revision: str | None = None) -> tuple[RawTree, str]:
    """The files of the work tree (`revision` None) or of one commit, and that commit's full SHA or ""."""
    if isinstance(place, RemoteSource):
        return read_remote(place, revision, SystemClock())
    if revision is None:
        tree = read_worktree(place)
        if not tagged_components(tree):
            return tree, ""
        with GitRepository(place) as repository:
            return with_tags(repository, tree), ""
    with GitRepository(place) as repository:
        commit = repository.resolve(revision)
        return with_tags(repository, repository.read_commit(commit)), commit


@contextmanager
def histories(place: Place, revision: str | None = None) -> Iterator[Histories | None]:
    """The past of the files, from `revision` or what is checked out; None for a folder without a history."""
    with ExitStack() as stack:
        found: Histories | None = None
        with suppress(GitrelError):
            if isinstance(place, Path):
                repository = stack.enter_context(GitRepository(place))
                tip = repository.head().commit if revision is None else repository.resolve(revision)
            else:
                repository, tip = stack.enter_context(remote_history(place, revision))
            found = Histories(repository, tip)
        yield found


@contextmanager
def world(
    place: Place,
    *,
    actor: str | None = None,
    remote: str | None = None,
    clock: Clock | None = None,
    connect: Callable[[Environment], Backend] | None = None,
    events: EventStream | None = None,
    git: GitOptions | None = None,
    reach: Reach | None = None,
    looking: bool = False,
    cache: bool = False,
) -> Iterator[World]:
    """The real world of one repository: Git, the journal in Git, and the clusters it names.

    `actor` is `Name <email>`, by default who Git says the caller is. With `remote` its refs are the truth,
    and where `place` is a remote they always are. Who is only `looking` is shown what is old, and told so.
    With `cache` renderings are remembered on disk. `reach` is the operator's word on reaching clusters.
    """
    clock = clock or SystemClock()
    events = events or EventStream()
    git = git or GitOptions()

    def warn(text: str) -> None:
        events.emit(Event(clock.now(), "repository.warning", message=text))

    with (
        _opened(place, remote, git, looking, warn) as opened,
        renderer(cache=cache, manifests=True) as render,
    ):
        repository = opened.repository
        trust = Trust(repository, git.keys, accept_unsigned=git.accept_unsigned)
        ledger = GitLedger(
            repository,
            opened.remote,
            opened.branch,
            warn=warn,
            accept_rewritten=git.accept_rewritten,
            trust=trust,
            looking=looking,
            clock=clock,
        )
        tidy = _Tidy(ledger, render, warn)
        reach = reach or Reach()
        clusters = Clusters(
            connect or _Connector(opened.state, clock, reach, looking).connect,
            adopt=reach.adopt,
            lookahead=Lookahead(reach.at_once),
        )
        try:
            yield World(
                clock=clock,
                source=CommitCatalogs(repository, ledger.tip, ledger.bring, ledger),
                ledger=ledger,
                render=render,
                clusters=clusters,
                events=events,
                actor=actor or repository.identity(),
                proposals=Proposals(repository, opened.remote, ledger.branch) if opened.remote else None,
                heard=ledger.heard,
                tidy=tidy,
            )
            tidy()
        finally:
            clusters.close()
            trust.close()


@dataclass(frozen=True, slots=True)
class _Opened:
    """A repository, whose refs are the truth (None: its own), on which branch; and where clusters live."""

    repository: GitRepository
    remote: str | None
    branch: str
    state: Path


@contextmanager
def _opened(
    place: Place, remote: str | None, git: GitOptions, looking: bool, warn: Callable[[str], None]
) -> Iterator[_Opened]:
    sign = ssh_signer(git.signing_key) if git.signing_key else None
    if isinstance(place, Path):
        with GitRepository(
            place, remote_timeout_seconds=git.timeout_seconds, access=git.access, sign=sign
        ) as repository:
            yield _Opened(repository, remote, git.branch, place / STATE)
        return
    if remote is not None:
        raise UsageError("--repo names a remote already: leave --remote out")
    mirror = Mirror(place, sign=sign)
    try:
        yield _Opened(mirror.repository, mirror.url, _branch(mirror, looking, warn), mirror.folder)
    finally:
        mirror.close()


def _branch(mirror: Mirror, looking: bool, warn: Callable[[str], None]) -> str:
    """Which branch is meant; who is only looking may go by what was read last."""
    try:
        branch = mirror.branch()
        mirror.remember(branch)
    except Unreachable as error:
        branch = mirror.last_branch()
        if not looking or not branch:
            raise
        warn(f"{error}: going by the branch that was read last")
    return branch


class _Tidy:
    """Packs what has piled up in the repository; that it could not is nobody's failure."""

    def __init__(self, ledger: GitLedger, render: CachingRenderer, warn: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._render = render
        self._warn = warn

    def __call__(self) -> None:
        self._render.save()
        try:
            self._ledger.maintain()
        except GitrelError as error:
            self._warn(f"the repository could not be tidied up: {error}")


class _Connector:
    """From an environment's `cluster:` to a backend. Who only looks makes no bundled cluster on disk."""

    def __init__(self, state: Path, clock: Clock, reach: Reach, looking: bool) -> None:
        self._reach = reach
        self._looking = looking
        self._state = state
        self._clock = clock

    def connect(self, environment: Environment) -> Backend:
        if environment.cluster.backend == "kubernetes":
            from gitrel.backends.kubernetes.backend import open_kubernetes

            cluster = environment.cluster
            return open_kubernetes(
                environment.name,
                cluster.context,
                options=self._reach.access,
                act_as=cluster.act_as,
                watching=self._reach.watching,
                heard=self._reach.heard,
            )
        from gitrel.backends.embedded import EmbeddedBackend, new_cluster, open_embedded

        folder = self._state / "clusters" / environment.name
        if self._looking and not folder.is_dir():
            return EmbeddedBackend(new_cluster(environment, start=self._clock.now()), self._clock)
        self._keep_out_of_git()
        return open_embedded(folder, environment, self._clock)

    def _keep_out_of_git(self) -> None:
        """The folder ignores itself, so that nobody commits a cluster by accident."""
        self._state.mkdir(mode=0o700, exist_ok=True)
        ignore = self._state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


__all__ = ["GitOptions", "Place", "UsageError", "read_catalog", "renderer", "world"]
