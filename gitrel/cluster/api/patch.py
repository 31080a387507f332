"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) on plain values; the document is never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError, bad_request

OPERATIONS_MAX = 10_000


def merge_patch(document: Any, patch: Any) -> Any:
    """null removes, objects merge, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    new = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = merge_patch(new.get(key), value)
    return new


def json_patch(document: Any, operations: Any) -> Any:
    """All of the operations, or an ApiError: 400 for a patch that makes no sense, 422 for one that does not
    apply.
    """
    if not isinstance(operations, list):
        says = "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        raise bad_request(f"error decoding patch: {says}")
    if len(operations) > OPERATIONS_MAX:
        message = f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", message)
    for operation in operations:
        document = _operate(document, operation)
    return document


class NotApplied(ApiError):
    """422 for a patch that does not apply; `why` is what the API server keeps to itself."""

    def __init__(self, why: str) -> None:
        super().__init__(422, "Invalid", "the server rejected our request due to an error in our request")
        self.why = why


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, Mapping) or "op" not in operation or "path" not in operation:
        raise bad_request("a JSON patch operation needs 'op' and 'path'")
    op, path = operation["op"], _pointer(operation["path"])
    match op:
        case "add":
            return _added(document, path, _value_of(operation))
        case "replace":
            return _replaced(document, path, _value_of(operation))
        case "remove":
            return _removed(document, path)
        case "test":
            if _at(document, path) != _value_of(operation):
                raise _refused(f"testing value {operation['path']} failed")
            return document
        case "move" | "copy":
            source = _pointer(operation.get("from", ""))
            value = _copied(document, source) if op == "copy" else _at(document, source)
            return _added(_removed(document, source) if op == "move" else document, path, value)
        case _:
            raise _refused(f"Unexpected kind: {op}")


def _value_of(operation: Mapping[str, Any]) -> Any:
    """null where none is given, as Go reads it."""
    return operation.get("value")


def _refused(why: str) -> ApiError:
    return NotApplied(why)


def _pointer(text: Any) -> Sequence[str]:
    if text == "":
        return ()
    if not isinstance(text, str) or not text.startswith("/"):
        raise bad_request(f"{text!r} is not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _index(items: Sequence[Any], step: str, *, end: bool) -> int:
    if end and step == "-":
        return len(items)
    if not step.isdecimal() or int(step) > len(items) - (not end):
        raise _refused(f"Unable to access invalid index: {step}")
    return int(step)


def _at(document: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(document, list):
            document = document[_index(document, step, end=False)]
        elif isinstance(document, Mapping) and step in document:
            document = document[step]
        else:
            raise _refused(f"error in path: missing path: /{'/'.join(path)}: missing value")
    return document


def _added(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(document, list):
        index = _index(document, step, end=not rest)
        if not rest:
            return [*document[:index], value, *document[index:]]
        return [*document[:index], _added(document[index], rest, value), *document[index + 1 :]]
    if not isinstance(document, Mapping) or (rest and step not in document):
        raise _refused(f"add operation does not apply: doc is missing path: /{'/'.join(path)}: missing value")
    return {**document, step: _added(document[step], rest, value) if rest else value}


def _replaced(document: Any, path: Sequence[str], value: Any) -> Any:
    """Of a map, a key that is not there may be replaced, as the API server's library has it."""
    if path and isinstance(_at(document, path[:-1]), Mapping):
        return _added(document, path, value)
    _at(document, path)
    return _changed(document, path, lambda _: value)


def _copied(document: Any, path: Sequence[str]) -> Any:
    """What stands there; of a map, null for a key that is not there."""
    parent = _at(document, path[:-1]) if path else None
    return parent.get(path[-1]) if isinstance(parent, Mapping) else _at(document, path)


def _changed(document: Any, path: Sequence[str], change: Any) -> Any:
    if not path:
        return change(document)
    step, rest = path[0], path[1:]
    if isinstance(document, list):
        index = _index(document, step, end=False)
        return [*document[:index], _changed(document[index], rest, change), *document[index + 1 :]]
    return {**document, step: _changed(document[step], rest, change)}


def _removed(document: Any, path: Sequence[str]) -> Any:
    if not path:
        return None
    _at(document, path)
    *above, last = path

    def drop(parent: Any) -> Any:
        if isinstance(parent, list):
            index = _index(parent, last, end=False)
            return [*parent[:index], *parent[index + 1 :]]
        return {key: value for key, value in parent.items() if key != last}

    return _changed(document, above, drop)
