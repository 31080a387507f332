"""Typed parameters: every mistake at the line of the value that wins, and defaults as the lowest layer."""

from __future__ import annotations

import pytest

from gitrel.repo.precedence import effective_parameters, flatten
from tests.effort import at_most
from tests.parameters.support import HEAD, problems, read

SCHEMA = """\
properties:
  replicas:
    type: integer
    minimum: 1
    default: 2
  zone: {type: string}
  size:
    enum: [small, large]
    default: small
  limits:
    type: object
    additionalProperties: false
    properties:
      cpu: {type: string, default: 500m}
      memory: {type: string}
required: [zone]
"""
FILE = "apps/web/parameters.schema.yaml"
US = "apps/web/us/us-parameters.yaml"


def test_right_parameters_are_right() -> None:
    """A schema that everything satisfies says nothing; shared parameters it does not know are no mistake."""
    assert problems({FILE: SCHEMA}) == []


def test_defaults_are_the_lowest_layer() -> None:
    """A default holds where no file says otherwise, nested ones too, and knows its line."""
    catalog, found = read({FILE: SCHEMA})
    assert found == ()
    values = dict(flatten(effective_parameters(catalog, "web", "eu")))
    assert {name: value.value for name, value in values.items()} == {
        "replicas": 3, "size": "small", "limits.cpu": "500m", "shared": 1, "zone": "eu-1",
    }  # fmt: skip
    assert str(values["size"].origin) == f"{FILE}:9"
    assert str(values["limits.cpu"].origin) == f"{FILE}:14"
    assert [str(loser.origin) for loser in values["replicas"].overrides] == [f"{FILE}:5"]


WRONG = {
    "a wrong type in an environment": (
        {US: "parameters:\n  replicas: three\n"},
        [
            f"{US}:2:3: replicas must be a whole number, not text: the default is 2",
            f"{US}:2:3: warning: replicas is text here, but a number in apps/web/component.yaml:5: "
            "write the same kind in both",
        ],
    ),
    "a value out of bounds": (
        {US: "parameters:\n  replicas: 0\n"},
        [f"{US}:2:3: replicas must be at least 1: the default is 2"],
    ),
    "none of the words": (
        {US: "parameters:\n  size: huge\n"},
        [f"{US}:2:3: size must be one of small, large: the default is 'small'"],
    ),
    "an unknown parameter of its own": (
        {US: "parameters:\n  replica: 3\n"},
        [
            f"{US}:2:3: 'replica' is no parameter of this component (did you mean 'replicas'?): "
            "known: limits, replicas, size, zone"
        ],
    ),
    "an unknown key inside": (
        {US: "parameters:\n  limits:\n    gpu: 1\n"},
        [f"{US}:2:3: limits has an unknown key: 'gpu': remove it"],
    ),
    "missing": (
        {"environments/us.yaml": f"{HEAD}kind: Environment\n"},
        [
            f"{FILE}:16:12: zone is required, and nothing sets it in us: "
            "set it in component.yaml, for the environment, or give it a default"
        ],
    ),
    "a deep wrong type": (
        {US: "parameters:\n  limits:\n    cpu: 1\n"},
        [
            f"{US}:3:5: limits.cpu must be text, not a number: the default is '500m'",
            f"{US}:3:5: warning: limits.cpu is a number here, but text in {FILE}:14: "
            "write the same kind in both",
        ],
    ),
    "several at once": (
        {US: "parameters:\n  replicas: 0\n  size: huge\n  extra: 1\n"},
        [
            f"{US}:2:3: replicas must be at least 1: the default is 2",
            f"{US}:3:3: size must be one of small, large: the default is 'small'",
            f"{US}:4:3: 'extra' is no parameter of this component: known: limits, replicas, size, zone",
        ],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_parameters(case: str) -> None:
    """Each mistake stands at the value that wins, with the default beside it, and the component is set
    aside."""
    files, says = WRONG[case]
    found = problems({FILE: SCHEMA, **files})
    assert sorted(found) == sorted(says)
    assert "web" in read({FILE: SCHEMA, **files})[0].broken


BAD_SCHEMAS = {
    "unknown keyword": (
        "properties:\n  a: {typ: string}\n",
        [
            f"{FILE}:2:7: unknown keyword 'typ' (did you mean 'type'?): "
            "remove it, or write it under properties"
        ],
    ),
    "unknown type": (
        "properties:\n  a:\n    type: text\n",
        [f"{FILE}:3:5: properties.a.type is not right in a schema"],
    ),
    "a wrong default": (
        "properties:\n  replicas:\n    type: integer\n    default: many\n",
        [f"{FILE}:4:5: the default of replicas must be a whole number, not text"],
    ),
    "elsewhere": (
        "properties:\n  a: {$ref: 'https://example.com/x'}\n",
        [f"{FILE}:2:7: a reference to somewhere else: refer to '#/$defs/…' of this file"],
    ),
    "not a map": ("- 1\n", [f"{FILE}:1:1: a schema is one map: begin with 'properties:'"]),
    "empty": ("", [f"{FILE}:1:1: the file is empty: begin with 'properties:'"]),
}


@pytest.mark.parametrize("case", BAD_SCHEMAS)
def test_bad_schemas(case: str) -> None:
    """A schema that would check nothing, or something else than was meant, is refused at its line."""
    text, says = BAD_SCHEMAS[case]
    assert [line for line in problems({FILE: text}) if FILE in line] == says


def test_references_within_the_file() -> None:
    """`$defs` are followed, for types and for defaults."""
    schema = (
        "$defs:\n  port: {type: integer, maximum: 65535, default: 80}\nadditionalProperties: true\n"
        "properties:\n  port: {$ref: '#/$defs/port'}\n"
    )
    catalog, found = read({FILE: schema})
    assert found == ()
    assert effective_parameters(catalog, "web", "eu")["port"].value == 80
    (said,) = problems({FILE: schema, US: "parameters:\n  port: 70000\n"})
    assert said == f"{US}:2:3: port must be at most 65535: the default is 80"


def test_patterns_run_in_linear_time() -> None:
    """A pattern that would take ages in a backtracking engine costs nothing here."""
    schema = "additionalProperties: true\nproperties:\n  zone: {pattern: '^(a+)+$'}\n"
    with at_most(cpu_seconds=2):
        said = problems({FILE: schema, US: f"parameters:\n  zone: {'a' * 50_000}!\n"})
    assert any("zone does not match" in line for line in said)


def test_no_value_is_shown() -> None:
    """What is wrong may be a secret: its type is told, not its text."""
    schema = "additionalProperties: true\nproperties:\n  password: {type: string, minLength: 40}\n"
    said = problems({FILE: schema, US: "parameters:\n  password: canary-93\n"})
    assert said == [f"{US}:2:3: password must have at least 40 characters"]


def test_parameters_of_a_kustomization_are_told() -> None:
    """Where nothing can read a parameter, setting it is a mistake; shared ones are none."""
    files = {"apps/web/v1/kustomization.yaml": "resources: [web-configmap.yaml]\n"}
    assert problems(files) == [
        "apps/web/component.yaml:5:5: warning: replicas reaches nothing: a kustomization has no parameters: "
        "write an overlay for the environment instead"
    ]
