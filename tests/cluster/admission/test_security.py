"""PodSecurity: what the levels forbid, what is enforced and what is only said."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.admission.podsecurity import PREFIX
from gitrel.cluster.api.admission.podstandards import violations
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, deployment, pod
from tests.cluster.kinds.tables import of, refusal

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec(*, volumes: Any = (), whole: Any = None, **security: Any) -> Object:
    found: Object = {"containers": [container(securityContext=security)]}
    if whole:
        found["securityContext"] = whole
    if volumes:
        found["volumes"] = list(volumes)
    return found


BASELINE: dict[str, tuple[Object, str]] = {
    "privileged": (
        spec(privileged=True),
        'privileged (container "app" must not set securityContext.privileged=true)',
    ),
    "the host's network": (
        {**spec(), "hostNetwork": True, "hostPID": True},
        "host namespaces (hostNetwork=true, hostPID=true)",
    ),
    "the host's files": (
        spec(volumes=[{"name": "root", "hostPath": {"path": "/"}}]),
        'hostPath volumes (volume "root")',
    ),
    "the host's ports": (
        {"containers": [container(ports=[{"containerPort": 80, "hostPort": 80}])]},
        'hostPort (container "app" uses hostPort 80)',
    ),
    "capabilities": (
        spec(capabilities={"add": ["SYS_ADMIN", "CHOWN"]}),
        'non-default capabilities (container "app" must not include "SYS_ADMIN" in '
        "securityContext.capabilities.add)",
    ),
    "no seccomp": (
        spec(whole={"seccompProfile": {"type": "Unconfined"}}),
        'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    "sysctls": (
        spec(whole={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        "forbidden sysctls (kernel.msgmax)",
    ),
}


@pytest.mark.parametrize("case", BASELINE)
def test_the_baseline_forbids(case: str) -> None:
    """Proves each check of the baseline, in its own words."""
    found, said = BASELINE[case]
    assert violations(found, "baseline") == (said,)
    assert violations(found, "privileged") == ()


def test_restricted_wants_to_be_told() -> None:
    """Proves that a plain pod violates the four rules people know, in their order and words."""
    assert violations(spec(), "restricted") == (
        'allowPrivilegeEscalation != false (container "app" must set '
        "securityContext.allowPrivilegeEscalation=false)",
        'unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true)',
        'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")',
    )
    assert violations(spec(**SAFE), "restricted") == ()


def test_restricted_allows_few_volumes() -> None:
    """Proves that only volumes that hold nothing of the host are allowed."""
    found = spec(**SAFE, volumes=[{"name": "a", "nfs": {}}, {"name": "b", "emptyDir": {}}])
    assert violations(found, "restricted") == (
        'restricted volume types (volume "a" uses restricted volume type "nfs")',
    )


def labelled(**modes: str) -> WatchedCluster:
    made = cluster()
    labels = {f"{PREFIX}{mode}": level for mode, level in modes.items()}
    place = of("Namespace", name="safe", namespace="")
    made.api.create({**place, "metadata": {**place["metadata"], "labels": labels}})
    return made


def test_enforcement_refuses_pods() -> None:
    """Proves that a namespace's level is enforced, for controllers too."""
    made = labelled(enforce="baseline")
    bad = pod("x", "safe", **spec(privileged=True))
    said = 'privileged (container "app" must not set securityContext.privileged=true)'
    assert refusal(bad, made) == f'pods "x" is forbidden: violates PodSecurity "baseline:latest": {said}'
    assert made.api.create(pod("x", "safe"))


def test_warnings_are_said_of_pods_and_templates() -> None:
    """Proves that `warn` lets pods through and tells, also where a template is written."""
    made = labelled(warn="restricted")
    told: list[str] = []
    api = made.api.acting_as("me", warn=told.append)
    api.create(pod("x", "safe"))
    api.create(deployment("web", namespace="safe"))
    assert len(told) == 2
    assert all(line.startswith('would violate PodSecurity "restricted:latest": allow') for line in told)


def test_a_level_nobody_knows_is_refused() -> None:
    """Proves that a misspelt level does not pass for no level."""
    place = of("Namespace", name="bad", namespace="")
    place["metadata"]["labels"] = {f"{PREFIX}enforce": "strict"}
    assert "must be one of privileged, baseline, restricted" in refusal(place)


def test_raising_the_level_tells_who_violates_it() -> None:
    """Proves that one hears of the pods that would not be let in any more."""
    made = cluster()
    made.api.create(of("Namespace", name="old", namespace=""))
    made.api.create(pod("a", "old", **spec(privileged=True)))
    made.api.create(pod("b", "old", **spec(privileged=True)))
    told: list[str] = []
    place = made.api.get("namespaces", "old")
    labels = {**place["metadata"]["labels"], f"{PREFIX}enforce": "baseline"}
    changed = {**place, "metadata": {**place["metadata"], "labels": labels}}
    made.api.acting_as("me", warn=told.append).update(changed)
    assert told == [
        'existing pods in namespace "old" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): privileged",
    ]
