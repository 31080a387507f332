"""Fields by the paths that people and API servers write: `/spec/replicas`, `spec.containers[name=web].image`.

Three spellings lead to one `Path`: JSON pointers (RFC 6901), dotted paths, and what a server writes into the
message of an apply conflict, which leaves dots in keys as they are and so can only be read beside an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list, found by its content: `name` is `web`. An empty key stands for the item itself."""

    keys: tuple[tuple[str, Any], ...]

    def fits(self, item: Any) -> bool:
        if not isinstance(item, Mapping):
            return self.keys == (("", item),)
        return all(key and item.get(key, _DEFAULTS.get(key)) == value for key, value in self.keys)


Step = str | int | Item
Path = tuple[Step, ...]
_DEFAULTS = {"protocol": "TCP"}
_NAME = re.compile(r"[^.\[\]]+")
_BRACKET = re.compile(r"\[((?:\"(?:[^\"\\]|\\.)*\"|[^\]\"])*)\]")
_PAIR = re.compile(r"\s*([^=,\s\"]*)=(\"(?:[^\"\\]|\\.)*\"|[^,\"]*)\s*(?:,|\Z)")


def parse(text: str) -> Path:
    """`/spec/replicas`, `spec.replicas`, `metadata.annotations["a.b/c"]`, `spec.ports[port=80,protocol=TCP]`.

    Raises ValueError with what is wrong, in words for the person who wrote it.
    """
    text = text.strip()
    if text.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    steps: list[Step] = []
    rest = text.removeprefix(".")
    while rest:
        if match := (_BRACKET.match(rest) if steps else None):
            steps.append(_bracket(match[1], text))
        elif match := _NAME.match(rest):
            steps.append(match[0])
        else:
            break
        rest = rest[match.end() :]
        if rest.startswith(".") and len(rest) > 1:
            rest = rest[1:]
        elif rest and not rest.startswith("["):
            break
    if rest or not steps:
        raise ValueError(f"{text!r} is no path of a field")
    return tuple(steps)


def _bracket(inner: str, whole: str) -> Step:
    if re.fullmatch(r"\d+", inner):
        return int(inner)
    if inner.startswith('"'):
        return str(_json(inner, whole))
    pairs = list(_PAIR.finditer(inner))
    if not pairs or "".join(pair[0] for pair in pairs) != inner:
        raise ValueError(f'[{inner}] in {whole!r} is neither a number, a "name", nor key=value')
    return Item(tuple((pair[1], _scalar(pair[2], whole)) for pair in pairs))


def _scalar(text: str, whole: str) -> Any:
    text = text.strip()
    if text.startswith('"') or re.fullmatch(r"-?\d+|true|false", text):
        return _json(text, whole)
    return text


def _json(text: str, whole: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"{text} in {whole!r} is not quoted as in JSON") from None


def resolve(obj: Any, text: str) -> Path | None:
    """A path as an API server writes it (structured-merge-diff `fieldpath.Path.String`), read beside an
    object that has the field: `.metadata.labels.app.kubernetes.io/name`. None where it has no such field."""
    steps: list[Step] = []
    rest, value = text, obj
    while rest:
        found = _next(value, rest)
        if found is None:
            return None
        step, length = found
        if (key := _key(value, step)) is None:
            return None
        steps.append(step)
        value, rest = value[key], rest[length:]
    return tuple(steps)


def _next(value: Any, rest: str) -> tuple[Step, int] | None:
    """The step that `rest` begins with, and how many characters it takes. Of several keys the longest."""
    if rest.startswith("[") and (match := _BRACKET.match(rest)):
        try:
            return _bracket(match[1], rest), match.end()
        except ValueError:
            return None
    if not rest.startswith(".") or not isinstance(value, Mapping):
        return None
    fitting = (
        key
        for key in map(str, value)
        if rest.startswith(key, 1) and rest[len(key) + 1 :][:1] in ("", ".", "[")
    )
    name = max(fitting, key=len, default="")
    return (name, len(name) + 1) if name else None


def _key(value: Any, step: Step) -> Any:
    """The key or index that the step means in this value; None where it has none."""
    if isinstance(value, Mapping):
        return step if isinstance(step, str) and step in value else None
    if not isinstance(value, list):
        return None
    if isinstance(step, Item):
        return next((index for index, item in enumerate(value) if step.fits(item)), None)
    number = int(step) if isinstance(step, int) or step.isdecimal() else -1
    return number if 0 <= number < len(value) else None


def value_at(obj: Any, path: Path) -> Any:
    """The value there; None where there is none."""
    for step in path:
        if (key := _key(obj, step)) is None:
            return None
        obj = obj[key]
    return obj


def without(obj: Any, path: Path) -> Any:
    """The object without the field, sharing all the rest; the same object where it has none."""
    if not path or (key := _key(obj, path[0])) is None:
        return obj
    if len(path) == 1:
        if isinstance(obj, list):
            return [item for index, item in enumerate(obj) if index != key]
        return {name: value for name, value in obj.items() if name != key}
    less = without(obj[key], path[1:])
    return obj if less is obj[key] else _put(obj, key, less)


def with_value(obj: Any, path: Path, value: Any) -> Any:
    """The object with `value` at the path. Missing mappings are made; a missing item of a list is not, and
    the object is the same then."""
    if not path:
        return value
    key = _key(obj, path[0])
    if key is None:
        if not isinstance(path[0], str) or not (obj is None or isinstance(obj, Mapping)):
            return obj
        return {**(obj or {}), path[0]: with_value(None, path[1:], value)}
    return _put(obj, key, with_value(obj[key], path[1:], value))


def _put(obj: Any, key: Any, value: Any) -> Any:
    if isinstance(obj, list):
        return [value if index == key else item for index, item in enumerate(obj)]
    return {**obj, key: value}


def owners(live: Mapping[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    """(manager, operation) of everybody whose field set in `metadata.managedFields` covers the path."""
    entries = (live.get("metadata") or {}).get("managedFields")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or entry.get("subresource"):
            continue
        manager = entry.get("manager")
        if isinstance(manager, str) and _covers(entry.get("fieldsV1"), live, path):
            yield manager, str(entry.get("operation", ""))


def _covers(fields: Any, value: Any, path: Path) -> bool:
    """Walks `fieldsV1` beside the object; an empty set owns its value as a whole."""
    for step in path:
        if not isinstance(fields, Mapping):
            return False
        if not fields or set(fields) == {"."}:
            return True
        key = _key(value, step)
        value = value[key] if key is not None else None
        name = f"f:{step}" if isinstance(step, str) and f"f:{step}" in fields else _item_name(fields, value)
        if name is None:
            return False
        fields = fields[name]
    return isinstance(fields, Mapping)


def _item_name(fields: Mapping[str, Any], item: Any) -> str | None:
    for name in fields:
        if not name.startswith(("k:", "v:")):
            continue
        try:
            content = json.loads(name[2:])
        except ValueError:
            continue
        keyed = name.startswith("k:") and isinstance(content, dict) and isinstance(item, Mapping)
        if (keyed and Item(tuple(content.items())).fits(item)) or (name.startswith("v:") and content == item):
            return name
    return None
