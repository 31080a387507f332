"""Bodies of requests: JSON, YAML or protobuf into plain values, within limits, and what is said twice.

Whatever bytes come in, the outcome is a value or an ApiError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import yaml

from gitrel.cluster.api.errors import ApiError, bad_request, unsupported_media_type
from gitrel.cluster.api.schema import FieldValidation
from gitrel.cluster.server import protobuf

BODY_BYTES_MAX = 3 * 1024 * 1024
"""As the API server has it."""
DEPTH_MAX = 250
"""Nothing in Kubernetes' own types comes near; recursive walks stay far from Python's limit."""

JSON, YAML = "application/json", "application/yaml"
_APPLY = "application/apply-patch+yaml"
PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_KEY = re.compile(rb'"\s*:')


def too_large() -> ApiError:
    message = f"Request entity too large: limit is {BODY_BYTES_MAX}"
    return ApiError(413, "RequestEntityTooLarge", message)


def media_type(header: str) -> str:
    """Of a `Content-Type`, which JSON is the default for."""
    return header.partition(";")[0].strip().lower() or JSON


def decoded(body: bytes, media: str, validation: FieldValidation, warn: Callable[[str], None]) -> Any:
    """The value in a body. Raises ApiError 400 or 415; tells of keys that stand twice, as `validation` asks.

    `media` is a patch's own type too.
    """
    if media == JSON or media in PATCHES:
        value = _json(body)
        repeated = _repeated_keys(body, value) if validation != "Ignore" else []
    elif media in (YAML, _APPLY):
        value, repeated = _yaml(body)
    elif media == protobuf.MEDIA:
        value, repeated = protobuf.decoded(body), []
    else:
        raise unsupported_media_type(
            f'the body of the request was in an unknown format ("{media}") - accepted media types include: '
            + ", ".join((JSON, YAML, protobuf.MEDIA))
        )
    if repeated and validation == "Strict":
        raise bad_request("strict decoding error: " + ", ".join(map(_twice, repeated)))
    if validation == "Warn":
        for key in repeated:
            warn(_twice(key))
    return value


def _twice(key: str) -> str:
    return f'duplicate field "{key}"'


def _json(body: bytes) -> Any:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise bad_request(f"couldn't get version/kind; json parse error: {wrong}") from None
    return value


def _repeated_keys(body: bytes, value: Any) -> list[str]:
    """Keys that one object has twice. The text is parsed again only if it may have one.

    Each key is followed by a colon, so as many colons after quotes as there are keys rule it out.
    """
    if len(_KEY.findall(body)) == _key_count(value):
        return []
    import json

    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, item in items:
            if key in seen:
                repeated.append(key)
            seen[key] = item
        return seen

    json.loads(body, object_pairs_hook=pairs)
    return repeated


def _key_count(value: Any) -> int:
    """Keys of all objects in the value. Raises ApiError 400 where it is nested too deeply."""
    count = 0
    level = [value]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                count += len(item)
                below += [v for v in item.values() if type(v) is dict or type(v) is list]
            elif type(item) is list:
                below += [v for v in item if type(v) is dict or type(v) is list]
        if not below:
            return count
        level = below
    raise bad_request(f"exceeded max depth: nothing may be nested deeper than {DEPTH_MAX} levels")


class _Loader(yaml.CSafeLoader):
    """Plain values only: no tags beyond JSON's, no aliases that could unfold into gigabytes."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for letter, rows in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(body: bytes) -> tuple[Any, list[str]]:
    """The one document in `body`, and the keys that stand twice. JSON is tried first: it is YAML too."""
    try:
        value = orjson.loads(body)
        return value, _repeated_keys(body, value)
    except orjson.JSONDecodeError:
        pass
    try:
        text = body.decode()
        depth = 0
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise bad_request("error converting YAML to JSON: yaml: aliases are not accepted")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_MAX:
                raise bad_request("error converting YAML to JSON: yaml: exceeded max depth")
        value = yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
        # Only what JSON can say: no sets, no bytes, no infinite numbers, keys that are text.
        plain = orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, RecursionError) as wrong:
        message = str(wrong).replace("\n", " ")
        raise bad_request(f"error converting YAML to JSON: {message}") from None
    _key_count(plain)
    return plain, _repeated_yaml_keys(text)


def _repeated_yaml_keys(text: str) -> list[str]:
    repeated: list[str] = []
    waiting = [yaml.compose(text, _Loader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, item in node.value:
                if key.value in seen:
                    repeated.append(str(key.value))
                seen.add(key.value if isinstance(key.value, str) else str(key.value))
                waiting.append(item)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return repeated
