"""Parameters and fields: rows 55, 58 and 60–65."""
# ruff: noqa: E501 - what gitrel says stands on one line, as people see it

from __future__ import annotations

from tests.repo.bad_inputs.case import COMPONENT, HEAD, Case, Content

FILE = "apps/frontend/eastus/eastus-parameters.yaml"


def _file(text: str) -> dict[str, Content]:
    return {FILE: text}


def _component(spec: str) -> dict[str, Content]:
    return {"apps/frontend/component.yaml": HEAD + "kind: Component\nspec:\n" + spec}


CASES = [
    Case(
        "unknown-fields-and-wrong-types",
        "58",
        _component(
            "  replica: 3\n  minReadySecond: 5\n  maxRestarts: many\n  renderer: Helm\n  flags: {a: 1}\n"
        ),
        (
            "apps/frontend/component.yaml:4:3: unknown field 'replica': known here: dependsOn, development, driftPolicy, flags, health, maxRestarts, maxSetbacks, meanTimeToSmoke, minReadySeconds, namespace, onFailure, parameters, progressDeadline, pruneKinds, pruneLimit, recreateKinds, renderer, soakFactor, soakFirstRelease, versions",
            "apps/frontend/component.yaml:5:3: unknown field 'minReadySecond' (did you mean 'minReadySeconds'?): rename it",
            "apps/frontend/component.yaml:6:3: spec.maxRestarts must be an integer, not text: write the number without quotes or unit",
            "apps/frontend/component.yaml:7:3: spec.renderer is 'Helm': it must be 'auto', 'plain', 'jinja', 'helm' or 'kustomize'",
            "apps/frontend/component.yaml:8:11: spec.flags.a must be true or false, not the number 1",
        ),
    ),
    Case(
        "negative",
        "55",
        _component("  minReadySeconds: -1\n  soakFactor: -2\n"),
        (
            "apps/frontend/component.yaml:4:3: spec.minReadySeconds must be at least 0",
            "apps/frontend/component.yaml:5:3: spec.soakFactor must be at least 0",
        ),
    ),
    Case(
        "percentages",
        "58",
        _component("  pruneLimit: 101%\n"),
        (
            'apps/frontend/component.yaml:4:3: spec.pruneLimit must be a count, a percentage up to 100%, or both: "10, 30%"',
        ),
    ),
    Case(
        "wrong-kind",
        "47",
        {"apps/frontend/component.yaml": COMPONENT.replace("Component", "Pipeline")},
        ("apps/frontend/component.yaml:2:1: kind is 'Pipeline': it must be 'Component'",),
    ),
    Case(
        "no-kind",
        "47",
        {"apps/frontend/component.yaml": "spec: {}\n"},
        (
            "apps/frontend/component.yaml:1:1: apiVersion is missing: write 'apiVersion: gitrel.dev/v1alpha1'",
            "apps/frontend/component.yaml:1:1: kind is missing: write 'kind: Component'",
        ),
    ),
    Case(
        "name-disagrees",
        "58",
        {"apps/frontend/component.yaml": COMPONENT.replace("spec:", "metadata: {name: backend}\nspec:")},
        (
            "apps/frontend/component.yaml:3:12: metadata.name is 'backend', but the path says 'frontend': write 'name: frontend'",
        ),
    ),
    Case("null-sets-null", "60", _file("parameters:\n  replicas: null\n  limits: ~\n  hosts:\n"), (), ()),
    Case("empty-section", "60", _file("parameters:\nflags:\n"), (), ()),
    Case(
        "list-against-map",
        "61",
        _file("parameters:\n  limits: [1]\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:3: limits is a list here, but a map in environments/pipeline.yaml:4: write the same kind in both",
        ),
    ),
    Case(
        "map-against-list",
        "61",
        _file("parameters:\n  hosts: {a: b}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:3: hosts is a map here, but a list in environments/pipeline.yaml:4: write the same kind in both",
        ),
    ),
    Case(
        "map-against-scalar",
        "61",
        _file("parameters:\n  replicas: {a: b}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:3: replicas is a map here, but a number in environments/pipeline.yaml:4: write the same kind in both",
        ),
    ),
    Case(
        "deep-mismatch",
        "61",
        _file("parameters:\n  limits:\n    cpu: [1]\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:3:5: limits.cpu is a list here, but text in environments/pipeline.yaml:4: write the same kind in both",
        ),
    ),
    Case(
        "text-against-number",
        "61",
        _file("parameters: {replicas: '3'}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:14: warning: replicas is text here, but a number in environments/pipeline.yaml:4: write the same kind in both",
        ),
        (),
    ),
    Case("no-parameter-file", "62", {FILE: None}, (), ()),
    Case(
        "parameter-file-of-another-environment",
        "62",
        {"apps/frontend/eastus/canary-parameters.yaml": "parameters: {}\n"},
        (
            "apps/frontend/eastus/canary-parameters.yaml: these parameters would be used nowhere: the file must be called eastus-parameters.yaml: rename it",
        ),
    ),
    Case(
        "refers-to-another",
        "63",
        _file("parameters: {a: '{{ b }}', b: '{{ a }}'}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:14: warning: a holds '{{', taken literally: parameters cannot refer to each other: write the value, or compute it in the template",
            "apps/frontend/eastus/eastus-parameters.yaml:1:28: warning: b holds '{{', taken literally: parameters cannot refer to each other: write the value, or compute it in the template",
        ),
        (),
    ),
    Case(
        "duration-without-unit",
        "64",
        _component("  meanTimeToSmoke: 5\n"),
        ("apps/frontend/component.yaml:4:3: spec.meanTimeToSmoke: 5 has no unit: write 5s, 5m or 5h",),
    ),
    Case(
        "duration-iso",
        "64",
        _component("  meanTimeToSmoke: PT5M\n"),
        (
            "apps/frontend/component.yaml:4:3: spec.meanTimeToSmoke: 'PT5M' is not a duration: write it as 90s, 45m, 1h30m or 2d",
        ),
    ),
    Case(
        "duration-negative",
        "64",
        _component("  meanTimeToSmoke: -1s\n"),
        (
            "apps/frontend/component.yaml:4:3: spec.meanTimeToSmoke: '-1s' is not a duration: write it as 90s, 45m, 1h30m or 2d",
        ),
    ),
    Case(
        "duration-too-long",
        "64",
        _component("  meanTimeToSmoke: 99999d\n"),
        ("apps/frontend/component.yaml:4:3: spec.meanTimeToSmoke: '99999d' is longer than ten years",),
    ),
    Case("duration-fraction", "64", _component("  meanTimeToSmoke: 1.5m\n"), (), ()),
    Case(
        "duration-zero-deadline",
        "64",
        _component("  progressDeadline: 0s\n"),
        ("apps/frontend/component.yaml:4:3: spec.progressDeadline must be longer than nothing",),
    ),
    Case(
        "look-alike-letter",
        "65",
        _file("parameters: {r\u0435plicas: 3}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:14: parameters.rеplicas: 'rеplicas' (U+0435 CYRILLIC SMALL LETTER IE) is not allowed: a parameter is named by ASCII letters, digits and '_'",
        ),
    ),
    Case(
        "trailing-space",
        "65",
        _file('parameters: {"replicas ": 3}\n'),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:14: parameters.replicas : 'replicas ' (U+0020 SPACE) is not allowed: a parameter is named by ASCII letters, digits and '_'",
        ),
    ),
    Case(
        "look-alike-field",
        "65",
        _component("  r\u0435nderer: plain\n"),
        (
            "apps/frontend/component.yaml:4:3: unknown field 'rеnderer' (U+0435 CYRILLIC SMALL LETTER IE) (did you mean 'renderer'?): rename it",
        ),
    ),
    Case(
        "reserved-label",
        "58",
        {"environments/canary.yaml": HEAD + "kind: Environment\nmetadata: {labels: {gitrel.dev/role: x}}\n"},
        (
            "environments/canary.yaml:3:21: metadata.labels.gitrel.dev/role: 'gitrel.dev/role' is not allowed: keys under gitrel.dev/ are set by gitrel",
        ),
        (),
        True,
    ),
    Case(
        "two-backends",
        "58",
        {
            "environments/canary.yaml": HEAD
            + "kind: Environment\nspec: {cluster: {embedded: {}, kubernetes: {context: a}}}\n"
        },
        ("environments/canary.yaml:3:8: spec.cluster: a cluster is either 'embedded' or 'kubernetes'",),
        (),
        True,
    ),
    Case(
        "version-number-unquoted",
        "58",
        {"environments/pipeline.yaml": HEAD + "kind: Pipeline\nspec: {kubernetesVersion: 1.36}\n"},
        (
            "environments/pipeline.yaml:3:8: spec.kubernetesVersion must be text, not the number 1.36: put it in quotes",
        ),
        (),
        True,
    ),
    Case(
        "too-many-keys",
        "13",
        _file("parameters:\n" + "".join(f"  a{n}: 1\n" for n in range(20_001))),
        ("apps/frontend/eastus/eastus-parameters.yaml:1:1: more than 20,000 keys: write fewer",),
    ),
]
