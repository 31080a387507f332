"""On which forge, and in which project there, a CI job or a person is: told by the job, or by a remote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.cli.session import Session
from gitrel.errors import UsageError

if TYPE_CHECKING:
    from gitrel.forge.address import Kind
    from gitrel.forge.forge import Forge


def forge_here(
    session: Session, remote: str | None, kind: Kind, root: str | None, environ: Mapping[str, str]
) -> Forge:
    """Flags win over what the CI system says, and that over the remote `origin`."""
    from gitrel.cli.sources import access
    from gitrel.forge.address import forge_of

    token = access(session).token
    if remote is None and (told := _told_by_the_job(environ)):
        url, job_kind, job_root = told
        return forge_of([url], token, kind=job_kind if kind == "auto" else kind, root=root or job_root)
    try:
        return forge_of(_urls(session, remote), token, kind=kind, root=root or "")
    except UsageError as error:
        if remote is not None:
            raise
        raise UsageError(f"{error}; or name the project with --remote URL") from None


def _told_by_the_job(environ: Mapping[str, str]) -> tuple[str, Kind, str] | None:
    """The project's URL, the forge, and where its API answers."""
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environ['GITHUB_REPOSITORY']}", "github", environ.get("GITHUB_API_URL", "")
    if environ.get("GITLAB_CI") == "true" and environ.get("CI_PROJECT_URL"):
        return environ["CI_PROJECT_URL"], "gitlab", environ.get("CI_API_V4_URL", "")
    return None


def _urls(session: Session, remote: str | None) -> list[str]:
    from gitrel.repo.git import GitRepository

    if remote is not None and ("/" in remote or ":" in remote):
        return [remote]
    place = session.place()
    if not isinstance(place, Path):
        return [place.url]
    with GitRepository(place) as repository:
        name = remote or "origin"
        return [repository.configured_url(name), repository.remote_url(name)]
