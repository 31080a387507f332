"""validate, render, explain, diff --base and schema, on a real repository and without any cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from tests.cli.conftest import commit
from tests.cli.support import edit, gitrel

CANARY = "c4nary-of-the-coal-mine"
SECRET = f"""apiVersion: v1
kind: Secret
metadata:
  name: frontend
stringData:
  password: {CANARY}
"""


def add_secret(repo: Path) -> None:
    """Gives v1 a Secret, and a template that lets its value leak into the Deployment."""
    (repo / "apps/frontend/v1/frontend-secret.yaml").write_text(SECRET, encoding="utf-8")
    edit(
        repo / "apps/frontend/v1/frontend-deployment.yaml",
        "          image: registry.example.com/frontend:1.0.0\n",
        "          image: registry.example.com/frontend:1.0.0\n"
        f"          args: ['--dsn=postgres://shop:{CANARY}@db/shop']\n",
    )


def test_the_example_is_valid(repo: Path) -> None:
    """The repository that everybody starts from has not a single problem, warnings included."""
    ran = gitrel("validate", "--strict", "-C", str(repo))
    assert (ran.code, ran.out) == (0, "")
    assert "3 components, 7 environments" in ran.err


def test_every_problem_is_told_at_its_line(repo: Path) -> None:
    """Two mistakes in two files are both told, with file, line and column, and the code is 3."""
    edit(repo / "environments/asia.yaml", "traffic: 10", "trafic: 10")
    edit(repo / "apps/worker/component.yaml", "meanTimeToSmoke: 2h", "meanTimeToSmoke: soon")
    ran = gitrel("validate", "-C", str(repo))
    assert ran.code == 3
    lines = ran.out.splitlines()
    assert any(line.startswith("environments/asia.yaml:9:") and "traffic" in line for line in lines)
    assert any(line.startswith("apps/worker/component.yaml:8:") for line in lines)


def test_problems_as_json(repo: Path) -> None:
    """Machines get the same problems as objects, and the same exit code."""
    edit(repo / "environments/asia.yaml", "traffic: 10", "trafic: 10")
    ran = gitrel("validate", "-C", str(repo), "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["kind"], document["valid"]) == (3, "ValidationReport", False)
    assert {"file", "line", "column", "severity", "what", "todo"} <= set(document["items"][0])


def test_a_template_that_fails_in_one_region_is_found_only_by_rendering(repo: Path) -> None:
    """What reads well may not render: found by default, skipped with --no-render."""
    edit(repo / "apps/frontend/v2/frontend-configmap.yaml", "parameters.logLevel", "parameters.nothing")
    assert gitrel("validate", "-C", str(repo), "--no-render").code == 0
    ran = gitrel("validate", "-C", str(repo))
    assert ran.code == 3
    assert "apps/frontend/v2/frontend-configmap.yaml:" in ran.out


def test_warnings_fail_only_when_strict(repo: Path) -> None:
    """Several objects in one file are worth a warning: told, harmless, and fatal with --strict."""
    path = repo / "apps/queue/current/queue-service.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "---\n" + text.replace("name: queue\n", "name: queue2\n", 1), encoding="utf-8")
    ran = gitrel("validate", "-C", str(repo))
    assert (ran.code, "warning: " in ran.out) == (0, True)
    assert gitrel("validate", "-C", str(repo), "--strict").code == 3
    assert gitrel("validate", "-C", str(repo), env={"GITREL_STRICT": "1"}).code == 3


def test_an_older_revision_can_be_validated(repo: Path) -> None:
    """--revision reads a commit, whatever the files on disk say now."""
    edit(repo / "environments/asia.yaml", "traffic: 10", "trafic: 10")
    assert gitrel("validate", "-C", str(repo)).code == 3
    assert gitrel("validate", "-C", str(repo), "--revision", "HEAD").code == 0
    assert gitrel("validate", "-C", str(repo), "--revision", "nowhere").code == 2


def test_render_prints_manifests_that_parse(repo: Path) -> None:
    """The YAML can be piped on: every document is an object, and the region's parameters are in it."""
    ran = gitrel("render", "frontend", "eastus", "-C", str(repo))
    objects = [document for document in yaml.safe_load_all(ran.out) if document]
    assert [obj["kind"] for obj in objects] == ["ConfigMap", "Service", "Deployment", "Ingress"]
    assert objects[2]["spec"]["replicas"] == 6
    assert "apps/frontend/v1/frontend-deployment.yaml" in ran.out


def test_render_another_version(repo: Path) -> None:
    """--version shows what would be, in all environments or in one."""
    ran = gitrel("render", "queue", "-C", str(repo), "--version", "v2", "-o", "json")
    items = json.loads(ran.out)["items"]
    assert {item["version"] for item in items} == {"v2"}
    assert len({item["environment"] for item in items}) == 7


def test_render_hides_secrets_unless_asked(repo: Path) -> None:
    """A Secret is shown nowhere, not even where a template leaked it, unless --show-secrets."""
    add_secret(repo)
    for output in ("yaml", "json", "table", "wide", "name"):
        assert CANARY not in gitrel("render", "frontend", "asia", "-C", str(repo), "-o", output).out
    assert CANARY in gitrel("render", "frontend", "asia", "-C", str(repo), "--show-secrets").out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("render", "frontent"), "did you mean 'frontend'"),
        (("render", "frontend", "eastsu"), "did you mean 'eastus'"),
        (("render", "frontend", "--version", "v9"), "v1, v2"),
        (("explain", "frontend", "asia", "replica"), "did you mean 'replicas'"),
        (("diff", "--base", "nowhere"), "nowhere"),
        (("rehearse", "frontend", "v9"), "v1"),
    ],
)
def test_unknown_names_are_wrong_usage_with_a_hint(repo: Path, arguments: tuple[str, ...], hint: str) -> None:
    """A mistyped name costs one look: the message says what was meant or what there is."""
    ran = gitrel(*arguments, "-C", str(repo))
    assert ran.code == 2
    assert hint in ran.err


def test_a_broken_component_does_not_hide_the_others(repo: Path) -> None:
    """One component's mistake refuses questions about it, and none about another."""
    edit(repo / "apps/worker/component.yaml", "meanTimeToSmoke: 2h", "meanTimeToSmoke: soon")
    assert gitrel("render", "frontend", "asia", "-C", str(repo)).code == 0
    ran = gitrel("render", "worker", "asia", "-C", str(repo))
    assert ran.code == 3
    assert "apps/worker/component.yaml:8" in ran.err


def test_explain_names_the_winner_and_what_it_won_over(repo: Path) -> None:
    """The origin of a value is a file and a line, and every value it overrode is listed, nearest first."""
    document = json.loads(
        gitrel("explain", "frontend", "eastus", "replicas", "-C", str(repo), "-o", "json").out
    )
    (item,) = document["items"]
    assert (item["value"], item["origin"]) == (6, "apps/frontend/eastus/eastus-parameters.yaml:3")
    assert [(o["value"], o["origin"].split(":")[0]) for o in item["overrides"]] == [
        (4, "environments/eastus.yaml"),
        (2, "environments/pipeline.yaml"),
    ]


def test_explain_shows_flags_too(repo: Path) -> None:
    """Whether a feature is on somewhere, and which file says so, is the same question."""
    ran = gitrel("explain", "frontend", "development", "-C", str(repo), "--no-headers")
    assert re.search(r"^newCheckout +true +environments/development.yaml:", ran.out, re.MULTILINE)


def test_diff_against_a_base_shows_every_region(repo: Path) -> None:
    """A change of one shared value is told once, with every place it reaches; the code is 1."""
    edit(repo / "apps/frontend/component.yaml", "cacheSize: 64Mi", "cacheSize: 96Mi")
    ran = gitrel("diff", "--base", "HEAD", "-C", str(repo))
    assert ran.code == 1
    assert ran.out.count("+  CACHE_SIZE: 96Mi") == 1
    assert "\nin development, canary, asia, europe, westus (" in ran.out  # the others have their own value
    assert gitrel("diff", "--base", "HEAD", "-C", str(repo), "--revision", "HEAD").code == 0
    commit(repo)
    assert gitrel("diff", "--base", "HEAD", "-C", str(repo)).code == 0


def test_diff_tells_new_and_gone_objects(repo: Path) -> None:
    """A file that is added or removed is a created or deleted object; -o name lists them."""
    (repo / "apps/queue/v1/queue-service.yaml").unlink()
    add_secret(repo)
    ran = gitrel("diff", "--base", "HEAD", "-C", str(repo), "-o", "json")
    words = {(item["kind"], item["change"]) for item in json.loads(ran.out)["items"]}
    assert {("Service", "deleted"), ("Secret", "created"), ("Deployment", "configured")} <= words


def test_diff_shows_that_a_secret_changed_and_not_to_what(repo: Path) -> None:
    """A new password is a difference; neither the old nor the new one is printed in any format."""
    add_secret(repo)
    commit(repo)
    edit(repo / "apps/frontend/v1/frontend-secret.yaml", CANARY, CANARY + "-new")
    for output in ("diff", "markdown", "json", "yaml"):
        ran = gitrel("diff", "--base", "HEAD", "frontend", "asia", "-C", str(repo), "-o", output)
        assert ran.code == 1
        assert "hidden" in ran.out
        assert CANARY not in ran.out + ran.err


def test_names_from_git_cannot_drive_the_terminal(repo: Path) -> None:
    """An escape sequence in a parameter is shown as text, in every format."""
    edit(repo / "environments/asia.yaml", "asia.example.com", '"asia\\e]8;;http://evil\\a\\u202e"')
    for output in ("table", "wide", "json", "yaml", "name"):
        ran = gitrel("explain", "frontend", "asia", "-C", str(repo), "-o", output, env={"FORCE_COLOR": "1"})
        assert ran.code == 0
        assert "\x1b]" not in ran.out
        assert "\u202e" not in ran.out


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("Pipeline", "environments/pipeline.yaml"),
        ("environment", "environments/asia.yaml"),
        ("component", "apps/worker/component.yaml"),
        ("Parameters", "apps/frontend/eastus/eastus-parameters.yaml"),
    ],
)
def test_schemas_accept_the_example(repo: Path, kind: str, file: str) -> None:
    """The published JSON Schema accepts what gitrel accepts, and refuses an unknown field."""
    schema = json.loads(gitrel("schema", kind).out)
    document = yaml.safe_load((repo / file).read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(document)
    assert not validator.is_valid({**document, "surprise": 1})


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "name"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "worker", "asia"),
        ("explain", "worker", "asia"),
        ("diff", "--base", "HEAD"),
        ("schema",),
        ("validate",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_read_has_every_format(repo: Path, arguments: tuple[str, ...], output: str) -> None:
    """Each reading verb answers in each format; JSON and YAML parse."""
    options = () if arguments == ("schema",) else ("-C", str(repo))
    ran = gitrel(*arguments, *options, "-o", output)
    assert ran.code == 0
    if output == "json":
        json.loads(ran.out)
    if output == "yaml":
        list(yaml.safe_load_all(ran.out))


def test_headers_can_be_left_out(repo: Path) -> None:
    """--no-headers leaves rows alone, for scripts that cut columns."""
    with_headers = gitrel("explain", "worker", "asia", "-C", str(repo)).out.splitlines()
    without = gitrel("explain", "worker", "asia", "-C", str(repo), "--no-headers").out.splitlines()
    assert with_headers[0].startswith("NAME")
    assert len(without) == len(with_headers) - 1


def test_the_repository_is_found_from_below(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standing in a subfolder is as good as standing at the root."""
    monkeypatch.chdir(repo / "apps" / "frontend")
    assert gitrel("validate", "--no-render").code == 0
