"""Values in, text out: tables, JSON, YAML and names on stdout, everything else on stderr.

All text that came from Git or from a cluster passes `clean` on its way to a terminal, and none of it is
ever read as markup. A reader that goes away (`| head`) ends the command quietly.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any, TextIO

from gitrel.errors import GitrelError
from gitrel.telemetry.text import UNSAFE, clean

API_VERSION = "gitrel.dev/v1alpha1"
Item = Mapping[str, Any]


class Format(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


ROOM_MIN = 24
"""A last column narrower than this is no column any more."""
INDENT = 4


class PipeClosed(Exception):
    """Whoever read our output has gone away."""


_SGR = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "bold": 1, "dim": 2}
PHASE_STYLE = {
    "passed": "green",
    "current": "green",
    "failed": "red",
    "rolled-back": "red",
    "unreachable": "red",
    "held": "yellow",
    "paused": "yellow",
    "superseded": "dim",
    "queued": "dim",
    "applying": "cyan",
    "settling": "cyan",
    "steadying": "cyan",
    "watching": "blue",
    "running": "blue",
}


def wants_color(choice: Color, stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """A flag decides first, then NO_COLOR, FORCE_COLOR, and at last whether this is a capable terminal."""
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return environ.get("TERM") != "dumb" and is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed already
        return False


class Writer:
    """One output stream that survives a reader going away and an encoding that lacks a character."""

    def __init__(self, stream: TextIO, color: bool, guard: Callable[[str], str] = str) -> None:
        """`guard` is what each line for people goes through; what machines read is written as it is."""
        self.stream = stream
        self.color = color
        self._guard = guard

    def line(self, text: str = "") -> None:
        self.raw(self._guard(text) + "\n")

    def raw(self, text: str) -> None:
        with _writing():
            self.stream.write(text)

    def flush(self) -> None:
        with _writing():
            self.stream.flush()

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if self.color and style and text else text


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosed from error
    except OSError as error:
        raise GitrelError(f"the output cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Column:
    """`value` gives the cell's text of an item; `wide` columns show in `-o wide` only."""

    title: str
    value: Callable[[Item], str]
    wide: bool = False
    style: Callable[[Item], str] = lambda item: ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a read gives back: items as JSON objects, and how people and scripts want them shown."""

    kind: str
    items: Sequence[Item]
    columns: Sequence[Column]
    name: Callable[[Item], str]
    head: Mapping[str, Any]
    """Fields of the document beside `items`."""


def show(out: Writer, format_: Format, listing: Listing, *, headers: bool) -> None:
    """Prints one listing in the format that was asked for."""
    if format_ is Format.NAME:
        for item in listing.items:
            out.line(clean(listing.name(item)))
    elif format_ in (Format.TABLE, Format.WIDE):
        columns = [c for c in listing.columns if format_ is Format.WIDE or not c.wide]
        table(out, columns, listing.items, headers=headers)
    else:
        document = {
            "apiVersion": API_VERSION,
            "kind": listing.kind,
            **listing.head,
            "items": list(listing.items),
        }
        out.raw(to_json(document) if format_ is Format.JSON else to_yaml(document))


def table(out: Writer, columns: Sequence[Column], items: Sequence[Item], *, headers: bool) -> None:
    """Left-aligned columns, three spaces apart; the last one is not padded. Nothing is cut off.

    On a terminal that is too narrow for it the last column goes on below itself, between words; or below
    the row, where that would leave it no room to speak of.
    """
    cells = [[clean(column.value(item)) or "-" for column in columns] for item in items]
    titles = [[column.title for column in columns]] if headers and items else []
    widths = [max(map(cell_width, column)) for column in zip(*titles, *cells, strict=True)]
    for title in titles:
        out.line(_row(title, widths, [""] * len(title), out))
    for item, row in zip(items, cells, strict=True):
        styles = [column.style(item) for column in columns]
        last, indent = _folded(row[-1], widths, out)
        out.line(_row([*row[:-1], last[0]], widths, styles, out))
        for more in last[1:]:
            out.line(" " * indent + out.paint(more, styles[-1]))


def _folded(text: str, widths: Sequence[int], out: Writer) -> tuple[list[str], int]:
    """The lines of a row's last cell, of which the first stands in the row, and the indent of the others."""
    if not is_terminal(out.stream):
        return [text], 0
    across, before = get_terminal_size().columns, sum(widths[:-1]) + 3 * (len(widths) - 1)
    if cell_width(text) <= across - before:
        return [text], 0
    if across - before >= ROOM_MIN:
        return _wrapped(text, across - before), before
    return ["", *_wrapped(text, max(across - INDENT, ROOM_MIN))], INDENT


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _row(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str], out: Writer) -> str:
    padded = [
        out.paint(cell, style) + " " * (width - cell_width(cell))
        for cell, width, style in zip(cells, widths, styles, strict=True)
    ]
    return "   ".join(padded).rstrip()


def cell_width(text: str) -> int:
    """Terminal cells that `text` takes: two for wide East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def to_json(document: Any) -> str:
    """Indented JSON; characters that a terminal must not see are escaped, which JSON reads back the same."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    return UNSAFE.sub(lambda m: m[0] if m[0] == "\n" else _json_escape(m[0]), text) + "\n"


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1] if not character.isascii() else f"\\u{ord(character):04x}"


def to_yaml(*documents: Any) -> str:
    """YAML that every reader, of version 1.1 or 1.2, understands the same way; `---` between documents."""
    import yaml

    text: str = yaml.dump_all(
        documents,
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        explicit_start=len(documents) > 1,
        width=2**16,
    )
    if any(match != "\n" for match in UNSAFE.findall(text)):
        text = yaml.dump_all(
            documents,
            Dumper=_dumper(),
            sort_keys=False,
            allow_unicode=False,
            explicit_start=len(documents) > 1,
        )
    return text


# Plain words that some YAML readers take for numbers or booleans where PyYAML does not: 1e3, 0o17, y.
_AMBIGUOUS = re.compile(
    r"[-+]?(?:0o[0-7_]+|0x[0-9a-fA-F_]+|[\d_]+(?:\.[\d_]*)?[eE][-+]?\d+)|[yYnN]|=|<<", re.ASCII
)


@cache
def _dumper() -> Any:
    """Writes strings of several lines as blocks, quotes ambiguous ones, and never uses anchors."""
    import yaml

    base: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda self, data: True})

    def text(writer: Any, value: str) -> Any:
        style = "|" if "\n" in value else "'" if _AMBIGUOUS.fullmatch(value) else None
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    dumper.add_representer(str, text)
    dumper.add_multi_representer(str, lambda writer, value: text(writer, str(value)))
    dumper.add_multi_representer(Mapping, lambda writer, value: writer.represent_dict(value.items()))
    return dumper


def unified(out: Writer, lines: Iterable[str]) -> None:
    """A unified diff, coloured line by line."""
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        out.line(
            out.paint(clean(line.rstrip("\n"), keep="\t"), "bold" if line[:3] in ("+++", "---") else style)
        )


def prepare_streams() -> None:
    """A character that the terminal's encoding lacks is replaced; a stream that was closed swallows all."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Handed over to the interpreter, which closes it at the end as it would have the real one.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        stream = getattr(sys, name)
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")
