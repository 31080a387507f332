"""The filters that templates have beyond Jinja's own: pure functions from plain data to text.

There is none that reads a file, the environment, the network, a cluster, the time or chance.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from jinja2 import Undefined

from gitrel.render.yamltext import UNSAFE, dump


def _unknown(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # raises the error that names what is undefined
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as text")


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON that is also a YAML scalar or flow collection: keys sorted, no HTML escapes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent, default=_unknown)
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def to_yaml(value: Any) -> str:
    """Block YAML without a trailing newline: `{{ parameters.tolerations | toyaml | indent(8) }}`."""
    # The round trip settles types first, so that the dumper meets plain data only.
    plain = json.loads(json.dumps(value, default=_unknown))
    return dump(plain).removesuffix("\n").removesuffix("\n...")


def quote(value: Any) -> str:
    """The value as text in double quotes, safe wherever YAML expects a string."""
    return to_json(_text(value))


def b64encode(value: Any) -> str:
    return base64.b64encode(_text(value).encode()).decode()


def sha256(value: Any) -> str:
    """The hex digest of the text, for a pod annotation that changes with its configuration."""
    return hashlib.sha256(_text(value).encode()).hexdigest()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


OWN_FILTERS = {
    "tojson": to_json,
    "toyaml": to_yaml,
    "quote": quote,
    "b64encode": b64encode,
    "sha256": sha256,
}
JINJA_FILTERS = (
    "abs", "batch", "capitalize", "count", "d", "default", "dictsort", "first", "float", "format", "groupby",
    "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject",
    "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort", "string", "sum",
    "title", "trim", "truncate", "unique", "upper", "wordcount", "wordwrap",
)  # fmt: skip
"""Jinja's own filters that are kept; `random`, `attr`, `pprint` and the HTML ones are not."""
