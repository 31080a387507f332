"""`promote --pull-request`: asks people first, and shows where they can answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitrel.cli.acting import Way
from gitrel.cli.output import Column, Item, Listing
from gitrel.cli.session import Session
from gitrel.errors import UsageError
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.forge.address import Kind
    from gitrel.orchestrator.proposing import Proposal


def show_proposal(
    session: Session,
    way: Way,
    versions: Mapping[str, str],
    to: str | None,
    reason: str,
    forge: Kind,
    forge_url: str | None,
) -> int:
    """Opens the pull request, or finds the one that is open, and prints its URL."""
    from gitrel.cli.sources import access
    from gitrel.forge.address import forge_of
    from gitrel.orchestrator.proposing import propose

    if way.wait:
        raise UsageError("--pull-request starts nothing that --wait could wait for: leave one of them out")
    with way.working(session) as work:
        proposals = work.world.proposals
        if proposals is None:
            raise UsageError("--pull-request needs a remote: name one with --remote, or with --repo URL")
        chosen = forge_of(proposals.urls, access(session).token, kind=forge, root=forge_url or "")
        found = propose(work.world, proposals, chosen, versions, to, reason=MASKER.text(reason))
    session.note(clean(found.message))
    session.show(way.output, _listing(found), headers=way.headers)
    return 0


def _listing(found: Proposal) -> Listing:
    items: list[Item] = [
        {
            "component": move.component,
            "version": move.version,
            "environment": move.environment,
            "branch": found.branch,
            "number": found.request.number if found.request else None,
            "url": found.request.url if found.request else "",
            "created": found.created,
        }
        for move in found.moves
    ]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("VERSION", lambda i: i["version"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("NUMBER", lambda i: str(i["number"])),
        Column("URL", lambda i: i["url"]),
        Column("BRANCH", lambda i: i["branch"], wide=True),
    )
    return Listing("PullRequest", items, columns, lambda i: i["url"] or i["branch"], {})
