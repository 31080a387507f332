"""Symlinks as truth: rows 14–20 and 23–25."""
# ruff: noqa: E501 - what gitrel says stands on one line, as people see it

from __future__ import annotations

from gitrel.repo.tree import File, Link, Other
from tests.repo.bad_inputs.case import Case

CANARY = "apps/frontend/canary"
TEMPLATES = "apps/frontend/eastus/templates"

CASES = [
    Case(
        "dangling",
        "14",
        {CANARY: Link("v9")},
        ("apps/frontend/canary -> v9: no such version (have: v1, v2, current): point at one that exists",),
    ),
    Case(
        "dangling-in-a-folder",
        "14",
        {TEMPLATES: Link("../v9")},
        (
            "apps/frontend/eastus/templates -> ../v9: no such version (have: v1, v2, current): point at one that exists",
        ),
    ),
    Case(
        "absolute",
        "15",
        {CANARY: Link("/repo/apps/frontend/v2")},
        (
            "apps/frontend/canary -> /repo/apps/frontend/v2: an absolute link leads elsewhere on every machine: write 'v2'",
        ),
    ),
    Case(
        "absolute-in-a-folder",
        "15",
        {TEMPLATES: Link("/etc")},
        (
            "apps/frontend/eastus/templates -> /etc: an absolute link leads elsewhere on every machine: write '../v2'",
        ),
    ),
    Case(
        "leaves-the-root",
        "16",
        {CANARY: Link("../../../etc/passwd")},
        (
            "apps/frontend/canary -> ../../../etc/passwd: the link leaves the repository: point at a version of the same component",
        ),
    ),
    Case(
        "leaves-and-comes-back",
        "16",
        {CANARY: Link("../../../repo/apps/frontend/v2")},
        (
            "apps/frontend/canary -> ../../../repo/apps/frontend/v2: the link leaves the repository: point at a version of the same component",
        ),
    ),
    Case(
        "longer-way-to-the-same-place",
        "16",
        {CANARY: Link("../frontend/v2")},
        ("apps/frontend/canary -> ../frontend/v2: not the shortest spelling: write 'v2'",),
    ),
    Case(
        "trailing-slash",
        "16",
        {CANARY: Link("v2/")},
        ("apps/frontend/canary -> v2/: not the shortest spelling: write 'v2'",),
    ),
    Case(
        "at-the-root",
        "16",
        {CANARY: Link("../..")},
        ("apps/frontend/canary -> ../..: not a version: write 'v2'",),
    ),
    Case(
        "at-its-component",
        "16",
        {CANARY: Link(".")},
        ("apps/frontend/canary -> .: not a version: write 'v2'",),
    ),
    Case(
        "at-the-environments",
        "16",
        {CANARY: Link("../../environments")},
        (
            "apps/frontend/canary -> ../../environments: points outside of apps/: point at a version of frontend",
        ),
    ),
    Case(
        "link-to-a-link",
        "17",
        {"apps/worker/canary": Link("eastus")},
        (
            "apps/worker/canary -> eastus: points at another link, apps/worker/eastus: one hop only: point at the version itself",
        ),
        ("worker",),
    ),
    Case(
        "link-through-a-link",
        "17",
        {TEMPLATES: Link("../canary/x")},
        (
            "apps/frontend/eastus/templates -> ../canary/x: leads through another link, apps/frontend/canary: one hop only: point at the version itself",
        ),
    ),
    Case(
        "links-to-itself",
        "17",
        {CANARY: Link("canary")},
        (
            "apps/frontend/canary -> canary: links go round in a circle: canary -> canary: point one of them at a version",
        ),
    ),
    Case(
        "circle-of-two",
        "17",
        {"apps/worker/canary": Link("eastus"), "apps/worker/eastus": Link("canary")},
        (
            "apps/worker/canary -> eastus: links go round in a circle: canary -> eastus -> canary: point one of them at a version",
            "apps/worker/eastus -> canary: links go round in a circle: eastus -> canary -> eastus: point one of them at a version",
        ),
        ("worker",),
    ),
    Case(
        "chain-of-41",
        "17",
        {**{f"apps/frontend/l/{n}": Link(f"{n + 1}") for n in range(41)}, CANARY: Link("l/0")},
        (
            "apps/frontend/canary -> l/0: points at another link, apps/frontend/l/0: one hop only: point at the version itself",
            "apps/frontend/l: warning: gitrel does not know 'l': rename it or move it elsewhere",
        ),
    ),
    Case(
        "at-a-file",
        "18",
        {CANARY: Link("component.yaml")},
        ("apps/frontend/canary -> component.yaml: points at a file: point at a version, which is a folder",),
    ),
    Case(
        "through-a-file",
        "18",
        {CANARY: Link("component.yaml/v2")},
        (
            "apps/frontend/canary -> component.yaml/v2: leads through a file, apps/frontend/component.yaml: point at a version",
        ),
    ),
    Case(
        "inside-a-version",
        "18",
        {CANARY: Link("v2/frontend-service.yaml")},
        (
            "apps/frontend/canary -> v2/frontend-service.yaml: points at a file: point at a version, which is a folder",
        ),
    ),
    Case(
        "at-another-component",
        "18",
        {CANARY: Link("../worker/v1")},
        (
            "apps/frontend/canary -> ../worker/v1: points into another component, worker: point at a version of frontend",
        ),
    ),
    Case(
        "at-another-environment",
        "18",
        {CANARY: Link("eastus")},
        (
            "apps/frontend/canary -> eastus: points at another environment or folder, not at a version: point at the version itself",
        ),
    ),
    Case(
        "regular-file-with-the-target",
        "19",
        {CANARY: "v2"},
        (
            "apps/frontend/canary: a regular file with the text 'v2' where a link belongs: check out with 'git config core.symlinks true', or read a commit instead of the work tree",
        ),
    ),
    Case(
        "regular-file-with-the-target-in-a-folder",
        "19",
        {TEMPLATES: "../v1"},
        (
            "apps/frontend/eastus/templates: a regular file with the text '../v1' where a link belongs: check out with 'git config core.symlinks true', or read a commit instead of the work tree",
        ),
    ),
    Case(
        "regular-file-where-git-has-a-link",
        "19",
        {CANARY: File(b"somewhere/else", link_by_mode=True)},
        (
            "apps/frontend/canary: a regular file with the text 'somewhere/else' where a link belongs: check out with 'git config core.symlinks true', or read a commit instead of the work tree",
        ),
    ),
    Case(
        "some-other-file",
        "19",
        {CANARY: "kind: Service\n"},
        ("apps/frontend/canary: a regular file where a pointer belongs: make it a link such as '-> v2'",),
    ),
    Case(
        "real-folder",
        "20",
        {CANARY: None, "apps/frontend/canary/frontend-service.yaml": "kind: Service\n"},
        (
            "apps/frontend/canary: a folder without 'templates', so it points at no version: add the link templates -> ../v2, or make canary itself a link such as '-> v2'",
            "apps/frontend/canary/frontend-service.yaml: warning: gitrel does not know 'frontend-service.yaml': rename it or move it elsewhere",
        ),
    ),
    Case(
        "real-folder-as-templates",
        "20",
        {TEMPLATES: None, "apps/frontend/eastus/templates/x.yaml": "a: 1\n"},
        (
            "apps/frontend/eastus/templates: a real folder where a pointer belongs: make it a link such as '-> ../v2'",
        ),
    ),
    Case(
        "parameters-without-templates",
        "20",
        {TEMPLATES: None},
        (
            "apps/frontend/eastus: a folder without 'templates', so it points at no version: add the link templates -> ../v2, or make eastus itself a link such as '-> v2'",
        ),
    ),
    Case(
        "unknown-environment",
        "23",
        {"apps/frontend/westus": Link("v2")},
        (
            "apps/frontend/westus: no environment is called 'westus' (did you mean 'eastus'?) (have: canary, eastus): rename it, or add environments/westus.yaml",
        ),
    ),
    Case(
        "misspelt-environment-folder",
        "23",
        {"apps/frontend/eastsu/templates": Link("../v2")},
        (
            "apps/frontend/eastsu: no environment is called 'eastsu' (did you mean 'eastus'?) (have: canary, eastus): rename it, or add environments/eastsu.yaml",
        ),
    ),
    Case(
        "fifo",
        "24",
        {CANARY: Other("FIFO")},
        ("apps/frontend/canary: a FIFO was not opened: replace it by a regular file, or remove it",),
    ),
    Case(
        "hard-link",
        "24",
        {"apps/frontend/v2/x.yaml": Other("hard link")},
        ("apps/frontend/v2/x.yaml: a hard link was not opened: replace it by a regular file, or remove it",),
    ),
    Case(
        "device-as-component-file",
        "24",
        {"apps/frontend/component.yaml": Other("device")},
        (
            "apps/frontend/component.yaml: a device was not opened: replace it by a regular file, or remove it",
        ),
    ),
    Case(
        "target-with-carriage-return",
        "25",
        {CANARY: Link("v2\r")},
        (
            "apps/frontend/canary -> 'v2\\r' (U+000D): the target has white space or control characters: write the link again",
        ),
    ),
    Case(
        "target-with-newline",
        "25",
        {CANARY: Link("v2\n")},
        (
            "apps/frontend/canary -> 'v2\\n' (U+000A): the target has white space or control characters: write the link again",
        ),
    ),
    Case(
        "target-with-space",
        "25",
        {CANARY: Link("v2 ")},
        (
            "apps/frontend/canary -> 'v2 ' (U+0020 SPACE): the target has white space or control characters: write the link again",
        ),
    ),
    Case(
        "target-with-escape",
        "25",
        {CANARY: Link("v2\x1b[31m")},
        (
            "apps/frontend/canary -> 'v2\\x1b[31m': the target has white space or control characters: write the link again",
        ),
    ),
    Case(
        "region-on-current",
        "18",
        {CANARY: Link("current"), TEMPLATES: Link("../current")},
        (
            "apps/frontend/eastus/templates: warning: a region that runs 'current' changes with every edit: cut a version and point at it",
        ),
        (),
    ),
]
