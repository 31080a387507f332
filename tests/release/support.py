"""A config repository with versions in directories, its bare remote, and a workshop on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitrel.clock import VirtualClock
from gitrel.ledger.git import GitLedger
from gitrel.orchestrator.versions.backport import Backport, Source, backport
from gitrel.orchestrator.versions.cut import Cut, cut
from gitrel.orchestrator.versions.qualify import Candidate, Check, Qualified, Verdict, qualify
from gitrel.orchestrator.versions.workshop import Workshop
from gitrel.render.cache import CachingRenderer
from gitrel.render.worker import Workers
from gitrel.repo.edit import FileChange
from gitrel.repo.git import GitRepository, RefUpdate
from tests import small
from tests.repo_git.sandbox import commit_all, git, write

ACTOR = "Ada Example <ada@example.com>"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  minReadySeconds: 5
  revisionHistoryLimit: 3
  progressDeadlineSeconds: 60
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: web
          image: "example.com/web:VERSION"
"""
FILE = "web-deployment.yaml"


def place(version: str, name: str = FILE) -> str:
    return f"apps/web/{version}/{name}"


def repository(folder: Path) -> Path:
    """v1 runs everywhere, v2 nowhere, and current/ is ahead of both; none has a record."""
    folder.mkdir(parents=True)
    small.write(folder)
    for version in ("v1", "v2", "current"):
        write(folder, place(version), DEPLOYMENT.replace("VERSION", version))
        write(folder, place(version, "web-configmap.yaml"), small.CONFIG.replace("VERSION", version))
    git(folder, "init", "-q", "-b", "main")
    commit_all(folder, "Begin")
    return folder


def edit(root: Path, version: str, old: str, new: str, name: str = FILE) -> None:
    """Changes one line of one file on disk; the line has to be there."""
    path = root / place(version, name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def fix_current(root: Path, old: str = "minReadySeconds: 5", new: str = "minReadySeconds: 9") -> str:
    """Commits a fix to current/; gives the commit."""
    edit(root, "current", old, new)
    return commit_all(root, "Hold pods longer")


@contextmanager
def workshop(
    root: Path, remote: str | None = None, warnings: list[str] | None = None, actor: str = ACTOR
) -> Iterator[Workshop]:
    with GitRepository(root) as opened, Workers() as workers:
        ledger = GitLedger(opened, remote, warn=(warnings if warnings is not None else []).append)
        yield Workshop(opened, ledger, CachingRenderer(workers), VirtualClock(NOW), actor)


def make(
    root: Path,
    version: str | None = None,
    *,
    remote: str | None = None,
    revision: str | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> Cut:
    """Cuts a release of `web`."""
    with workshop(root, remote) as shop:
        return cut(shop, "web", version, revision=revision, reason=reason, dry_run=dry_run)


def carry(root: Path, source: Source, *, to: Sequence[str] = (), remote: str | None = None) -> Backport:
    """Carries a fix into the versions of `web`."""
    with workshop(root, remote) as shop:
        return backport(shop, "web", source, to=to)


def passes(candidate: Candidate) -> Verdict:
    return Verdict(True, "passed")


def ask(
    root: Path,
    check: Check = passes,
    names: Sequence[str] = (),
    *,
    remote: str | None = None,
    dry_run: bool = False,
) -> Qualified:
    """Qualifies HEAD of the one component that has a check, or that is named."""
    with workshop(root, remote) as shop:
        (one,) = qualify(shop, check, names, dry_run=dry_run)
        return one


@contextmanager
def somebody_is_faster(push: Callable[[], object]) -> Iterator[None]:
    """In the block, `push` arrives just before the first publishing of what was decided; it has to come."""
    publish = GitLedger.publish
    pushed = False

    def late(
        self: GitLedger, old: str, new: str, changes: Sequence[FileChange], others: Sequence[RefUpdate] = ()
    ) -> None:
        nonlocal pushed
        if not pushed:
            pushed = True
            push()
        publish(self, old, new, changes, others)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GitLedger, "publish", late)
        yield
    assert pushed, "nothing was published, so that nobody was faster"
