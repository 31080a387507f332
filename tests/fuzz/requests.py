"""Requests to send: for each operation that a cluster's OpenAPI documents name, right or spoiled. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from tests.fuzz.junk import JUNK, at, places, spoiled
from tests.fuzz.schemas import Shapes

NAMES = ("a", "b", "web", "default", "node-0", "kubernetes", "..", "x" * 254, "%00", "A", "system:admin", "é")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_MEDIA = (
    *["application/json"] * 12, "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "",
    "application/json; charset=x", "application/cbor", *_PATCHES,
)  # fmt: skip
_ACCEPTS = (
    *["application/json"] * 6, "*/*", "application/yaml", "application/vnd.kubernetes.protobuf", ";q=",
    "a/b;q=9,,", "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;g=meta.k8s.io;v=v1beta1,application/json",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
)  # fmt: skip
_QUERIES: Mapping[str, Sequence[str]] = {
    "labelSelector": (
        "app=a",
        "app in (a,b)",
        "!app",
        "a>1",
        "a in (",
        "x=" + "y" * 70,
        ",",
        "a==b,c!=d",
        "é",
    ),
    "fieldSelector": ("metadata.name=a", "status.phase!=Running", "spec.nodeName=", "x=y", "a\\", "=", ",,"),
    "limit": ("1", "0", "-1", "9" * 30, "x"),
    "continue": ("x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "e30", "bnVsbA", "W10", "eyJydiI6MSwic3RhcnQiOjF9"),
    "resourceVersion": ("0", "1", "-1", "999999999", "x", "9" * 19, "9" * 25),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "x"),
    "fieldManager": ("fuzz", "", "x" * 129, "\x00"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "x"),
    "force": ("true", "false", "x"),
    "gracePeriodSeconds": ("0", "1", "-1", "9" * 12, "x"),
    "propagationPolicy": ("Foreground", "Background", "Orphan", "x"),
    "orphanDependents": ("true", "x"),
    "pretty": ("true", "false"),
    "includeObject": ("None", "Object", "x"),
    "container": ("main", "x"),
    "tailLines": ("1", "-1", "x"),
    "timeoutSeconds": ("1", "x", "-1"),
    "sendInitialEvents": ("true", "x"),
}


@dataclass(frozen=True)
class Sent:
    """One request. `path` stands as it goes over the wire."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"{self.method} {self.path} {dict(self.headers)}"
        return head if self.body is None else f"{head}\n    {self.body!r}"


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    types: Sequence[str]
    schema: Mapping[str, Any] | None
    kind: Mapping[str, str]
    shapes: Shapes


def operations(documents: Sequence[Mapping[str, Any]]) -> Sequence[Operation]:
    """All that OpenAPI v3 documents name, each with a body's schema where it takes one."""
    found = []
    for document in documents:
        shapes = Shapes(document)
        for path, item in document["paths"].items():
            whole = item.get("put") or item.get("post") or {}
            for method in ("get", "put", "post", "patch", "delete"):
                if (described := item.get(method)) is None:
                    continue
                content = described.get("requestBody", {}).get("content", {})
                schema = next((row["schema"] for row in content.values()), None)
                if method == "patch":
                    # What is patched is described where it is written whole.
                    schema = _body_of(whole) or schema
                kind = described.get("x-kubernetes-group-version-kind", {})
                found.append(Operation(method.upper(), path, tuple(content), schema, kind, shapes))
    return found


def _body_of(described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = described.get("requestBody", {}).get("content", {})
    return next((row["schema"] for row in content.values()), None)


def request(operation: Operation, chance: Random, seen: Sequence[Any] = (), *, dry: float = 0.7) -> Sent:
    """One request for it. `seen` are objects that may be sent back, spoiled."""
    path = operation.path.replace("{namespace}", "default" if chance.random() < 0.97 else _name(chance))
    path = path.replace("{name}", _name(chance))
    query = {
        name: chance.choice(_QUERIES[name])
        for name in chance.sample(list(_QUERIES), chance.choice((0, 0, 1, 2)))
    }
    if operation.method == "GET" and "sendInitialEvents" in query:
        query |= {"watch": "1", "resourceVersionMatch": "NotOlderThan", "timeoutSeconds": "1"}
    if operation.method != "GET" and chance.random() < dry:
        query["dryRun"] = "All"
    headers = {"Accept": chance.choice(_ACCEPTS)}
    body = None
    if operation.method != "GET" and (operation.schema is not None or chance.random() < 0.3):
        media, body = _body(operation, chance, seen)
        headers["Content-Type"] = media
        if "apply" in media and chance.random() < 0.9:
            query.setdefault("fieldManager", "fuzz")
    text = "&".join(f"{key}={quote(value)}" for key, value in query.items())
    return Sent(operation.method, f"{path}?{text}" if text else path, body, headers)


def _name(chance: Random) -> str:
    return quote(chance.choice(NAMES[:3] if chance.random() < 0.8 else NAMES), safe="%")


def _body(operation: Operation, chance: Random, seen: Sequence[Any]) -> tuple[str, bytes]:
    value = _value(operation, chance, seen)
    if operation.method == "PATCH":
        media = chance.choice(_PATCHES)
        if media == _PATCHES[0]:
            value = steps(value, chance)
        elif isinstance(value, dict) and chance.random() < 0.5:
            value = spoiled(value, chance)
    else:
        media = chance.choice(_MEDIA)
    if chance.random() < 0.02:
        return media, chance.randbytes(chance.randrange(60))
    if "protobuf" in media:
        return media, b"k8s\0" + chance.randbytes(chance.randrange(80))
    text = json.dumps(value).encode()
    if chance.random() < 0.02:
        cut = chance.randrange(len(text) + 1)
        text = text[:cut] + chance.choice((b"", b"\xff", b"\0", b"NaN", b'"', b"}" * 9)) + text[cut + 1 :]
    return media, text


def _value(operation: Operation, chance: Random, seen: Sequence[Any]) -> Any:
    if seen and chance.random() < 0.5:
        value = chance.choice(seen)
    else:
        value = operation.shapes.value(operation.schema or {"type": "object"}, chance)
    if isinstance(value, dict):
        kind = operation.kind
        group, version = kind.get("group", ""), kind.get("version", "v1")
        value = {
            **value,
            "apiVersion": f"{group}/{version}" if group else version,
            "kind": kind.get("kind", ""),
        }
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and chance.random() < 0.9:
            value["metadata"] = {**metadata, "name": chance.choice(NAMES[:3])}
            value["metadata"].pop("namespace", None)
            value["metadata"].pop("resourceVersion", None)
            value["metadata"].pop("uid", None)
    while chance.random() < 0.4:
        value = spoiled(value, chance)
    return value


def steps(value: Any, chance: Random) -> Any:
    """A JSON patch that goes into places that there are, or nearly."""
    found = places(value) or [("spec",)]
    made = []
    for _ in range(chance.randrange(1, 4)):
        path, other = chance.choice(found), chance.choice(found)
        new = at(value, other) if isinstance(value, dict) and chance.random() < 0.5 else chance.choice(JUNK)
        made.append(
            {
                "op": chance.choice(("add", "replace", "remove", "move", "copy", "test")),
                "path": _pointer(path, chance),
                "from": _pointer(other, chance),
                "value": new,
            }
        )
    return made if chance.random() < 0.9 else spoiled(made, chance)


def _pointer(path: Sequence[Any], chance: Random) -> str:
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return (
        pointer if chance.random() < 0.8 else pointer + chance.choice(("/-", "/0", "/x", "~", "/99999999999"))
    )


# --- bytes ------------------------------------------------------------------------------------------------

_LINES = (
    b"GET /api HTTP/1.1",
    b"POST /api/v1/namespaces HTTP/1.1",
    b"GET /apis HTTP/1.0",
    b"PRI * HTTP/2.0",
    b"GET / HTTP/9",
)
_HEADERS = (
    b"Host: localhost", b"Connection: close", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: 5, 5", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
    b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: Upgrade", b"Upgrade: SPDY/3.1",
    b"Authorization: Bearer a.b.c", b"Authorization: \xff", b"Impersonate-User: x",
    b"Impersonate-Extra-%zz: 1", b"Impersonate-Group: g", b"Origin: http://[", b"Origin: null",
    b"Accept: \xff\xfe", b"If-None-Match: *", b"Range: bytes=0-1", b"X: " + b"y" * 20_000, b" folded",
    b"no colon",
)  # fmt: skip


def raw(chance: Random) -> bytes:
    """What no client library would send: the head of a request, or its like, and some bytes behind."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(1, 200))
    line = chance.choice(_LINES)
    if chance.random() < 0.3:
        cut = chance.randrange(len(line))
        line = line[:cut] + chance.randbytes(2) + line[cut:]
    headers = chance.sample(_HEADERS, chance.randrange(1, 6))
    return b"\r\n".join([line, *headers, b"", b""]) + chance.randbytes(chance.randrange(30))
