"""Repo layout: rows 2–6, 9–13 and 26, and C42."""
# ruff: noqa: E501 - what gitrel says stands on one line, as people see it

from __future__ import annotations

from gitrel.repo.tree import File, Link, Other
from tests.repo.bad_inputs.case import COMPONENT, ENVIRONMENT, Case

CASES = [
    Case(
        "no-apps",
        "2",
        {"apps": None},
        (
            "apps: there is no such folder, or nothing in it: run 'gitrel init', or name the config repository with --repo",
        ),
        (),
        True,
    ),
    Case(
        "no-environments",
        "2",
        {"environments": None},
        (
            "environments: there is no such folder, or nothing in it: run 'gitrel init', or name the config repository with --repo",
        ),
        (),
        True,
    ),
    Case(
        "apps-is-a-file",
        "2",
        {"apps": "hello"},
        ("apps: this is not a folder: run 'gitrel init', or name the config repository with --repo",),
        (),
        True,
    ),
    Case(
        "apps-is-a-link",
        "C4",
        {"apps": Link("/srv/apps")},
        ("apps: this is not a folder: run 'gitrel init', or name the config repository with --repo",),
        (),
        True,
    ),
    Case(
        "no-environment-file",
        "2",
        {
            "environments/canary.yaml": None,
            "environments/eastus.yaml": None,
            "environments/pipeline.yaml": None,
            "environments/README.md": "x",
        },
        (
            "environments: no environment is described here: add environments/<name>.yaml, or run 'gitrel init'",
        ),
        (),
        True,
    ),
    Case(
        "no-version",
        "3",
        {"apps/frontend/current": None, "apps/frontend/v1": None, "apps/frontend/v2": None},
        (
            "apps/frontend: the component has no version: add apps/frontend/current/ with the manifests",
            "apps/frontend/canary -> v2: no such version (there are none): point at one that exists",
            "apps/frontend/eastus/templates -> ../v1: no such version (there are none): point at one that exists",
        ),
    ),
    Case(
        "version-with-leading-zero",
        "4",
        {"apps/frontend/v01/x.yaml": "a: 1"},
        (
            "apps/frontend/v01: 'v01' is not the name of a version: a version is named current, v1, v2 … or v1.2: numbers without leading zeros",
        ),
    ),
    Case(
        "version-without-v",
        "4",
        {"apps/frontend/1.2.3/x.yaml": "a: 1"},
        (
            "apps/frontend/1.2.3: '1.2.3' is not the name of a version: a version is named current, v1, v2 … or v1.2: numbers without leading zeros",
        ),
    ),
    Case(
        "version-latest",
        "4",
        {"apps/frontend/latest/x.yaml": "a: 1"},
        (
            "apps/frontend/latest: 'latest' is not the name of a version: a version is named current, v1, v2 … or v1.2: numbers without leading zeros",
        ),
    ),
    Case(
        "version-with-space",
        "4",
        {"apps/frontend/v3 /x.yaml": "a: 1"},
        (
            "apps/frontend/v3 : 'v3 ' (U+0020 SPACE) is not the name of a version: a version is named current, v1, v2 … or v1.2: numbers without leading zeros",
            "apps/frontend/v3 : the name begins or ends with white space: 'v3 ' (U+0020 SPACE): rename it",
        ),
    ),
    Case(
        "version-is-a-file",
        "4",
        {"apps/frontend/v3": "a: 1"},
        ("apps/frontend/v3: a version is a folder, and this is a file: rename it",),
    ),
    Case(
        "version-is-a-link",
        "4",
        {"apps/frontend/v3": Link("v2")},
        (
            "apps/frontend/v3: a version is a folder of files, and this is a link to 'v2': copy the files; only environments are links",
        ),
    ),
    Case(
        "link-in-a-version",
        "C1",
        {"apps/frontend/v2/x.yaml": Link("/etc/passwd")},
        (
            "apps/frontend/v2/x.yaml: a version holds plain files, and this is a link to '/etc/passwd': copy the file here",
        ),
    ),
    Case(
        "case-collision",
        "5",
        {"apps/frontend/v2/Frontend-Service.yaml": "a: 1"},
        (
            "apps/frontend/v2/frontend-service.yaml: 'Frontend-Service.yaml' and 'frontend-service.yaml' are one name where case or accents do not count: rename one of them",
        ),
    ),
    Case(
        "unicode-collision",
        "5",
        {"apps/frontend/v2/caf\u00e9.yaml": "a: 1", "apps/frontend/v2/cafe\u0301.yaml": "a: 1"},
        (
            "apps/frontend/v2/café.yaml: 'café.yaml' (U+0301 COMBINING ACUTE ACCENT) and 'café.yaml' (U+00E9 LATIN SMALL LETTER E WITH ACUTE) are one name where case or accents do not count: rename one of them",
        ),
    ),
    Case(
        "environment-case-collision",
        "26",
        {"environments/Eastus.yaml": ENVIRONMENT},
        (
            "environments/Eastus.yaml: 'Eastus' cannot name an environment: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
            "environments/eastus.yaml: 'Eastus.yaml' and 'eastus.yaml' are one name where case or accents do not count: rename one of them",
        ),
        (),
        True,
    ),
    Case(
        "component-upper-case",
        "6",
        {"apps/Frontend2/v1/x.yaml": "a: 1"},
        (
            "apps/Frontend2: 'Frontend2' cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("Frontend2",),
    ),
    Case(
        "component-underscore",
        "6",
        {"apps/my_app/v1/x.yaml": "a: 1"},
        (
            "apps/my_app: 'my_app' cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("my_app",),
    ),
    Case(
        "component-leading-dash",
        "C42",
        {"apps/-rf/v1/x.yaml": "a: 1"},
        (
            "apps/-rf: '-rf' cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("-rf",),
    ),
    Case(
        "component-too-long",
        "6",
        {f"apps/{'a' * 64}/v1/x.yaml": "a: 1"},
        (
            "apps/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("a" * 64,),
    ),
    Case(
        "component-emoji",
        "6",
        {"apps/🚀/v1/x.yaml": "a: 1"},
        (
            "apps/🚀: '🚀' (U+1F680 ROCKET) cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("🚀",),
    ),
    Case(
        "component-named-like-a-version",
        "6",
        {"apps/v1/v1/x.yaml": "a: 1"},
        (
            "apps/v1: 'v1' cannot name a component: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        ("v1",),
    ),
    Case(
        "component-dot-dot",
        "C42",
        {"apps/../v1/x.yaml": "a: 1"},
        ("apps/..: not a name: '..': rename it",),
        ("..",),
    ),
    Case(
        "environment-named-like-a-version",
        "6",
        {"environments/v2.yaml": ENVIRONMENT},
        ("environments/v2.yaml: an environment cannot be called 'v2': versions are: rename it",),
        (),
        True,
    ),
    Case(
        "environment-bad-name",
        "6",
        {"environments/east_us.yaml": ENVIRONMENT},
        (
            "environments/east_us.yaml: 'east_us' cannot name an environment: use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)",
        ),
        (),
        True,
    ),
    Case(
        "name-with-escape",
        "6",
        {"apps/frontend/v2/\x1b[2J.yaml": "a: 1"},
        ("apps/frontend/v2/\\x1b[2J.yaml: the name has an invisible character: '\\x1b[2J.yaml': rename it",),
    ),
    Case(
        "name-with-backslash",
        "6",
        {"apps/frontend/v2/a\\b.yaml": "a: 1"},
        ("apps/frontend/v2/a\\b.yaml: the name has a backslash: 'a\\b.yaml': rename it",),
    ),
    Case(
        "unknown-file",
        "10",
        {"apps/frontend/componnt.yaml": COMPONENT},
        (
            "apps/frontend/componnt.yaml: warning: gitrel does not know 'componnt.yaml' (did you mean 'component.yaml'?): rename it or move it elsewhere",
        ),
        (),
    ),
    Case(
        "unknown-folder",
        "10",
        {"apps/frontend/curent/x.yaml": "a: 1"},
        (
            "apps/frontend/curent: warning: gitrel does not know 'curent' (did you mean 'current'?): rename it or move it elsewhere",
        ),
        (),
    ),
    Case(
        "unknown-environment-file",
        "10",
        {"environments/eastus.json": "{}"},
        (
            "environments/eastus.json: warning: gitrel does not know 'eastus.json': rename it or move it elsewhere",
        ),
        (),
    ),
    Case(
        "yml-component",
        "10",
        {"apps/frontend/component.yaml": None, "apps/frontend/component.yml": COMPONENT},
        ("apps/frontend/component.yml: gitrel reads component.yaml, not .yml: rename it",),
    ),
    Case(
        "yml-environment",
        "10",
        {"environments/westus.yml": ENVIRONMENT},
        ("environments/westus.yml: gitrel reads westus.yaml, not .yml: rename it",),
        (),
        True,
    ),
    Case(
        "folder-in-environments",
        "10",
        {"environments/old/westus.yaml": ENVIRONMENT},
        ("environments/old: warning: a folder where only files belong: move it",),
        (),
    ),
    Case(
        "tolerated-files",
        "10",
        {"apps/README.md": "x", "apps/frontend/OWNERS": "x", "environments/.gitkeep": ""},
        (),
        (),
    ),
    Case(
        "not-utf8",
        "11",
        {"apps/frontend/component.yaml": b"apiVersion: \xff\n"},
        ("apps/frontend/component.yaml:1: not UTF-8: byte 0xff at offset 12: save the file as UTF-8",),
    ),
    Case(
        "nul-byte",
        "11",
        {"apps/frontend/component.yaml": "kind: C\0mponent\n"},
        (
            "apps/frontend/component.yaml:1:8: NUL (U+0000) at byte offset 7: remove it, or write it as an escape in double quotes",
        ),
    ),
    Case(
        "bom-and-crlf",
        "11",
        {"apps/frontend/component.yaml": "\ufeff" + COMPONENT.replace("\n", "\r\n")},
        (),
        (),
    ),
    Case(
        "utf16",
        "11",
        {"apps/frontend/component.yaml": COMPONENT.encode("utf-16")},
        ("apps/frontend/component.yaml:1: not UTF-8: byte 0xff at offset 0: save the file as UTF-8",),
    ),
    Case(
        "empty-component-file",
        "12",
        {"apps/frontend/component.yaml": ""},
        (
            "apps/frontend/component.yaml:1:1: the file is empty: begin with 'apiVersion: gitrel.dev/v1alpha1' and 'kind: Component'",
        ),
    ),
    Case(
        "comments-only",
        "12",
        {"environments/canary.yaml": "# to do\n---\n"},
        (
            "environments/canary.yaml:1:1: the file is empty: begin with 'apiVersion: gitrel.dev/v1alpha1' and 'kind: Environment'",
        ),
        (),
        True,
    ),
    Case(
        "empty-parameters-file",
        "12",
        {"apps/frontend/eastus/eastus-parameters.yaml": "# none yet\n"},
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:1: warning: the file sets nothing: delete it, or write parameters",
        ),
        (),
    ),
    Case(
        "two-documents",
        "12",
        {"apps/frontend/component.yaml": COMPONENT + "---\n" + COMPONENT},
        ("apps/frontend/component.yaml:6:1: a second document: write it into a file of its own",),
    ),
    Case(
        "oversized-file",
        "13",
        {"apps/frontend/v2/big.yaml": Other("oversized file")},
        (
            "apps/frontend/v2/big.yaml: the file has more than 8,388,608 bytes: split it, or move it elsewhere",
        ),
    ),
    Case(
        "component-file-is-a-link",
        "C1",
        {"apps/frontend/component.yaml": Link("../../secrets.yaml")},
        (
            "apps/frontend/component.yaml: this must be a regular file, and is a link to '../../secrets.yaml': copy the file here",
        ),
    ),
    Case(
        "environment-file-is-a-link",
        "C1",
        {"environments/canary.yaml": Link("/etc/hostname")},
        (
            "environments/canary.yaml: this must be a regular file, and is a link to '/etc/hostname': copy the file here",
        ),
        (),
        True,
    ),
    Case(
        "lfs-pointer",
        "39",
        {"apps/frontend/component.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"},
        (
            "apps/frontend/component.yaml:1:1: this is a Git LFS pointer, not the file: commit the file itself: gitrel does not fetch from Git LFS",
        ),
    ),
    Case(
        "submodule",
        "39",
        {"apps/frontend/v3": Other("submodule")},
        ("apps/frontend/v3: a submodule was not opened: replace it by a regular file, or remove it",),
    ),
    Case(
        "released-version-deleted",
        "9",
        {"apps/frontend/v1": None},
        (
            "apps/frontend/eastus/templates -> ../v1: no such version (have: v2, current): point at one that exists",
        ),
    ),
    Case(
        "executable-bit-is-harmless",
        "10",
        {"apps/frontend/v2/x.yaml": File(b"a: 1", executable=True)},
        (),
        (),
    ),
]
