"""The published JSON Schema and the reader agree on what may be written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from gitrel.repo.schema import KINDS, Kind, json_schema
from gitrel.repo.schema_read import read

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_valid_and_closed(kind: Kind) -> None:
    """Each schema is a valid JSON Schema in camelCase that refuses unknown fields at every level."""
    schema = json_schema(kind)
    jsonschema_rs.meta.validate(schema)
    for part in [schema, *schema.get("$defs", {}).values()]:
        assert part["additionalProperties"] is False
        assert all(re.fullmatch("[a-z][A-Za-z]*", name) for name in part["properties"])


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("environments/*.yaml")) + sorted(ROOT.glob("apps/*/component.yaml"))
)
def test_the_example_satisfies_its_schema(file: Path) -> None:
    """What the example repository writes is valid for editors as it is for gitrel."""
    document = yaml.safe_load(file.read_text())
    jsonschema_rs.validate(json_schema(document["kind"]), document)
    assert read(KINDS[document["kind"]], file.read_bytes(), str(file)).problems == ()


SPECS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"minReadySeconds": 30, "meanTimeToSmoke": "1h30m", "soakFactor": 2}, True),
    ({"pruneLimit": "50%"}, True),
    ({"pruneLimit": 0}, True),
    ({"pruneLimit": "10, 30%"}, True),
    ({"pruneLimit": "10,30%"}, True),
    ({"pruneLimit": "10, 20"}, False),
    ({"pruneLimit": "10%, 20%"}, False),
    ({"pruneLimit": "30%, 10, 5"}, False),
    ({"recreateKinds": ["StatefulSet", "Widget"]}, True),
    ({"recreateKinds": ["PersistentVolumeClaim"]}, False),
    ({"recreateKinds": ["jobs.batch"]}, False),
    ({"dependsOn": ["queue"], "versions": {"from": "directories"}}, True),
    ({"minReadySeconds": -1}, False),
    ({"meanTimeToSmoke": "soon"}, False),
    ({"meanTimeToSmoke": 5}, False),
    ({"renderer": "helm"}, True),
    ({"renderer": "ytt"}, False),
    ({"versions": {"from": "tags"}}, True),
    ({"versions": {"from": "tags", "tagPrefix": ""}}, True),
    ({"versions": {"from": "branches"}}, False),
    ({"pruneLimit": "half"}, False),
    ({"replicas": 3}, False),
    ({"flags": {"a": 1}}, False),
]


@pytest.mark.parametrize(("spec", "valid"), SPECS, ids=lambda value: str(value)[:40])
def test_schema_and_reader_agree(spec: dict[str, Any], valid: bool) -> None:
    """An editor that uses the schema accepts and refuses what gitrel does."""
    document = {"apiVersion": "gitrel.dev/v1alpha1", "kind": "Component", "spec": spec}
    assert jsonschema_rs.is_valid(json_schema("Component"), document) is valid
    parsed = read(KINDS["Component"], yaml.safe_dump(document).encode(), "component.yaml")
    assert (parsed.model is not None) is valid


def test_problems_carry_the_file_they_were_asked_for() -> None:
    """The same bytes under two names are parsed once, yet each problem names its own file."""
    bad = b"apiVersion: gitrel.dev/v1alpha1\nkind: Component\nspec: {x: 1}\n"
    for name in ("a.yaml", "b.yaml"):
        assert {problem.file for problem in read(KINDS["Component"], bad, name).problems} == {name}
