"""Runs the benchmarks that are named, or all; prints a table and writes `benchmarks/results.json`.

`BENCH_SCALE=0.01` tries in seconds whether they all work: targets are not shown then and nothing is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.figure import SCALE, Figure

NAMES = (
    "commands",
    "decide",
    "rehearsal",
    "cluster",
    "server",
    "repository",
    "reconcile",
    "git",
    "peers",
    "realcluster",
)
RESULTS = Path(__file__).with_name("results.json")


def main(names: Iterable[str]) -> int:
    chosen = tuple(names) or NAMES
    if unknown := [name for name in chosen if name not in NAMES]:
        print(f"no such benchmark: {', '.join(unknown)} (have: {', '.join(NAMES)})", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in chosen:
        for figure in import_module(f"benchmarks.{name}").measure():
            figures.append(figure)
            print(line(figure), flush=True)
    if SCALE >= 1:
        keep(figures)
    return 0


def line(figure: Figure) -> str:
    relation = "≤" if figure.better == "lower" else "≥"
    if SCALE < 1:
        return f"{figure.id:<44} works"
    target = f"target {relation} {figure.target:g}" if figure.target is not None else ""
    verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
    return f"{figure.id:<44} {figure.value:>12.3f} {figure.unit:<10} {target:<22} {verdict}".rstrip()


def keep(figures: Iterable[Figure]) -> None:
    """Replaces the figures that were measured and leaves the others as they were."""
    old = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    rows = {row["id"]: row for row in old} | {figure.id: asdict(figure) for figure in figures}
    text = json.dumps([rows[key] for key in sorted(rows)], indent=2)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
