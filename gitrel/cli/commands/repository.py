"""`validate` and `render`: what the repository says, without touching any cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import Cache, Headers, Revision, ShowSecrets, Version
from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing, to_yaml
from gitrel.cli.rendering import renderings
from gitrel.cli.session import Session
from gitrel.cli.validation import count, validation
from gitrel.config.settings import DEFAULT
from gitrel.errors import InvalidRepository, Problem
from gitrel.render.manifest import Manifest, Rendered
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def validate(
    context: typer.Context,
    *,
    strict: Annotated[bool, option("strict")] = DEFAULT.strict,
    render: Annotated[bool, option("render")] = DEFAULT.render,
    cache: Cache = DEFAULT.cache,
    revision: Revision = DEFAULT.revision,
    report: Annotated[Path | None, option("report")] = DEFAULT.report,
    output: Annotated[Format | None, option("output", default_is="one line each")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Check every file, and render everything.

    Prints every problem at once as `file:line:column: what is wrong: what to do`. Rendered and checked
    against Kubernetes' own schema are, in each environment, the version it runs, the newest one and
    `current`. Warnings fail only with --strict.
    """
    session = session_of(context)
    found = validation(session.place(), revision, render=render, cache=cache)
    problems, counted = found.problems, found.counted
    errors = sum(problem.severity == "error" for problem in problems)
    if output in (None, Format.TABLE):
        for problem in problems:
            style = "red" if problem.severity == "error" else "yellow"
            session.out.line(session.out.paint(clean(str(problem)), style))
    else:
        session.show(output, _problem_listing(problems, errors), headers=headers)
    session.note(f"{counted}: {count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    session.job.tell_problems(problems, counted, report)
    return InvalidRepository.exit_code if errors or (strict and problems) else 0


def _problem_listing(problems: Sequence[Problem], errors: int) -> Listing:
    items: list[Item] = [
        {
            "file": p.file, "line": p.line, "column": p.column,
            "severity": p.severity, "what": p.what, "todo": p.todo,
        }
        for p in problems
    ]  # fmt: skip
    columns = (
        Column(
            "SEVERITY",
            lambda i: i["severity"],
            style=lambda i: "red" if i["severity"] == "error" else "yellow",
        ),
        Column("FILE", lambda i: i["file"]),
        Column("LINE", lambda i: str(i["line"] or "")),
        Column("COLUMN", lambda i: str(i["column"] or "")),
        Column("WHAT", lambda i: i["what"]),
        Column("TODO", lambda i: i["todo"]),
    )
    head = {"valid": not errors, "errors": errors, "warnings": len(problems) - errors}
    return Listing("ValidationReport", items, columns, lambda i: i["file"], head)


@app.command(cls=Verb)
def render(
    context: typer.Context,
    component: Annotated[str, argument("COMPONENT", "The component to render.")],
    environment: Annotated[
        str | None, argument("ENVIRONMENT", "For which environment; for all of them if left out.")
    ] = None,
    *,
    version: Version = DEFAULT.component_version,
    revision: Revision = DEFAULT.revision,
    show_secrets: ShowSecrets = DEFAULT.show_secrets,
    output: Annotated[Format | None, option("output", default_is="yaml")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Print the manifests of a component.

    In the order in which they would be applied, for one environment or for all of them. The values of
    Secrets are hidden unless --show-secrets.
    """
    session = session_of(context)
    catalog = lookup.catalog(session.place(), revision, component)
    places = lookup.targets(catalog, component, environment)
    with renderings() as release_of:
        releases = [
            release_of(catalog, name, lookup.version(catalog, name, env, version), env)
            for name, env in places
        ]
    if output in (None, Format.YAML):
        for release in releases:
            _print_yaml(session, release, show_secrets)
    else:
        session.show(output, _manifest_listing(releases, show_secrets), headers=headers)
    return 0


def presentable(manifest: Manifest, show_secrets: bool) -> Item:
    return manifest.object if show_secrets else MASKER.manifest(manifest.object)


def _print_yaml(session: Session, release: Rendered, show_secrets: bool) -> None:
    session.out.line(
        clean(f"# {release.component} {release.version} in {release.environment}: {release.digest}")
    )
    for manifest in release.manifests:
        session.out.line(f"---\n# from {clean(str(manifest.origin))}")
        session.out.raw(to_yaml(presentable(manifest, show_secrets)))


def _manifest_listing(releases: Iterable[Rendered], show_secrets: bool) -> Listing:
    items: list[Item] = [
        {
            "component": release.component,
            "version": release.version,
            "environment": release.environment,
            "origin": str(manifest.origin),
            "manifest": presentable(manifest, show_secrets),
        }
        for release in releases
        for manifest in release.manifests
    ]
    columns = (
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("VERSION", lambda i: i["version"]),
        Column("KIND", lambda i: i["manifest"]["kind"]),
        Column("NAMESPACE", lambda i: i["manifest"]["metadata"].get("namespace", "")),
        Column("NAME", lambda i: i["manifest"]["metadata"]["name"]),
        Column("APIVERSION", lambda i: i["manifest"]["apiVersion"], wide=True),
        Column("ORIGIN", lambda i: i["origin"], wide=True),
    )
    return Listing("ManifestList", items, columns, _manifest_name, {})


def _manifest_name(item: Item) -> str:
    manifest = item["manifest"]
    return f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
