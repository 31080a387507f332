"""Writes fieldnumbers.json: by which number a field travels in Kubernetes' protobuf encoding.

    go mod download k8s.io/api@v0.36.0 k8s.io/apimachinery@v0.36.0 k8s.io/apiextensions-apiserver@v0.36.0
    python -m gitrel.cluster.server.fieldnumbers "$(go env GOMODCACHE)" v0.36.0

Numbers never change once given. Everything else about a field (its type, what it refers to) is in the
OpenAPI definitions already. The file has, for each definition, name → number; the number is negative where a
zero is a value of its own (a pointer in Go, or a field that JSON never omits), and a name that begins with
`=` is a struct whose fields JSON lifts into the parent.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

FILE = Path(__file__).with_name("fieldnumbers.json")

_PLACES = (
    ("api@{}", "*/v[12]/types.go", "io.k8s.api.{}.{}."),
    ("apimachinery@{}", "pkg/apis/meta/v1/types.go", "io.k8s.apimachinery.pkg.apis.meta.v1."),
    (
        "apiextensions-apiserver@{}",
        "pkg/apis/apiextensions/v1/types*.go",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
    ),
)
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r'^\s+(?:\w+[ \t]+)?(?P<type>\S+)[ \t]+`json:"(?P<json>[^"]*)"[^`]*?protobuf:"\w+,(?P<number>\d+)',
    re.MULTILINE,
)


def main(cache: Path, version: str) -> None:
    table: dict[str, dict[str, int]] = {}
    for module, pattern, prefix in _PLACES:
        root = cache / "k8s.io" / module.format(version)
        for path in sorted(root.glob(pattern)):
            group, of = path.parts[-3], path.parts[-2]
            for name, fields in structs(path.read_text(encoding="utf-8"), prefix.format(group, of)):
                table[name] = fields
    lines = [f"{orjson.dumps(k).decode()}:{orjson.dumps(v).decode()}" for k, v in sorted(table.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def structs(source: str, prefix: str) -> Iterator[tuple[str, dict[str, int]]]:
    """(definition, name → number) of every struct in a Go file that travels as protobuf."""
    for struct in _STRUCT.finditer(source):
        fields = dict(_fields(struct[2], prefix))
        if fields:
            yield prefix + struct[1], fields


def _fields(body: str, prefix: str) -> Iterator[tuple[str, int]]:
    for field in _FIELD.finditer(body):
        name, *options = field["json"].split(",")
        number = int(field["number"])
        if "inline" in options:
            yield f"={prefix}{field['type'].rpartition('.')[2]}", number
        elif name:
            says_zero = field["type"].startswith("*") or "omitempty" not in options
            yield name, -number if says_zero else number


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
