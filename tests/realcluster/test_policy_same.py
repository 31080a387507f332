"""The policy that a cluster starts with grants what a real API server's grants, and nothing more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import pytest

from gitrel.cluster.api.rbac import policy
from tests.realcluster.conftest import RealPlane

ABSENT = {"system:heapster"}
"""Of a program that was given up in 2018: nobody has it in a new cluster of ours."""


def grants(rules: Iterable[Mapping[str, Any]] | None) -> set[tuple[str, ...]]:
    """Every single grant: two policies are the same where these are, however they are written down."""
    found: set[tuple[str, ...]] = set()
    for rule in rules or ():
        found |= set(product(rule["verbs"], rule.get("nonResourceURLs") or ()))
        places = product(rule.get("apiGroups") or (), rule.get("resources") or ())
        names = rule.get("resourceNames") or ("",)
        found |= {(verb, *place, name) for verb, place, name in product(rule["verbs"], list(places), names)}
    return found


def real(plane: RealPlane, resource: str) -> dict[str, Any]:
    command = ["kubectl", "--kubeconfig", str(plane.kubeconfig), "get", resource, "-A", "-o", "json"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    chosen = "kubernetes.io/bootstrapping"
    rows = [row for row in json.loads(text)["items"] if chosen in row["metadata"].get("labels", {})]
    return {named(row): row for row in rows}


def named(row: Mapping[str, Any]) -> str:
    metadata = row["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


@pytest.mark.parametrize(
    ("resource", "ours"), [("clusterroles", policy.cluster_roles), ("roles", policy.roles)]
)
def test_roles_grant_the_same(real_plane: RealPlane, resource: str, ours: Any) -> None:
    """Every role by name, and every grant in it; aggregated ones by what they gather."""
    theirs = real(real_plane, resource)
    mine = {named(row): row for row in ours()}
    assert set(theirs) - set(mine) <= {f"/{name}" for name in ABSENT}
    assert not set(mine) - set(theirs)
    for name, row in mine.items():
        assert row.get("aggregationRule") == theirs[name].get("aggregationRule"), name
        if not row.get("aggregationRule"):
            assert grants(row["rules"]) == grants(theirs[name]["rules"]), name


@pytest.mark.parametrize(
    ("resource", "ours"),
    [("clusterrolebindings", policy.cluster_role_bindings), ("rolebindings", policy.role_bindings)],
)
def test_bindings_name_the_same(real_plane: RealPlane, resource: str, ours: Any) -> None:
    """Role and subjects of every binding."""

    def subjects(row: Mapping[str, Any]) -> set[tuple[str, ...]]:
        return {(s["kind"], s["name"], s.get("namespace", "")) for s in row.get("subjects") or ()}

    theirs = real(real_plane, resource)
    mine = {named(row): row for row in ours()}
    assert set(theirs) == set(mine)
    for name, row in mine.items():
        assert row["roleRef"] == theirs[name]["roleRef"], name
        assert subjects(row) == subjects(theirs[name]), name
