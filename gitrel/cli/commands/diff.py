"""`diff`: what applying now would change in the clusters, or what a change in Git changes everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from gitrel.backends.backend import Backend, Refused
from gitrel.cli import lookup
from gitrel.cli.changes import Change, changes, summary
from gitrel.cli.options import Verb, option, session_of
from gitrel.cli.output import Column, Format, Listing, unified
from gitrel.cli.rendering import renderings
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.delivery.plan import Plan
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog
from gitrel.telemetry.text import clean

app = typer.Typer(rich_markup_mode=None)
DIFFERENT = 1


@app.command(cls=Verb)
def diff(
    context: typer.Context,
    component: Annotated[str | None, typer.Argument(metavar="COMPONENT")] = None,
    environment: Annotated[str | None, typer.Argument(metavar="ENVIRONMENT")] = None,
    *,
    base: Annotated[str | None, option("base")] = DEFAULT.base,
    revision: Annotated[str | None, option("revision")] = DEFAULT.revision,
    version: Annotated[str | None, option("component_version")] = DEFAULT.component_version,
    show_secrets: Annotated[bool, option("show_secrets")] = DEFAULT.show_secrets,
    output: Annotated[Format | None, option("output", default_is="a unified diff")] = DEFAULT.output,
    headers: Annotated[bool, option("headers")] = DEFAULT.headers,
) -> int:
    """Show what applying now would change.

    Compares the files on disk (or --revision) with what runs, which the clusters themselves work out and
    nothing is changed by; with --base, with what another commit renders, without any cluster. Ends with 0
    where nothing differs and 1 where something does.
    """
    session = session_of(context)
    catalog = lookup.catalog(session.repository(), revision, component)
    places = lookup.targets(catalog, component, environment)
    wanted = _releases(catalog, places, version)
    if base is not None:
        before = lookup.catalog(session.repository(), base, component)
        found = list(_offline(before, wanted, component, environment, show_secrets))
    else:
        found = list(_live(session, catalog, wanted, show_secrets))
    _show(session, found, output, headers)
    return DIFFERENT if found else 0


def _releases(
    catalog: Catalog, places: Iterable[tuple[str, str]], version: str | None
) -> dict[tuple[str, str], Rendered]:
    with renderings() as release_of:
        return {
            (name, env): release_of(catalog, name, lookup.version(catalog, name, env, version), env)
            for name, env in places
        }


def _offline(
    before: Catalog,
    wanted: dict[tuple[str, str], Rendered],
    component: str | None,
    environment: str | None,
    show_secrets: bool,
) -> Iterator[Change]:
    """Both commits rendered; a component or an environment may be missing from either."""
    places = [
        (name, env)
        for name, env in lookup.targets(before, None, None)
        if component in (None, name) and environment in (None, env)
    ]
    was = _releases(before, places, None)
    for place in dict.fromkeys((*wanted, *was)):
        yield from changes(
            *place, _objects(was.get(place)), _objects(wanted.get(place)), show_secrets=show_secrets
        )


def _objects(release: Rendered | None) -> dict[Ref, Mapping[str, Any]]:
    return {manifest.ref: manifest.object for manifest in release.manifests} if release else {}


def _live(
    session: Session, catalog: Catalog, wanted: dict[tuple[str, str], Rendered], show_secrets: bool
) -> Iterator[Change]:
    """What each cluster says that it would make of the release, beside what it has now."""
    from gitrel.app import world as open_world

    with open_world(session.repository()) as world:
        for (component, environment), release in wanted.items():
            forecast = _forecast(world, catalog, component, environment, release)
            for reason in (*forecast.objections, *map(str, forecast.conflicts)):
                session.err.line(session.err.paint(clean(f"{component} in {environment}: {reason}"), "red"))
            entries = [e for e in forecast.entries if e.word not in ("unchanged", "skipped")]
            before = {entry.ref: entry.before for entry in entries if entry.before is not None}
            after = {entry.ref: entry.after for entry in entries if entry.after is not None}
            yield from changes(component, environment, before, after, show_secrets=show_secrets)


def _forecast(world: World, catalog: Catalog, component: str, environment: str, release: Rendered) -> Plan:
    """The plan that applying would carry out, with the answers of a dry run in it."""
    from gitrel.delivery import inventory as inventories
    from gitrel.delivery.plan import desired_objects, plan
    from gitrel.orchestrator.deliver import read_inventory

    owner, place = catalog.components[component], catalog.environments[environment]
    backend = world.clusters.of(place)
    inventory = read_inventory(backend, catalog, owner, place)
    members = inventory or inventories.empty(component, environment, release.namespace)
    desired = desired_objects(release, members)
    live = backend.read([*desired, *members.objects])
    answers = {ref_of(obj): answer for obj in desired if (answer := _dry_run(backend, obj, live)) is not None}
    return plan(release, members, live, answers, prune_limit=owner.schedule.prune_limit)


def _dry_run(backend: Backend, obj: Object, live: Mapping[Ref, Object]) -> Object | Refused | None:
    """The cluster's answer; None where it cannot judge yet, because the release brings what is missing.

    A namespace or a kind that the same release creates does not exist during a dry run.
    """
    try:
        return backend.apply(obj, dry_run=True)
    except Refused as refusal:
        return None if refusal.reason == "NotFound" and ref_of(obj) not in live else refusal


def _show(session: Session, found: list[Change], output: Format | None, headers: bool) -> None:
    if output in (None, Format.TABLE):
        for change in found:
            unified(session.out, change.lines)
    else:
        columns = (
            Column("ENVIRONMENT", lambda i: i["environment"]),
            Column("COMPONENT", lambda i: i["component"]),
            Column("CHANGE", lambda i: i["change"], style=lambda i: _STYLES[i["change"]]),
            Column("KIND", lambda i: i["kind"]),
            Column("NAMESPACE", lambda i: i["namespace"]),
            Column("NAME", lambda i: i["name"]),
        )
        items = [change.as_json() for change in found]
        listing = Listing(
            "Diff",
            items,
            columns,
            lambda i: f"{i['environment']}/{i['component']} {i['kind']}/{i['name']}",
            {},
        )
        session.show(output, listing, headers=headers)
    session.note(summary(found) if found else "no difference")


_STYLES = {"created": "green", "configured": "yellow", "deleted": "red"}
