"""Versions as people and scripts read them: rows for tables, items for JSON, and a fix as a diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gitrel.cli.output import Column, Item, Listing
from gitrel.clock import format_instant
from gitrel.telemetry.masking import MASKER

if TYPE_CHECKING:
    from gitrel.orchestrator.versions.cut import Cut
    from gitrel.orchestrator.versions.listing import Listed
    from gitrel.orchestrator.versions.listing import Listing as Versions
    from gitrel.orchestrator.versions.parts import Backport, Part
    from gitrel.orchestrator.versions.qualify import Qualified

STATE_STYLE = {"intact": "green", "edited": "red", "unrecorded": "yellow", "": ""}
OUTCOME_STYLE = {"fixed": "green", "renewed": "green", "has it": "dim", "refused": "red"}


def _name(item: Item) -> str:
    return f"version/{item['component']}/{item['version']}"


def _joined(values: Sequence[str]) -> str:
    return ", ".join(values)


def cut_listing(made: Iterable[Cut], dry_run: bool) -> Listing:
    items: list[Item] = [
        {
            "component": one.component,
            "version": one.version,
            "from": one.record.commit,
            "at": format_instant(one.record.at),
            "by": one.record.by,
            "digest": one.record.digest,
            "commit": one.commit or None,
            "because": one.because,
            "files": dict(one.record.files),
        }
        for one in made
    ]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("VERSION", lambda i: i["version"]),
        Column("FROM", lambda i: i["from"][:12]),
        Column("FILES", lambda i: str(len(i["files"]))),
        Column("COMMIT", lambda i: (i["commit"] or "")[:12]),
        Column("DIGEST", lambda i: i["digest"][:19]),
        Column("BY", lambda i: i["by"], wide=True),
    )
    return Listing("VersionList", items, columns, _name, {"dryRun": dry_run})


def version_listing(found: Versions) -> Listing:
    items: list[Item] = [_version_item(one) for one in found.versions]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("VERSION", lambda i: i["version"]),
        Column("STATE", lambda i: i["state"] or "", style=lambda i: STATE_STYLE[i["state"] or ""]),
        Column("CUT", lambda i: i["at"] or ""),
        Column("BY", lambda i: i["by"].partition(" <")[0]),
        Column("FROM", lambda i: i["from"][:12], wide=True),
        Column("FIXES", lambda i: str(len(i["fixes"])), wide=True),
        Column("DIGEST", lambda i: i["digest"][:19], wide=True),
        Column("POINTED AT BY", lambda i: _joined(i["pointers"]), wide=True),
        Column("ARRIVING IN", lambda i: _joined(i["arriving"]), wide=True),
        # Last, where a long list may go on over several lines.
        Column("IN FORCE IN", lambda i: _joined(i["inForce"])),
    )
    return Listing("VersionList", items, columns, _name, {"commit": found.commit})


def _version_item(one: Listed) -> Item:
    return {
        "component": one.component,
        "version": one.version,
        "state": one.state,
        "pointers": list(one.pointers),
        "inForce": list(one.in_force),
        "arriving": list(one.arriving),
        "at": format_instant(one.at) if one.at else None,
        "by": one.by,
        "from": one.commit,
        "digest": one.digest,
        "fixes": [{"from": fix.source, "at": format_instant(fix.at), "by": fix.by} for fix in one.fixes],
        "edited": {
            "changed": list(one.edited.changed),
            "added": list(one.edited.added),
            "removed": list(one.edited.removed),
        },
    }


def backport_listing(result: Backport) -> Listing:
    items: list[Item] = [_part_item(result, part) for part in result.parts]
    columns = (
        Column("VERSION", lambda i: i["version"]),
        Column("OUTCOME", lambda i: i["outcome"], style=lambda i: OUTCOME_STYLE[i["outcome"]]),
        Column("BECOMES", lambda i: i["becomes"] or ""),
        Column("FILES", lambda i: _joined(i["files"])),
        Column("RUNS IN", lambda i: _joined(i["environments"])),
    )
    head = {
        "component": result.component,
        "source": result.source,
        "subject": result.subject,
        "commit": result.commit or None,
        "notes": list(result.notes),
    }
    return Listing("Backport", items, columns, _name, head)


def _part_item(result: Backport, part: Part) -> Item:
    return {
        "component": result.component,
        "version": part.version,
        "outcome": part.outcome,
        "becomes": part.becomes or None,
        "environments": list(part.environments),
        "files": sorted({*part.before, *part.after}),
        "diff": "".join(line + "\n" for line in _diff(part)),
        "problems": [str(problem) for problem in part.problems],
    }


def backport_diffs(result: Backport) -> Iterator[str]:
    for part in result.parts:
        yield from _diff(part)


def _diff(part: Part) -> Iterator[str]:
    shown = f"@{part.becomes}" if part.becomes else ""
    for path in sorted({*part.before, *part.after}):
        before, after = part.before.get(path), part.after.get(path)
        yield from difflib.unified_diff(
            _lines(before),
            _lines(after),
            f"a/{path}" if before is not None else "/dev/null",
            f"b/{path}{shown}" if after is not None else "/dev/null",
            lineterm="",
        )


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").split("\n")[:-1] if data else []


QUALIFY_STYLE = {"moved": "green", "failed": "red", "overtaken": "yellow"}


def qualify_listing(found: Iterable[Qualified]) -> Listing:
    items: list[Item] = [
        {
            "component": one.component,
            "environment": one.environment,
            "version": one.version,
            "previous": one.previous,
            "outcome": one.outcome,
            "because": one.because,
            "commit": one.commit or None,
            "output": MASKER.text(one.output),
        }
        for one in found
    ]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("FROM", lambda i: i["previous"]),
        Column("TO", lambda i: i["version"]),
        Column("OUTCOME", lambda i: i["outcome"], style=lambda i: QUALIFY_STYLE.get(i["outcome"], "")),
        Column("BECAUSE", lambda i: i["because"]),
    )
    return Listing("QualificationList", items, columns, _name, {})
