"""What is wrong between files that are each right: waves, dependencies, timers, places (rows 23 and 57)."""
# ruff: noqa: E501 - what gitrel says stands on one line, as people see it

from __future__ import annotations

from tests.repo.bad_inputs.case import HEAD, Case, Content


def _waves(*waves: str) -> dict[str, Content]:
    text = HEAD + "kind: Pipeline\nspec:\n  waves:\n" + "".join(f"  - {wave}\n" for wave in waves)
    return {"environments/pipeline.yaml": text}


def _spec(component: str, spec: str) -> dict[str, Content]:
    return {f"apps/{component}/component.yaml": HEAD + f"kind: Component\nspec: {{{spec}}}\n"}


def _cluster(environment: str, role: str, spec: str) -> dict[str, Content]:
    return {f"environments/{environment}.yaml": HEAD + f"kind: Environment\nspec: {{role: {role}, {spec}}}\n"}


SHARED = "cluster: {kubernetes: {context: prod}}, namespace: shop"

CASES = [
    Case(
        "unknown-environment",
        "23",
        _waves("{name: a, environments: [canray, canary]}", "{name: b, environments: [eastus]}"),
        (
            "environments/pipeline.yaml:5:30: 'canray' is no environment (did you mean 'canary'?): name one that exists (have: canary, eastus)",
        ),
        (),
        True,
    ),
    Case(
        "environment-in-no-wave",
        "23",
        _waves("{name: a, environments: [canary]}"),
        (
            "environments/pipeline.yaml:4:3: environment 'eastus' is in no wave, so nothing would ever be released to it: add it to one, or remove the environment",
        ),
        (),
        True,
    ),
    Case(
        "environment-in-two-waves",
        "23",
        _waves("{name: a, environments: [canary, eastus]}", "{name: b, environments: [eastus]}"),
        ("environments/pipeline.yaml:6:30: environment 'eastus' is in a wave already: 'a': keep it in one",),
        (),
        True,
    ),
    Case(
        "two-selectors-match",
        "23",
        _waves("{name: a, selector: {}}", "{name: b, selector: {matchLabels: {gitrel.dev/role: region}}}"),
        (
            "environments/pipeline.yaml:6:15: environment 'eastus' is in a wave already: 'a': let one selector match it, or name it in one wave",
        ),
        (),
        True,
    ),
    Case(
        "selector-takes-what-is-left",
        "23",
        _waves("{name: a, environments: [canary]}", "{name: b, selector: {}}"),
        (),
        (),
    ),
    Case(
        "wave-without-members",
        "23",
        _waves("{name: a}", "{name: b, selector: {}}"),
        ("environments/pipeline.yaml:5:5: spec.waves[0]: a wave has either 'environments' or 'selector'",),
        (),
        True,
    ),
    Case(
        "waves-with-one-name",
        "23",
        _waves("{name: a, environments: [canary]}", "{name: a, environments: [eastus]}"),
        ("environments/pipeline.yaml:6:6: two waves are called 'a': rename one of them",),
        (),
        True,
    ),
    Case(
        "depends-on-nobody",
        "58",
        _spec("frontend", "dependsOn: [wroker]"),
        (
            "apps/frontend/component.yaml:3:20: dependsOn names 'wroker', which is no component (did you mean 'worker'?): name one that exists (have: frontend, worker)",
        ),
    ),
    Case(
        "depends-on-itself",
        "63",
        _spec("frontend", "dependsOn: [frontend]"),
        (
            "apps/frontend/component.yaml:3:8: dependencies go round in a circle: frontend -> frontend: remove one of them",
        ),
    ),
    Case(
        "circle-of-dependencies",
        "63",
        {**_spec("frontend", "dependsOn: [worker]"), **_spec("worker", "dependsOn: [frontend]")},
        (
            "apps/frontend/component.yaml:3:8: dependencies go round in a circle: frontend -> worker -> frontend: remove one of them",
            "apps/worker/component.yaml:3:8: dependencies go round in a circle: frontend -> worker -> frontend: remove one of them",
        ),
        ("frontend", "worker"),
    ),
    Case(
        "dependency-elsewhere",
        "58",
        {**_spec("frontend", "dependsOn: [worker]"), "apps/worker/eastus": None},
        (
            "apps/frontend/component.yaml:3:20: warning: depends on 'worker', which has no pointer in eastus: point worker at a version there",
        ),
        (),
    ),
    Case(
        "soak-that-never-ends",
        "64",
        _spec("frontend", "meanTimeToSmoke: 200d"),
        (
            "apps/frontend/component.yaml:3:8: each environment would be held for 600d: make soakFactor × meanTimeToSmoke shorter than a year",
        ),
    ),
    Case(
        "soak-overflow",
        "64",
        _spec("frontend", "meanTimeToSmoke: 3650d, soakFactor: 1000"),
        (
            "apps/frontend/component.yaml:3:32: each environment would be held for 3650000d: make soakFactor × meanTimeToSmoke shorter than a year",
        ),
    ),
    Case(
        "soak-too-short",
        "64",
        _spec("frontend", "soakFactor: 0.5"),
        (
            "apps/frontend/component.yaml:3:8: warning: soakFactor 0.5 waits less than the mean time to smoke: 2 to 3 is the place to start",
        ),
        (),
    ),
    Case(
        "schedule-of-months",
        "64",
        _spec("frontend", "meanTimeToSmoke: 20d"),
        (
            "apps/frontend/component.yaml: warning: a release takes at least 120d to reach every environment: widen maxParallel, or shorten the soak",
        ),
        (),
    ),
    Case(
        "too-many-live-versions",
        "64",
        {"environments/pipeline.yaml": HEAD + "kind: Pipeline\nspec: {maxActiveVersions: 1}\n"},
        (
            "apps/frontend/component.yaml: warning: 2 versions are live, and maxActiveVersions is 1: v1, v2: bring the oldest up to date",
        ),
        (),
    ),
    Case(
        "one-place-twice",
        "57",
        {**_cluster("canary", "stage", SHARED), **_cluster("eastus", "region", SHARED)},
        (
            "apps/frontend/eastus/templates: 'canary' and 'eastus' are both namespace 'shop' of context 'prod': give each environment a namespace of its own",
            "apps/worker/eastus: 'canary' and 'eastus' are both namespace 'shop' of context 'prod': give each environment a namespace of its own",
        ),
        ("frontend", "worker"),
    ),
]
