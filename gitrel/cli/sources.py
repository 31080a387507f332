"""From the global options to what reaching, reading and signing a repository takes; secrets are learnt here.

A token comes from GITREL_TOKEN or from a file, never from a flag, and is masked in everything that this
process writes from the moment it is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.errors import UsageError

if TYPE_CHECKING:
    from gitrel.app import GitOptions, Reach
    from gitrel.cli.session import Session
    from gitrel.events import Event
    from gitrel.orchestrator.world import World
    from gitrel.repo.git.access import Access
    from gitrel.repo.git.mirror import RemoteSource
    from gitrel.repo.git.signatures import Keys

TOKEN_VARIABLE = "GITREL_TOKEN"  # noqa: S105 - the name of the variable
FILE_BYTES_MAX = 4 * 2**20


def token(session: Session) -> str:
    """The operator's token, empty where there is none. The file wins over the variable."""
    from gitrel.telemetry.masking import MASKER

    if session.token_file is not None:
        found = _read(session.token_file, "--token-file").decode("utf-8", "replace").strip()
        if not found:
            raise UsageError(f"--token-file {session.token_file}: the file is empty")
    else:
        found = os.environ.get(TOKEN_VARIABLE, "").strip()
    if found:
        MASKER.learn(found)
    return found


def access(session: Session) -> Access:
    from gitrel.repo.git.access import ON_REQUEST, Access

    for name in session.allow_transport:
        if name not in ON_REQUEST:
            raise UsageError(f"--allow-transport {name}: only {' and '.join(ON_REQUEST)} can be allowed")
    for file, flag in ((session.ssh_key, "--ssh-key"), (session.known_hosts, "--known-hosts")):
        if file is not None and not file.expanduser().is_file():
            raise UsageError(f"{flag} {file}: there is no such file")
    return Access(
        token=token(session),
        token_user=session.token_user,
        ssh_key=session.ssh_key.expanduser() if session.ssh_key else None,
        known_hosts=session.known_hosts.expanduser() if session.known_hosts else None,
        transports=frozenset(session.allow_transport),
    )


def remote_source(session: Session, url: str) -> RemoteSource:
    """The remote that `--repo` names."""
    from gitrel.repo.git.access import checked_url
    from gitrel.repo.git.mirror import RemoteSource
    from gitrel.telemetry.text import clean

    def warn(text: str) -> None:
        session.err.line(session.err.paint(clean(text), "yellow"))

    reach = access(session)
    return RemoteSource(
        checked_url(url, reach),
        cache_dir(session),
        session.branch or "",
        reach,
        session.git_timeout.total_seconds(),
        warn,
    )


def cache_dir(session: Session) -> Path:
    """Where remotes are kept, as the XDG base directory specification has it."""
    if session.cache_dir is not None:
        return session.cache_dir.expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is to be ignored, says the specification.
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "gitrel"


def git_options(
    session: Session, *, accept_rewritten: bool = False, accept_unsigned: bool = False
) -> GitOptions:
    """How the repository is read and written, for `app.world`."""
    from gitrel.app import GitOptions

    return GitOptions(
        branch=session.branch or "",
        access=access(session),
        timeout_seconds=session.git_timeout.total_seconds(),
        keys=_keys(session),
        signing_key=session.signing_key.expanduser() if session.signing_key else None,
        accept_rewritten=accept_rewritten,
        accept_unsigned=accept_unsigned,
    )


def reach(session: Session) -> Reach:
    """How clusters are reached, for `app.world`."""
    from gitrel.app import Reach
    from gitrel.backends.kubernetes.access import AccessOptions
    from gitrel.kube.impersonation import Impersonation
    from gitrel.telemetry.masking import MASKER

    if not session.act_as and (session.act_as_group or session.act_as_uid):
        raise UsageError("--as-group and --as-uid need --as: Kubernetes impersonates users")
    place = session.place()
    groups = tuple(session.act_as_group)
    access = AccessOptions(
        kubeconfig=session.kubeconfig or "",
        contexts=tuple(session.allow_context),
        act_as=Impersonation(session.act_as or "", session.act_as_uid or "", groups),
        insecure=session.allow_insecure_tls,
        repository=place if isinstance(place, Path) else None,
        learn=MASKER.learn,
    )
    return Reach(access, adopt=frozenset(session.adopt), at_once=session.max_clusters)


@contextmanager
def looking_world(session: Session, remote: str | None = None) -> Iterator[World]:
    """The world for verbs that only look: what is old or not trusted is shown, with a warning."""
    from gitrel.app import world as open_world
    from gitrel.events import EventStream

    events = EventStream()
    events.subscribe(lambda event: _warn(session, event))
    options = git_options(session)
    with open_world(
        session.place(), remote=remote, events=events, git=options, reach=reach(session), looking=True
    ) as world:
        yield world


def _warn(session: Session, event: Event) -> None:
    from gitrel.telemetry.masking import MASKER
    from gitrel.telemetry.text import clean

    if event.kind == "repository.warning":
        session.err.line(session.err.paint(clean(MASKER.text(event.message)), "yellow"))


def _keys(session: Session) -> Keys | None:
    """The operator's own signers; where there are some, nobody else's count."""
    from gitrel.repo.git.signatures import Keys

    if session.allowed_signers is None and session.gpg_keys is None:
        return None
    named = [str(file) for file in (session.allowed_signers, session.gpg_keys) if file is not None]
    return Keys(
        " and ".join(named),
        _read(session.allowed_signers, "--allowed-signers") if session.allowed_signers else b"",
        _read(session.gpg_keys, "--gpg-keys") if session.gpg_keys else b"",
    )


def _read(file: Path, flag: str) -> bytes:
    try:
        with file.expanduser().open("rb") as stream:
            return stream.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(f"{flag} {file}: it cannot be read: {error.strerror}") from None
