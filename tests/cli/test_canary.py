"""Canaries: a value in a Secret, a file outside, a variable: nobody repeats them.

Every verb is run on a repository that holds all three, in health and in trouble, and everything that comes
out is searched, in each coding: both streams, the journal, pointer commits, and files that verbs write.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.conftest import commit, git
from tests.cli.support import gitrel
from tests.cli.test_acting import make

SECRET = "canary-in/a&secret+value"
FILE = "canary-in-a-file-outside"
VARIABLE = "canary-in-a-variable"
SECRETS = """\
apiVersion: v1
kind: Secret
metadata: {name: web}
%s
"""
LEAKY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1
          env: [{name: DSN, value: "db://bob:%s@db/x"}]
"""
VERBS = (
    "validate", "validate -o json", "render web", "render web asia -o json", "render web -o wide",
    "explain web asia", "explain web asia -o json", "diff", "diff -o json", "diff --base HEAD~1",
    "reconcile -o json", "reconcile --debug", "promote web v2 -o yaml", "promote web v3 --wait --timeout 2s",
    "rollback web", "status", "status -o json", "rollout status web -o json", "rollout why web -o json",
    "rollout list", "rollout history web -o json", "rollout verify -o json",
    "rehearse web v2 -o json --events events.jsonl", "schema component",
)  # fmt: skip


def codings(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    for shift in range(3):  # base64 of any text around it
        coded = base64.b64encode(b"x" * shift + value.encode()).decode().rstrip("=")
        yield coded[4 if shift else 0 : -4]


WANTED = frozenset(coding for value in (SECRET, FILE, VARIABLE) for coding in codings(value))


def singing(text: str) -> set[str]:
    return {coding for coding in WANTED if coding in text}


@pytest.fixture
def nest(tmp_path: Path) -> Path:
    """A repository whose versions all hold the secret, and put it where it does not belong."""
    folder = make(tmp_path / "nest")
    for version in ("current", "v1", "v2", "v3"):
        data = f'stringData: {{password: "{SECRET}", version: {version}, token: "{VARIABLE[::-1]}"}}'
        (folder / f"apps/web/{version}/web-secret.yaml").write_text(SECRETS % data, encoding="utf-8")
        (folder / f"apps/web/{version}/web-deployment.yaml").write_text(LEAKY % SECRET, encoding="utf-8")
    (tmp_path / "outside.yaml").write_text(f"kind: {FILE}\n{FILE}\n", encoding="utf-8")
    commit(folder)
    return folder


def searched(folder: Path, *verbs: str) -> dict[str, set[str]]:
    """What was heard of the canaries, verb by verb; each must have said something at all."""
    heard = {}
    for verb in verbs:
        arguments = [str(folder / word) if word == "events.jsonl" else word for word in verb.split()]
        ran = gitrel("-C", str(folder), *arguments, env={"DATABASE_PASSWORD": VARIABLE})
        assert ran.out + ran.err, verb
        assert ran.code != 70, (verb, ran.err)
        if found := singing(ran.out + ran.err):
            heard[verb] = found
    return heard


def written(folder: Path) -> str:
    """All that gitrel wrote for others to read: the journal, messages of commits, and event files."""
    journal = git(folder, "log", "-p", "refs/gitrel/journal")
    events = folder / "events.jsonl"
    return journal + git(folder, "log") + (events.read_text(encoding="utf-8") if events.exists() else "")


def test_no_verb_repeats_a_secret(nest: Path) -> None:
    """A release goes round, with the secret in a Secret and, by mistake, in a Deployment's environment."""
    assert searched(nest, *VERBS) == {}
    assert "environment.planned" in (nest / "events.jsonl").read_text(encoding="utf-8")
    assert singing(written(nest)) == set()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(f'data: {{password: "{SECRET}"}}', id="no base64"),
        pytest.param(f'stringData: {{password: ["{SECRET}"]}}', id="a list"),
        pytest.param(f'stringData: {{password: "{SECRET}"}}\ntype: [{FILE}]', id="wrong type"),
        pytest.param(f'stringData:\n  password: "{SECRET}"\n  password: "{SECRET}"', id="twice"),
        pytest.param(f'stringData: {{password: "{SECRET}}}', id="an unclosed quote"),
        pytest.param(
            f'stringData: {{password: {{{{ "{SECRET}" | int(base=parameters.x) }}}}}}', id="template"
        ),
    ],
)
def test_no_message_repeats_a_secret(nest: Path, data: str) -> None:
    """Whatever is wrong with a Secret, what is said of it names the place and not the value."""
    (nest / "apps/web/component.yaml").write_text(
        "apiVersion: gitrel.dev/v1alpha1\nkind: Component\nspec: {renderer: jinja}\n", encoding="utf-8"
    )
    (nest / "apps/web/v2/web-secret.yaml").write_text(SECRETS % data, encoding="utf-8")
    commit(nest)
    assert (
        searched(nest, "validate", "render web --version v2", "promote web v2 --debug", "rehearse web v2")
        == {}
    )


def test_a_cluster_that_refuses_does_not_repeat_it(nest: Path) -> None:
    """The API server's refusal to change an immutable Secret comes through without what is in it."""
    for version in ("v1", "v2"):
        path = nest / f"apps/web/{version}/web-secret.yaml"
        path.write_text(path.read_text(encoding="utf-8") + "immutable: true\n", encoding="utf-8")
    (nest / "apps/web/v1/web-deployment.yaml").unlink()
    (nest / "apps/web/v2/web-deployment.yaml").unlink()
    commit(nest)
    assert searched(nest, "reconcile --wait --timeout 60s", "promote web v2", "rollout why web", "diff") == {}
    assert singing(written(nest)) == set()


@pytest.mark.parametrize("outside", ["{tmp}/outside.yaml", "../../../../outside.yaml", "/proc/self/environ"])
def test_nothing_outside_is_opened(nest: Path, outside: str) -> None:
    """However a link or an include leads out, neither the content nor its first letter comes back."""
    target = outside.format(tmp=nest.parent)
    for path in ("apps/web/v2/web-configmap.yaml", "environments/europe.yaml", "apps/web/asia"):
        (nest / path).unlink()
        (nest / path).symlink_to(target)
    (nest / "apps/web/v3/web-configmap.yaml").write_text(f"{{% include '{target}' %}}\n", encoding="utf-8")
    (nest / "apps/web/component.yaml").symlink_to(target)
    commit(nest)
    assert (
        searched(nest, "validate", "validate --revision HEAD", "render web", "reconcile", "promote web v2")
        == {}
    )


def test_the_canaries_can_sing(nest: Path) -> None:
    """The search finds what is shown on purpose: otherwise finding nothing would prove nothing."""
    assert SECRET in gitrel("-C", str(nest), "render", "web", "asia", "--show-secrets").out
    assert singing(base64.b64encode(b"ab" + SECRET.encode() + b"cd").decode())
    shutil.rmtree(nest)
