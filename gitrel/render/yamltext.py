"""Plain values → block YAML that every reader, kubectl and our own among them, reads back unchanged.

PyYAML leaves texts such as `1e3` or `0E0` without quotes, because YAML 1.1 reads them as text; kubectl
reads numbers. Whatever our strict reader would not read back as the same text is quoted.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from gitrel.repo.yamlscalars import read_scalar

UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that break or fold in a YAML scalar; in JSON text they are plain."""


def reads_back(text: str) -> bool:
    """Whether the unquoted text is that text for every reader."""
    try:
        return read_scalar(text) == (text, "")
    except ValueError:
        return False


class _Dumper(yaml.SafeDumper):
    """Block style without anchors, sequences indented under their key as people write them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


class _BlockDumper(_Dumper):
    """Texts of several lines as blocks, which is how a person would read and compare them."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value or UNSAFE.search(value):
        style = '"'
    elif not reads_back(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _block_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    if "\n" in value and not UNSAFE.search(value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    return _text(dumper, value)


_Dumper.add_representer(str, _text)
_BlockDumper.add_representer(str, _block_text)


def dump(value: Any, *, blocks: bool = False, sort_keys: bool = False) -> str:
    """The value as YAML. With `blocks` texts of several lines are written as `|` blocks; without, every
    text stays on one line, so that indenting the result changes nothing."""
    text: str = yaml.dump(
        value,
        Dumper=_BlockDumper if blocks else _Dumper,
        sort_keys=sort_keys,
        allow_unicode=True,
        width=2**31,
        default_flow_style=False,
    )
    return text
