"""`convert`: apiVersions that the pipeline's Kubernetes has removed, rewritten to what replaced them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.converting import Converted, converted
from gitrel.cli.flags import AnyComponent, DryRun, Headers
from gitrel.cli.options import Verb, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing, unified
from gitrel.config.settings import DEFAULT
from gitrel.errors import InvalidRepository, UsageError
from gitrel.kube import openapi
from gitrel.render.convert import Conversion
from gitrel.repo.model import Catalog
from gitrel.telemetry.text import clean

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def convert(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    kubernetes: Annotated[str | None, option("kubernetes")] = DEFAULT.kubernetes,
    dry_run: DryRun = DEFAULT.dry_run,
    output: Annotated[Format | None, option("output", default_is="a unified diff")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Rewrite apiVersions that Kubernetes has removed.

    In current/ of one component or of all, for the kubernetesVersion of the pipeline. Only the apiVersion
    is changed, the rest of each file stays as it is, and only where the object is right afterwards: what
    needs other fields too is named and left. Nothing is committed.
    """
    session = session_of(context)
    root = session.place()
    if not isinstance(root, Path):
        raise UsageError("files are rewritten in a work tree: name a folder with --repo")
    catalog = _for(lookup.catalog(root, None, component), kubernetes)
    names = [lookup.component(catalog, component).name] if component else list(catalog.components)
    results = _convert(catalog, names)
    if not dry_run:
        for conversion in (one for result in results for one in result.conversions):
            _write(root, conversion)
    if output in (None, Format.TABLE):
        for result in results:
            for conversion in result.conversions:
                unified(session.out, _diff(conversion))
    else:
        session.show(output, _listing(results), headers=headers)
    for problem in (problem for result in results for problem in result.problems):
        session.err.line(session.err.paint(clean(str(problem)), "red"))
    files = sum(len(result.conversions) for result in results)
    session.note(f"{files} file{'' if files == 1 else 's'} {'would change' if dry_run else 'changed'}")
    return InvalidRepository.exit_code if any(result.problems for result in results) else 0


def _for(catalog: Catalog, kubernetes: str | None) -> Catalog:
    if kubernetes is None:
        return catalog
    if kubernetes not in openapi.versions():
        known = ", ".join(openapi.versions())
        raise UsageError(f"--kubernetes-version {kubernetes}: not known (have: {known})")
    return replace(catalog, pipeline=replace(catalog.pipeline, kubernetes_version=kubernetes))


def _convert(catalog: Catalog, names: list[str]) -> list[Converted]:
    from gitrel.app import renderer

    with renderer() as render:
        return [converted(catalog, catalog.components[name], render) for name in names]


def _write(root: Path, conversion: Conversion) -> None:
    """Replaces the file, unless it is no longer what was read."""
    path = root / conversion.file.origin.file
    if path.is_symlink() or not path.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{conversion.file.origin.file}: not a regular file any more")
    if path.read_bytes() != conversion.file.data:
        raise UsageError(f"{conversion.file.origin.file}: changed in the meantime: try again")
    path.write_bytes(conversion.data)


def _diff(conversion: Conversion) -> Iterator[str]:
    name = conversion.file.origin.file
    old, new = (
        data.decode(errors="replace").splitlines() for data in (conversion.file.data, conversion.data)
    )
    return difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")


def _listing(results: list[Converted]) -> Listing:
    items: list[Item] = [
        {
            "component": result.component,
            "file": conversion.file.origin.file,
            "line": edit.line,
            "kind": edit.kind,
            "from": edit.old,
            "to": edit.new,
        }
        for result in results
        for conversion in result.conversions
        for edit in conversion.edits
    ]
    columns = (
        Column("FILE", lambda i: f"{i['file']}:{i['line']}"),
        Column("KIND", lambda i: i["kind"]),
        Column("FROM", lambda i: i["from"]),
        Column("TO", lambda i: i["to"]),
    )
    left = [str(problem) for result in results for problem in result.problems]
    return Listing("ConversionList", items, columns, lambda i: i["file"], {"left": left})
