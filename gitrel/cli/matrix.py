"""The matrix, component by environment, as rows for people and as objects for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from gitrel.cli.output import PHASE_STYLE, Column, Item, Listing
from gitrel.cli.rollouts import instant, phase_column, short
from gitrel.clock import format_instant, parse_instant
from gitrel.orchestrator.overview import Cell, Matrix, Row
from gitrel.rollout.state import Drifting

CALM = frozenset(("", "passed", "superseded"))
"""Phases in which the version alone says everything."""


def matrix_listing(found: Matrix, rows: Iterable[Row]) -> Listing:
    """One row a component, one column an environment."""
    items = [_item(row) for row in rows]
    return Listing("Status", items, _matrix_columns(found), _name, _head(found))


def cell_listing(found: Matrix, rows: Iterable[Row]) -> Listing:
    """One row for each component and environment, with the reason."""
    cells = [cell for row in rows for cell in _item(row)["cells"]]
    return Listing("Status", cells, _cell_columns(found.at), _name, _head(found))


def _head(found: Matrix) -> dict[str, Any]:
    return {
        "at": format_instant(found.at),
        "commit": found.commit,
        "environments": list(found.environments),
        "broken": list(found.broken),
        "blocking": [str(problem) for problem in found.blocking],
        "orphaned": list(found.orphaned),
    }


def _name(item: Item) -> str:
    return f"component/{item['component']}"


def _item(row: Row) -> Item:
    return {
        "component": row.component,
        "status": row.status,
        "because": row.because,
        "live": list(row.live),
        "liveMax": row.live_max,
        "cells": [_cell_item(row.component, cell) for cell in row.cells.values()],
    }


def _cell_item(component: str, cell: Cell) -> Item:
    return {
        "component": component,
        "environment": cell.environment,
        "version": cell.version,
        "target": cell.target,
        "pointer": cell.pointer,
        "phase": cell.phase,
        "until": instant(cell.until),
        "unwell": cell.unwell,
        "drift": [_drift_item(one) for one in cell.drift],
        "sentence": cell.sentence,
    }


def _drift_item(one: Drifting) -> Item:
    return {
        "object": one.object,
        "fields": list(one.fields),
        "managers": list(one.managers),
        "since": format_instant(one.since),
        "mended": len(one.mended),
        "fought": one.fought,
    }


def _strays(cell: Item) -> str:
    """What is amiss with what runs, in a word or two; empty while nothing is."""
    if cell["unwell"]:
        return "unwell"
    if any(one["fought"] for one in cell["drift"]):
        return "fought-over"
    return "drifted" if cell["drift"] else ""


def _matrix_columns(found: Matrix) -> tuple[Column, ...]:
    places = (
        Column(name.upper(), _text_of(name, found.at), style=_style_of(name)) for name in found.environments
    )
    return (Column("COMPONENT", lambda i: i["component"]), phase_column("status", "STATUS"), *places)


def _find(item: Item, environment: str) -> Item | None:
    return next((cell for cell in item["cells"] if cell["environment"] == environment), None)


def _text_of(environment: str, now: datetime) -> Callable[[Item], str]:
    """`v1`; while something is going on `v1>v2 watching 11h20m`; `(v1)` where only Git says so yet; `v1
    drifted` where others have changed what runs."""

    def text(item: Item) -> str:
        cell = _find(item, environment)
        if cell is None:
            return ""
        if not cell["version"] and not cell["target"]:
            return f"({cell['pointer']})"
        moves = cell["target"] and cell["target"] != cell["version"]
        version = f"{cell['version'] or 'none'}>{cell['target']}" if moves else cell["version"]
        version = " ".join(filter(None, (version, _strays(cell))))
        if cell["phase"] in CALM:
            return version
        left = short(parse_instant(cell["until"]) - now) if cell["until"] else ""
        return " ".join(filter(None, (version, cell["phase"], left)))

    return text


def _style_of(environment: str) -> Callable[[Item], str]:
    def style(item: Item) -> str:
        cell = _find(item, environment)
        if cell is None:
            return ""
        strays = _strays(cell)
        if strays:
            return "red" if strays == "unwell" else "yellow"
        return PHASE_STYLE.get(cell["phase"], "")

    return style


def _cell_columns(now: datetime) -> tuple[Column, ...]:
    def left(item: Item) -> str:
        return short(parse_instant(item["until"]) - now) if item["until"] else ""

    return (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("VERSION", lambda i: i["version"]),
        Column("TARGET", lambda i: i["target"]),
        Column("POINTER", lambda i: i["pointer"], wide=True),
        phase_column(),
        Column("LEFT", left),
        Column("WHY", lambda i: i["sentence"]),
    )
