"""OpenAPI v2 in protobuf: the encoding in which kubectl asks for it, read back field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gitrel.cluster.server import swagger
from tests.cluster.server.client import Api


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, int or bytes) of one message, by the rules of the wire and nothing else."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        assert key & 7 == 2
        size = varint()
        yield key >> 3, data[at : at + size]
        at += size


def named(data: bytes, number: int) -> dict[str, bytes]:
    """A map: repeated pairs of a name and a value."""
    pairs = [dict(fields(item)) for key, item in fields(data) if key == number]
    return {pair[1].decode(): pair.get(2, b"") for pair in pairs}


@pytest.mark.parametrize("media", swagger.MEDIA)
def test_kubectl_is_given_the_document_as_protobuf(api: Api, media: str) -> None:
    """Under both of its names, with everything that the JSON document has."""
    document = api.get("/openapi/v2")
    answer = api.call("GET", "/openapi/v2", headers={"Accept": media})
    assert (answer.code, answer.headers["content-type"]) == (200, swagger.MEDIA[1])
    top = dict(fields(answer.body))
    assert (top[1], dict(fields(top[2]))[1]) == (b"2.0", b"Kubernetes")
    assert list(named(top[8], 2)) == list(document["paths"])
    assert list(named(top[9], 1)) == list(document["definitions"])


def test_the_gate_by_which_validation_is_left_to_the_server(api: Api) -> None:
    """The patch of a Deployment's scale says that it is one of a Scale and understands `fieldValidation`."""
    answer = api.call("GET", "/openapi/v2", headers={"Accept": swagger.MEDIA[0]})
    paths = named(dict(fields(answer.body))[8], 2)
    place = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
    patch = dict(fields(paths[place]))[8]
    kind = dict(fields(named(patch, 13)["x-kubernetes-group-version-kind"]))[2]
    assert orjson.loads(kind) == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    queries = []
    for number, item in fields(patch):
        if number == 8:
            choice = dict(fields(dict(fields(item))[1]))
            queries += [dict(fields(dict(fields(choice[2]))[3]))[4]] if 2 in choice else []
    assert b"fieldValidation" in queries and b"dryRun" in queries


def test_every_part_of_a_schema_is_carried() -> None:
    """Types, references, bounds, switches, nested properties and extensions; what v2 lacks is dropped."""
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "enum": ["x", 1],
        "default": {"k": [1]},
        "maxLength": 300,
        "uniqueItems": True,
        "additionalProperties": {"$ref": "#/definitions/T"},
        "properties": {"list": {"type": "array", "items": {"type": "integer", "format": "int32"}}},
        "x-kubernetes-list-type": "map",
        "oneOf": [{}],
    }
    sent = swagger.encoded({"swagger": "2.0", "definitions": {"T": schema}})
    found = list(fields(named(dict(fields(sent))[9], 1)["T"]))
    assert [item for number, item in found if number == 19] == [b"a", b"b"]
    assert [dict(fields(item))[2] for number, item in found if number == 20] == [b'"x"\n', b"1\n"]
    one = dict(found)
    assert (one[11], one[16], dict(fields(one[22]))[1]) == (300, 1, b"object")
    assert dict(fields(one[5]))[2] == b'{"k":[1]}\n'
    assert dict(fields(dict(fields(one[21]))[1]))[1] == b"#/definitions/T"
    items = dict(fields(dict(fields(named(one[25], 1)["list"]))[23]))[1]
    assert dict(fields(items))[2] == b"int32"
    assert dict(fields(named(swagger._bytes_field(1, one[31]), 1)["x-kubernetes-list-type"]))[2] == b'"map"\n'
    assert set(one) == {5, 11, 16, 19, 20, 21, 22, 25, 31}
