"""Bad input through the command line: what is said, how it ends, and that nothing is written anywhere.

The rows are those of tests/repo/bad_inputs and of tests/render/test_messages; here they are committed to a
repository and met by the verbs that people type. What gitrel says stands there, word for word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitrel.repo.tree import File, Link, Other, RawTree
from tests.cli.laid import Store, everything, lay, store
from tests.cli.support import Ran, gitrel
from tests.render import support
from tests.render.test_messages import PLAIN, TEMPLATES
from tests.repo.bad_inputs.case import Case, tree
from tests.repo.test_bad_inputs import ROWS

NOWHERE = {
    "layout-component-dot-dot": "neither a file system nor Git takes the name ..",
    "symlinks-device-as-component-file": "only root can make a device",
    "symlinks-regular-file-where-git-has-a-link": "read from disk, content alone decides",
}
"""Rows that cannot be laid out as files by an ordinary user."""
ON_DISK_ONLY = frozenset({"symlinks-fifo", "symlinks-hard-link"})
"""Git records no such thing."""
IN_COMMITS_ONLY = frozenset({"layout-submodule"})
"""On disk it is a folder like any other."""
LAID = {name: case for name, case in ROWS.items() if name not in NOWHERE}
WRONG = {name: case for name, case in LAID.items() if any(": warning: " not in line for line in case.says)}
MARK = ": warning: "


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store(tmp_path_factory.mktemp("objects"), {name: tree(case.files) for name, case in LAID.items()})


def lines_of(report: str) -> list[str]:
    """The problems of `validate -o json` as lines."""
    items: list[dict[str, Any]] = json.loads(report)["items"]
    return [line_of(item) for item in items]


def line_of(item: Mapping[str, Any]) -> str:
    place = ":".join([item["file"], *(str(item[key]) for key in ("line", "column") if item[key])])
    mark = "warning: " if item["severity"] == "warning" else ""
    return f"{place}: {mark}{item['what']}" + (f": {item['todo']}" if item["todo"] else "")


def errors_of(case: Case) -> list[str]:
    return [line for line in case.says if MARK not in line]


def calm(ran: Ran, code: int) -> None:
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert all(line.isprintable() for line in (ran.out + ran.err).splitlines())


@pytest.mark.parametrize("name", LAID)
def test_validate_says_everything_and_writes_nothing(name: str, objects: Store, tmp_path: Path) -> None:
    """Each line of the row, of the files as text and of the commit as objects; exit 3 for an error."""
    case = LAID[name]
    folder = lay(tmp_path, tree(case.files), objects, name)
    before = list(everything(folder))
    code = 3 if errors_of(case) else 0
    arguments = ("validate", "--no-render", "-C", str(folder))
    if name not in IN_COMMITS_ONLY:
        text = gitrel(*arguments)
        calm(text, code)
        assert text.out.splitlines() == list(case.says)
    if name not in ON_DISK_ONLY:
        found = gitrel(*arguments, "-o", "json", "--revision", "HEAD")
        calm(found, code)
        assert lines_of(found.out) == list(case.says)
    assert list(everything(folder)) == before


@pytest.mark.parametrize("name", [name for name in WRONG if name not in ON_DISK_ONLY])
def test_nothing_is_released_and_nothing_written(name: str, objects: Store, tmp_path: Path) -> None:
    """A pass and a promotion of what is broken say the row's errors, end with 3, and leave no trace."""
    case = WRONG[name]
    folder = tmp_path / "repo"
    lay(folder, RawTree({"environments/pipeline.yaml": File(b"")}), objects, name)
    before = list(everything(folder))
    component = case.broken[0] if case.broken else "frontend"
    said = [line for line in errors_of(case) if case.blocks or f"apps/{component}" in line]
    for verb in (("reconcile", "--", component), ("promote", "--", component, "v2")):
        ran = gitrel("-q", "-C", str(folder), *verb)
        calm(ran, 3)
        assert ran.out == ""
        assert [line for line in ran.err.splitlines() if MARK not in line] == said
    assert list(everything(folder)) == before


SAMPLES = ("layout-no-version", "symlinks-circle-of-two", "yaml-alias-bomb", "parameters-wrong-kind",
           "catalog-unknown-environment")  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_no_verb_passes_over_it(name: str, objects: Store, tmp_path: Path) -> None:
    """Every verb that reads the repository says the same, whatever it was asked to do."""
    case = WRONG[name]
    folder = lay(tmp_path, tree(case.files), objects, name)
    before = list(everything(folder))
    component = case.broken[0] if case.broken else "frontend"
    for verb in (
        ("render", component),
        ("explain", component, "canary"),
        ("diff", component),
        ("rehearse", component, "v2"),
        ("rollback", component),
        ("rollout", "why", component),
        ("rollout", "pause", component),
        ("rollout", "retry", component),
    ):
        ran = gitrel("-q", "-C", str(folder), *verb)
        calm(ran, 3)
        assert [line for line in ran.err.splitlines() if MARK not in line] == errors_of(case), verb
    assert list(everything(folder)) == before


RENDERED: dict[str, tuple[Any, str, str]] = {
    **{f"t{place:02}": (*row, "jinja") for place, row in enumerate(TEMPLATES.values())},
    **{f"p{place:02}": (*row, "plain") for place, row in enumerate(PLAIN.values())},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One repository with a component for each row of what rendering finds."""
    entries: dict[str, File | Link | Other] = {
        "environments/pipeline.yaml": File(support.PIPELINE.format(version="1.36").encode()),
        "environments/eu.yaml": File(support.ENVIRONMENT.encode()),
    }
    for name, (files, _, renderer) in RENDERED.items():
        described = support.COMPONENT.format(renderer=renderer).replace("name: web", f"name: {name}")
        entries[f"apps/{name}/component.yaml"] = File(described.encode())
        entries[f"apps/{name}/eu"] = Link("v1")
        for path, data in files.items():
            entries[f"apps/{name}/v1/{path}"] = File(data.encode() if isinstance(data, str) else data)
    folder = tmp_path_factory.mktemp("rendered")
    objects = store(folder / "objects", {"all": RawTree(entries)})
    return lay(folder / "repo", RawTree(entries), objects, "all")


def by_component(lines: list[str]) -> dict[str, list[str]]:
    """What is said of each component, without its folder; clashes between the rows are not what is meant."""
    told: dict[str, list[str]] = {}
    for line in lines:
        _, name, rest = line.split("/", 2)
        if "is written by the component" not in line:
            told.setdefault(name, []).append(rest.removeprefix("v1/").replace(f"apps/{name}/v1/", ""))
    return told


def test_all_that_rendering_finds_is_told_in_one_run(rendered: Path) -> None:
    """Every row of the tables of rendering at once: `validate` as text and as objects, exit 3."""
    before = list(everything(rendered))
    ran = gitrel("validate", "--no-cache", "-C", str(rendered))
    calm(ran, 3)
    assert by_component(ran.out.splitlines()) == {name: [row[1]] for name, row in RENDERED.items()}
    report = gitrel("validate", "--no-cache", "-C", str(rendered), "-o", "json").out
    assert lines_of(report) == ran.out.splitlines()
    assert list(everything(rendered)) == before


def test_nothing_that_cannot_be_rendered_is_applied(rendered: Path) -> None:
    """A pass over all of them tells each error and writes nothing, for each of them would break something."""
    wrong = [name for name, row in RENDERED.items() if "warning: " not in row[1]]
    before = list(everything(rendered))
    ran = gitrel("-q", "-C", str(rendered), "reconcile", *wrong)
    calm(ran, 3)
    assert ran.out == ""
    assert by_component(ran.err.splitlines()) == {name: [RENDERED[name][1]] for name in wrong}
    assert list(everything(rendered)) == before


@pytest.mark.parametrize("name", ["t00", "t14", "p01", "p13"])
def test_nobody_promotes_what_cannot_be_rendered(name: str, rendered: Path) -> None:
    """Promoting it, rendering it and rehearsing it say what is wrong, and write nothing."""
    before = list(everything(rendered))
    for verb in (("promote", name, "v1"), ("render", name), ("rehearse", name, "v1")):
        ran = gitrel("-q", "-C", str(rendered), *verb)
        calm(ran, 3)
        assert by_component(ran.err.splitlines())[name] == [RENDERED[name][1]]
    assert list(everything(rendered)) == before
