"""`rbac`: the rights that gitrel needs on each cluster, as objects to apply there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import Headers, Revision
from gitrel.cli.options import Verb, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing, to_yaml
from gitrel.cli.rendering import renderings
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.delivery.rbac import CLUSTER, Rights, objects, rights
from gitrel.errors import InvalidRepository, UsageError
from gitrel.kube.resources import defined
from gitrel.render.manifest import Rendered
from gitrel.repo import layout
from gitrel.repo.model import Catalog, Component
from gitrel.rollout.seen import Release
from gitrel.rollout.state import Rollout
from gitrel.telemetry.text import clean

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def rbac(
    context: typer.Context,
    *,
    environment: Annotated[str | None, option("rbac_environment")] = DEFAULT.rbac_environment,
    revision: Revision = DEFAULT.revision,
    account: Annotated[str, option("service_account")] = DEFAULT.service_account,
    escalate: Annotated[bool, option("escalate")] = DEFAULT.escalate,
    output: Annotated[Format | None, option("output", default_is="yaml")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Print the exact rights that gitrel needs.

    Per environment: a service account, and roles computed from the kinds that the active versions render
    there (those that any environment points at, and the newest one) and of what a rollback could go back to
    there. Environments on the bundled cluster need none and are left out unless named. Apply it as an
    administrator; what a new kind needs is printed by the same command once a version has it.
    """
    session = session_of(context)
    catalog = lookup.catalog(session.place(), revision)
    names = _environments(catalog, environment)
    service_account = _account(account)
    with renderings() as release_of:
        releases = {
            name: [
                release_of(catalog, component.name, version, name)
                for component in catalog.components.values()
                if name in component.pointers
                for version in active_versions(component)
            ]
            for name in names
        }
    lost = _add_former(session, releases)
    everything = [m.object for found in releases.values() for r in found for m in r.manifests]
    resources = defined(everything)
    kinds = {name: component.schedule.prune_kinds for name, component in catalog.components.items()}
    needed = [rights(name, releases[name], kinds, resources, escalate=escalate) for name in names]
    if output in (None, Format.YAML):
        for one in needed:
            _print_yaml(session, one, releases[one.environment], service_account, lost)
    else:
        session.show(output, _listing(needed), headers=headers)
    return 0


def _environments(catalog: Catalog, asked: str | None) -> list[str]:
    if asked is not None:
        return [lookup.environment(catalog, asked).name]
    real = [name for name, one in catalog.environments.items() if one.cluster.backend == "kubernetes"]
    if not real:
        raise UsageError(
            "every environment is on the bundled cluster, which asks for no rights: "
            "name one with --environment to see what it would need"
        )
    return real


def _account(text: str) -> tuple[str, str]:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise UsageError(f"--service-account {text}: write it as NAMESPACE/NAME")
    return namespace, name


def active_versions(component: Component) -> list[str]:
    """What may be applied next: every version that is pointed at, and the newest one, oldest first."""
    pointed = {pointer.version for pointer in component.pointers.values()}
    released = [name for name in component.versions if name != layout.CURRENT]
    newest = max(released, key=layout.version_key, default=None)
    names = pointed | ({newest} if newest else set())
    return sorted(names & component.versions.keys(), key=layout.version_key)


def _add_former(session: Session, releases: Mapping[str, list[Rendered]]) -> list[str]:
    """Adds what ran in each environment before and passed, by the journal: a rollback may go back to it.

    Gives a sentence for each such release that cannot be rendered any more, and so not be gone back to.
    """
    from gitrel.cli.sources import looking_world
    from gitrel.orchestrator.releases import NotReproducible, rendered_release

    lost = []
    try:
        with looking_world(session) as world:
            records = world.ledger.load()[1]
            catalog, _ = world.source.catalog(world.source.head())
            for environment, component, release in former_releases(records.values(), releases):
                try:
                    found = rendered_release(world, catalog, component, environment, release)
                except (NotReproducible, InvalidRepository) as error:
                    lost.append(f"Left out is what cannot be gone back to: {error}")
                else:
                    releases[environment].append(found)
    except UsageError:
        pass  # files that were never committed have no past
    return lost


def former_releases(
    records: Iterable[Rollout], releases: Mapping[str, Sequence[Rendered]]
) -> Iterator[tuple[str, str, Release]]:
    """(environment, component, release) of everything that ran and passed there, or is under way, and that is
    not among `releases`."""
    for record in sorted(records, key=lambda one: one.component):
        for name, known in releases.items():
            digests = {one.digest for one in known if one.component == record.component}
            progress, in_force = record.environments.get(name), record.in_force.get(name)
            found = [in_force, *([progress.target, progress.previous] if progress else [])]
            for release in (*found, *record.proven.get(name, ())):
                if release is not None and release.digest not in digests:
                    digests.add(release.digest)
                    yield name, record.component, release


def _print_yaml(
    session: Session,
    needed: Rights,
    releases: Sequence[Rendered],
    account: tuple[str, str],
    lost: Sequence[str],
) -> None:
    for line in (*_comments(needed, releases), *lost):
        session.out.line(clean(f"# {line}"))
    for obj in objects(needed, account):
        session.out.raw("---\n" + to_yaml(obj))


def _comments(needed: Rights, releases: Sequence[Rendered]) -> Iterator[str]:
    """What a reviewer has to know beside the rules themselves."""
    of = ", ".join(dict.fromkeys(f"{release.component} {release.version}" for release in releases))
    yield f"What gitrel needs in {needed.environment}, for {of or 'nothing: no component is deployed there'}."
    for kind in needed.guessed:
        yield f"No definition of {kind} is in the repository: its resource is a guess."
    if needed.handed_on:
        yield "Kubernetes lets nobody grant what they do not hold, so of the releases' own roles:"
        yield from (f"  {line}" for line in needed.handed_on)


def _listing(needed: Sequence[Rights]) -> Listing:
    items: list[Item] = [
        {"environment": one.environment, "namespace": scope, **rule.to_object()}
        for one in needed
        for scope, rules in one.rules.items()
        for rule in rules
    ]
    columns = (
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("NAMESPACE", lambda i: i["namespace"] if i["namespace"] != CLUSTER else "(cluster)"),
        Column("GROUP", lambda i: ",".join(group or '""' for group in i.get("apiGroups", ()))),
        Column("RESOURCES", lambda i: ",".join(i.get("resources") or i.get("nonResourceURLs", ()))),
        Column("VERBS", lambda i: ",".join(i["verbs"])),
        Column("NAMES", lambda i: ",".join(i.get("resourceNames", ()))),
    )
    return Listing("RuleList", items, columns, _name, {})


def _name(item: Item) -> str:
    resources = ",".join(item.get("resources") or item.get("nonResourceURLs", ()))
    return f"{item['environment']}/{item['namespace']}/{resources}"
