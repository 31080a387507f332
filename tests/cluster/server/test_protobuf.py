"""Kubernetes' protobuf encoding: what client-go's typed clients send is read as the JSON they would send."""

from __future__ import annotations

from base64 import b64decode
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.clock import parse_instant
from gitrel.cluster.api.apply.types import QUANTITY, Type
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.schema import type_of
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.cluster.server import protobuf
from tests.cluster.server.client import CONFIG_MAPS, Api

_TIMES = ("Time", "MicroTime")


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def entry(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def names_of(definition: str) -> dict[str, tuple[int, ...]]:
    """Field → the numbers on the way to it, through the structs that JSON lifts."""
    found: dict[str, tuple[int, ...]] = {}
    for name, number in protobuf._numbers()[definition].items():
        if name.startswith("="):
            found |= {inner: (abs(number), *way) for inner, way in names_of(name[1:]).items()}
        else:
            found[name] = (abs(number),)
    return found


def message(value: dict[str, Any], type_: Type) -> bytes:
    """The other direction of what is tested: a struct as bytes."""
    out = b""
    for name, item in value.items():
        way = names_of(type_.name)[name]
        for part in parts(item, type_.fields[name], way[-1]):
            for number in reversed(way[:-1]):
                part = entry(number, part)
            out += part
    return out


def parts(value: Any, type_: Type, number: int) -> list[bytes]:
    if type_.shape == "list":
        return [entry(number, plain(item, type_.element)) for item in value]
    if type_.shape == "map":
        pairs = ((entry(1, k.encode()) + entry(2, plain(v, type_.element))) for k, v in value.items())
        return [entry(number, pair) for pair in pairs]
    return [entry(number, plain(value, type_))]


def plain(value: Any, type_: Type) -> int | bytes:
    if type_.name == QUANTITY:
        return entry(1, value.encode())
    if type_.name.endswith("IntOrString"):
        return entry(2, value) if isinstance(value, int) else entry(1, 1) + entry(3, value.encode())
    if type_.name.rpartition(".")[2] in _TIMES:
        return entry(1, int(parse_instant(value).timestamp()))
    if type_.shape == "struct":
        return message(value, type_)
    if isinstance(value, (bool, int)):
        return int(value)
    return b64decode(value) if type_.format == "byte" else value.encode()


def body(api_version: str, kind: str, obj: dict[str, Any]) -> bytes:
    own = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    about = entry(1, api_version.encode()) + entry(2, kind.encode())
    return protobuf.MAGIC + entry(1, about) + entry(2, message(own, type_of(api_version, kind)))


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "labels": {"app": "web", "empty": ""},
        "creationTimestamp": "2026-01-02T03:04:05Z",
    },
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        "name": "main",
                        "image": "nginx",
                        "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}},
                        "readinessProbe": {
                            "httpGet": {"port": "http", "path": "/ready"},
                            "initialDelaySeconds": 3,
                        },
                    }
                ],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            }
        },
    },
    "status": {},
}


def test_a_deployment_is_read_as_its_json() -> None:
    """Lifted structs, pointers to zero, quantities, either-or values, times, maps and empty structs."""
    assert protobuf.decoded(body("apps/v1", "Deployment", DEPLOYMENT)) == DEPLOYMENT


def test_zeros_that_json_omits_are_left_out() -> None:
    """client-go writes every field that is no pointer; its JSON would have left these out."""
    metadata = entry(1, b"web") + entry(2, b"") + entry(3, b"") + entry(7, 0) + entry(8, b"")
    spec = entry(5, 0) + entry(7, 0)
    raw = entry(1, metadata) + entry(2, spec)
    sent = protobuf.MAGIC + entry(1, entry(1, b"apps/v1") + entry(2, b"Deployment")) + entry(2, raw)
    assert protobuf.decoded(sent) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {},
    }


def test_bytes_negative_numbers_and_floats() -> None:
    """Secrets in base64, numbers below zero in two's complement."""
    secret = {"metadata": {"name": "s"}, "data": {"key": "aGk="}}
    assert protobuf.decoded(body("v1", "Secret", secret)) == {"apiVersion": "v1", "kind": "Secret", **secret}
    pod = {"metadata": {"name": "p"}, "spec": {"priority": -5, "containers": []}}
    assert protobuf.decoded(body("v1", "Pod", pod))["spec"]["priority"] == -5
    assert protobuf._value(memoryview(pack("<d", 1.5)), Type({}, {"type": "number"}), 0) == 1.5


def test_every_field_of_every_kind_has_its_number() -> None:
    """The table is complete for what is served, so that nothing that is sent is lost."""
    missing = []
    for kind in BUILTIN:
        waiting, seen = [type_of(kind.api_version, kind.kind)], set()
        while waiting:
            type_ = waiting.pop()
            if type_.name in seen or type_.shape == "scalar":
                continue
            seen.add(type_.name)
            if type_.shape in ("list", "map"):
                waiting.append(type_.element)
            elif type_.shape == "struct":
                numbers = names_of(type_.name)
                waiting += type_.fields.values()
                unknown = type_.fields.keys() - numbers.keys() - {"apiVersion", "kind"}
                missing += [f"{type_.name}.{name}" for name in unknown]
    assert missing == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["Pod", "Secret", "Nonsense", ""]))
def test_no_bytes_are_a_fault(junk: bytes, kind: str) -> None:
    """Garbage is a 400, whether inside the envelope or instead of it."""
    about = entry(1, entry(1, b"v1") + entry(2, kind.encode()))
    for sent in (junk, protobuf.MAGIC + junk, protobuf.MAGIC + about + entry(2, junk)):
        try:
            assert isinstance(protobuf.decoded(sent), dict)
        except ApiError as refused:
            assert refused.code == 400


def test_deep_messages_end_early() -> None:
    """A schema that refers to itself cannot be made to recurse without end."""
    nested = b""
    for _ in range(500):
        nested = entry(10, nested)
    crd = entry(1, b"apiextensions.k8s.io/v1") + entry(2, b"CustomResourceDefinition")
    schema = entry(2, entry(7, entry(1, b"v1") + entry(5, nested)))
    with pytest.raises(ApiError):
        protobuf.decoded(protobuf.MAGIC + entry(1, crd) + entry(2, b"\xff" + schema))


def test_a_typed_client_writes(api: Api) -> None:
    """Over HTTPS, with JSON as the answer it also accepts; its deletions carry options of the same kind."""
    headers = {
        "Content-Type": protobuf.MEDIA,
        "Accept": f"{protobuf.MEDIA},application/json",
    }
    sent = {"metadata": {"name": "typed"}, "data": {"a": "1"}}
    made = api.call("POST", CONFIG_MAPS, body("v1", "ConfigMap", sent), headers)
    assert (made.code, made.json["data"]) == (201, {"a": "1"})
    options = body("v1", "DeleteOptions", {"preconditions": {"uid": "another"}})
    assert api.call("DELETE", f"{CONFIG_MAPS}/typed", options, headers).code == 409
    options = body("v1", "DeleteOptions", {"propagationPolicy": "Background"})
    assert api.call("DELETE", f"{CONFIG_MAPS}/typed", options, headers).code == 200
