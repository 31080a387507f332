"""Bytes of a file → text, refusing what no person meant to commit.

UTF-8 only; a byte-order mark is dropped, CRLF is left for the parsers (they all accept it). Control
characters, conflict markers of an unfinished merge and pointers of Git LFS are named as what they are.
"""

from __future__ import annotations

import re
import unicodedata

from gitrel.errors import Problem

_CONTROL = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_LFS = b"version https://git-lfs.github.com/spec/"


def read_text(data: bytes, file: str) -> tuple[str, tuple[Problem, ...]]:
    """The text of one file, or "" and the problems for which it cannot be used."""
    if data.startswith(_LFS):
        todo = "commit the file itself: gitrel does not fetch from Git LFS"
        return "", (Problem(file, 1, 1, "this is a Git LFS pointer, not the file", todo),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "", (_not_utf8(data, error, file),)
    if control := _CONTROL.search(text):
        return "", (_control_character(data, text, control.start(), file),)
    problems = tuple(_conflicts(text, file))
    return ("" if problems else text), problems


def _not_utf8(data: bytes, error: UnicodeDecodeError, file: str) -> Problem:
    line = data.count(b"\n", 0, error.start) + 1
    bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0  # the codec counts after the mark
    place = error.start + (bom if error.start < len(data) - bom else 0)
    what = f"not UTF-8: byte 0x{data[place]:02x} at offset {place}"
    return Problem(file, line, 0, what, "save the file as UTF-8")


def _control_character(data: bytes, text: str, index: int, file: str) -> Problem:
    line, column = position(text, index)
    offset = len(data) - len(text[index:].encode())  # from the end: a byte-order mark is not in the text
    name = "NUL" if text[index] == "\0" else unicodedata.name(text[index], "control character")
    what = f"{name} (U+{ord(text[index]):04X}) at byte offset {offset}"
    return Problem(file, line, column, what, "remove it, or write it as an escape in double quotes")


def _conflicts(text: str, file: str) -> list[Problem]:
    return [
        Problem(file, position(text, found.start())[0], 1, "conflict marker", "finish the merge first")
        for found in _CONFLICT.finditer(text)
    ]


def position(text: str, index: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, index) + 1, index - start + 1
