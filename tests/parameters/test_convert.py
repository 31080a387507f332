"""apiVersions that are gone: rewritten where that is all there is to do, and named where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitrel.render.convert import convert
from gitrel.repo.model import Origin, TemplateFile
from tests.cli.support import gitrel
from tests.parameters.repository import Repository
from tests.parameters.support import CONFIG

CRON = """\
# Clean up every night.
apiVersion: batch/v1beta1   # since 2019
kind: CronJob
metadata: {name: clean}
spec:
    schedule: "0 3 * * *"
    jobTemplate:
        spec:
            template:
                spec: {restartPolicy: Never, containers: [{name: a, image: a}]}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: example.com
      http: {paths: [{path: /, backend: {serviceName: web, servicePort: 80}}]}
"""


def edited(text: str, path: str = "a.yaml", version: str = "1.36") -> tuple[str, list[str]]:
    found = convert(TemplateFile(path, text.encode(), Origin(path)), version)
    return found.data.decode(), [str(problem) for problem in found.problems]


TEXTS = {
    "comments and layout stay": ("a.yaml", CRON, CRON.replace("batch/v1beta1", "batch/v1")),
    "quotes stay": (
        "a.yaml",
        "kind: CronJob\napiVersion: 'batch/v1beta1'\n",
        "kind: CronJob\napiVersion: 'batch/v1'\n",
    ),
    "flow style": (
        "a.yaml",
        "{kind: CronJob, apiVersion: batch/v1beta1, metadata: {}}\n",
        "{kind: CronJob, apiVersion: batch/v1, metadata: {}}\n",
    ),
    "JSON": (
        "a.json",
        '{"apiVersion": "batch/v1beta1", "kind": "CronJob"}',
        '{"apiVersion": "batch/v1", "kind": "CronJob"}',
    ),
    "several documents, one of them right": (
        "a.yaml",
        f"{CONFIG}---\n{CRON}---\n{CRON}",
        f"{CONFIG}---\n{CRON}---\n{CRON}".replace("v1beta1", "v1"),
    ),
    "a list": (
        "a.yaml",
        "kind: List\napiVersion: v1\nitems:\n  - kind: CronJob\n    apiVersion: batch/v1beta1\n",
        "kind: List\napiVersion: v1\nitems:\n  - kind: CronJob\n    apiVersion: batch/v1\n",
    ),
    "a template": (
        "a.yaml.j2",
        "{% if flags.x %}\n" + CRON.replace("clean", "{{ component }}") + "{% endif %}\n",
        "{% if flags.x %}\n"
        + CRON.replace("clean", "{{ component }}").replace("v1beta1", "v1")
        + "{% endif %}\n",
    ),
    "windows line ends": (
        "a.yaml",
        "apiVersion: batch/v1beta1\r\nkind: CronJob\r\n",
        "apiVersion: batch/v1\r\nkind: CronJob\r\n",
    ),
    "a byte-order mark": (
        "a.yaml",
        "\ufeffapiVersion: batch/v1beta1\nkind: CronJob\n",
        "\ufeffapiVersion: batch/v1\nkind: CronJob\n",
    ),
    "what is served stays": ("a.yaml", CONFIG, CONFIG),
    "a word in a text stays": (
        "a.yaml",
        CONFIG.replace("b}", '"apiVersion: batch/v1beta1, kind: CronJob"}'),
        CONFIG.replace("b}", '"apiVersion: batch/v1beta1, kind: CronJob"}'),
    ),
    "no YAML": ("notes.txt", CRON, CRON),
}


@pytest.mark.parametrize("case", TEXTS)
def test_only_the_api_version_changes(case: str) -> None:
    """Every other character of the file is as it was; doing it again changes nothing."""
    path, before, after = TEXTS[case]
    assert edited(before, path) == (after, [])
    assert edited(after, path) == (after, [])


def test_what_cannot_be_converted_is_named() -> None:
    """Without a replacement, and where the text is written elsewhere, a person has to do it."""
    _, told = edited("apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\n")
    assert told == [
        "a.yaml:1: policy/v1beta1 PodSecurityPolicy was removed in Kubernetes 1.25: "
        "there is no replacement: remove it"
    ]
    alias = "x: &v batch/v1beta1\nkind: CronJob\napiVersion: *v\n"
    assert edited(alias)[0] == alias
    assert "write batch/v1 by hand" in edited(alias)[1][0]


def test_an_older_target_keeps_what_it_serves() -> None:
    """What the pipeline's Kubernetes still serves is left alone."""
    text = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\n"
    assert edited(text, version="1.30")[0] == text
    assert "apiVersion: flowcontrol.apiserver.k8s.io/v1\n" in edited(text, version="1.36")[0]


CURRENT = "apps/web/current/"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit("Old things", {CURRENT + "clean.yaml": CRON, CURRENT + "web.yaml": INGRESS})
    return made


def test_convert_writes_what_becomes_right(repository: Repository) -> None:
    """current/ is rewritten, a released version never; what needs other fields is left and named."""
    released = repository.folder / "apps/web/v1/clean.yaml"
    released.write_text(CRON)
    ran = gitrel("convert", "web", "-C", str(repository.folder))
    assert ran.code == 3
    assert "-apiVersion: batch/v1beta1" in ran.out
    assert "+apiVersion: batch/v1 " in ran.out
    assert (repository.folder / CURRENT / "clean.yaml").read_text() == CRON.replace("v1beta1", "v1")
    assert (repository.folder / CURRENT / "web.yaml").read_text() == INGRESS
    assert released.read_text() == CRON
    assert (
        f"{CURRENT}web.yaml:1: networking.k8s.io/v1beta1 Ingress cannot become networking.k8s.io/v1 by itself"
        in ran.err
    )
    assert "serviceName" in ran.err
    assert "1 file changed" in ran.err


def test_a_dry_run_writes_nothing(repository: Repository) -> None:
    """The same diff, and the files as they were."""
    ran = gitrel("convert", "--dry-run", "-C", str(repository.folder), "-o", "json")
    assert (repository.folder / CURRENT / "clean.yaml").read_text() == CRON
    report = json.loads(ran.out)
    assert [(i["file"], i["from"], i["to"]) for i in report["items"]] == [
        (f"{CURRENT}clean.yaml", "batch/v1beta1", "batch/v1")
    ]
    assert len(report["left"]) == 1


def test_another_target_can_be_named(repository: Repository) -> None:
    """Before an upgrade one asks for the version to come; an unknown one is wrong usage."""
    ran = gitrel("convert", "--kubernetes-version", "9.9", "-C", str(repository.folder))
    assert ran.code == 2
    assert "not known (have: 1.25" in ran.err
