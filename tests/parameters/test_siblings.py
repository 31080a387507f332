"""Drift between siblings and flags over environments, with the commit that made each so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitrel.app import histories
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.git.since import Histories
from gitrel.repo.siblings import differences
from tests.cli.support import gitrel
from tests.parameters.repository import Repository
from tests.parameters.support import HEAD, read
from tests.parameters.test_sops import sealed

EXTRA = ("ap", "sa", "test")


def environment(name: str, role: str = "region", flags: str = "{}", more: str = "") -> str:
    spec = f"  role: {role}\n  parameters:\n    zone: {name}-1\n{more}  flags: {flags}\n"
    return f"{HEAD}kind: Environment\nspec:\n{spec}"


FILES = {
    **{f"environments/{name}.yaml": environment(name) for name in ("eu", "us", "ap", "sa")},
    "environments/test.yaml": environment("test", "stage"),
    **{f"apps/web/{name}": "-> v1" for name in EXTRA},
}
US = "apps/web/us/us-parameters.yaml"


def found(files: dict[str, str]) -> list[tuple[str, str, Any, Any, int, int]]:
    catalog, problems = read({**FILES, **files})
    assert [p for p in problems if p.severity == "error"] == []
    return [
        (
            one.setting.environment,
            one.setting.name,
            one.setting.value.value if one.setting.value else None,
            one.usual.value.value if one.usual.value else None,
            one.agree,
            one.siblings,
        )
        for one in differences(catalog, ["web"])
    ]


CASES: dict[str, tuple[dict[str, str], list[Any]]] = {
    "all alike": ({}, []),
    "one differs": ({US: "parameters: {replicas: 5}\n"}, [("us", "replicas", 5, 3, 3, 4)]),
    "one has more": ({US: "parameters: {extra: 1}\n"}, [("us", "extra", 1, None, 3, 4)]),
    "one has less": (
        {
            f"environments/{name}.yaml": environment(name, more="    size: big\n")
            for name in ("eu", "ap", "sa")
        },
        [("us", "size", None, "big", 3, 4)],
    ),
    "a flag": (
        {"environments/ap.yaml": environment("ap", flags="{fast: true}")},
        [("ap", "fast", True, None, 3, 4)],
    ),
    "half and half is nobody's fault": (
        {f"environments/{name}.yaml": environment(name, more="    size: big\n") for name in ("ap", "sa")},
        [],
    ),
    "inside a map": (
        {
            "environments/pipeline.yaml": (
                f"{HEAD}kind: Pipeline\nspec: {{parameters: {{limits: {{cpu: 1}}}}}}\n"
            ),
            US: "parameters: {limits: {cpu: 2}}\n",
        },
        [("us", "limits.cpu", 2, 1, 3, 4)],
    ),
    "a stage is no sibling of a region": (
        {"environments/test.yaml": environment("test", "stage", more="    replicas: 1\n")},
        [],
    ),
    "an encrypted value": (
        {US: f"parameters: {{password: '{sealed('a')}'}}\nsops: {{mac: x}}\n"},
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_differences(case: str) -> None:
    """What most siblings agree on is the measure; what differs everywhere is not drift."""
    files, expected = CASES[case]
    assert found(files) == expected


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("drift"))
    made.commit("Add regions", FILES)
    made.commit("Scale us up", {US: "parameters:\n  replicas: 5\n"})
    made.commit("Say why", {US: "# more people\nparameters:\n  replicas: 5\n"})
    made.commit("Try it", {"environments/ap.yaml": environment("ap", flags="{fast: true}")})
    made.commit("Nothing to do with it", {"README.md": "hello\n"})
    return made


def listed(repository: Repository, *arguments: str) -> list[dict[str, Any]]:
    ran = gitrel(*arguments, "-C", str(repository.folder), "-o", "json")
    assert ran.code == 0, ran.err
    items: list[dict[str, Any]] = json.loads(ran.out)["items"]
    return items


def test_drift_tells_the_commit(repository: Repository) -> None:
    """The commit that gave the value counts, not the later one that touched the file around it."""
    by_name = {item["name"]: item for item in listed(repository, "drift", "web")}
    replicas = by_name["replicas"]
    assert (replicas["environment"], replicas["value"], replicas["usual"]) == ("us", 5, 3)
    assert replicas["origin"] == f"{US}:3"
    assert replicas["since"]["subject"] == "Scale us up"
    assert replicas["since"]["by"] == "Ada <ada@example.com>"
    assert replicas["since"]["at"] == "2026-03-03T08:00:00Z"
    table = gitrel("drift", "-C", str(repository.folder)).out
    assert "3 (3 of 4)" in table
    assert "2026-03-03" in table


def test_flags_tell_who_turned_them_on(repository: Repository) -> None:
    """Each flag with its value, line and commit."""
    (item,) = listed(repository, "flags")
    assert (item["environment"], item["name"], item["value"]) == ("ap", "fast", True)
    assert item["since"]["subject"] == "Try it"
    assert " on " in gitrel("flags", "-C", str(repository.folder)).out


def test_what_is_not_committed_is_said(repository: Repository, tmp_path: Path) -> None:
    """A value in the work tree that no commit has, and a folder without any history."""
    file = repository.folder / US
    before = file.read_text()
    file.write_text("parameters:\n  replicas: 7\n")
    try:
        (item,) = (one for one in listed(repository, "drift") if one["name"] == "replicas")
    finally:
        file.write_text(before)
    assert (item["value"], item["since"]) == (7, {"state": "uncommitted"})
    with histories(tmp_path) as nothing:
        assert nothing is None


def test_history_is_bounded(repository: Repository) -> None:
    """Beyond the limit it says that the value is older, instead of naming a wrong commit."""
    with GitRepository(repository.folder) as opened:
        path = ("parameters", "replicas")
        assert Histories(opened, "HEAD", 1).since(US, path, 5).state == "older"
        assert Histories(opened, "HEAD", 3).since(US, path, 5).state == "committed"
        assert Histories(opened, "HEAD").since(US, path, 6).state == "uncommitted"


def test_an_encrypted_value_is_explained_as_such(tmp_path: Path) -> None:
    """`explain` shows that a value is encrypted, and where, and no ciphertext."""
    made = Repository(tmp_path)
    made.write({US: f"parameters: {{password: '{sealed('a')}'}}\nsops: {{mac: x}}\n"})
    ran = gitrel("explain", "web", "us", "password", "-C", str(tmp_path))
    assert ran.code == 0, ran.err
    assert "(encrypted)" in ran.out
    assert "ENC[" not in ran.out
