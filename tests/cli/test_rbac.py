"""`gitrel rbac` through the command line: which environments, which versions, which forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gitrel.orchestrator import commands
from tests import small
from tests.cli.support import gitrel
from tests.orchestrator.support import town


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`quiet` is a real cluster; the newest version brings a StatefulSet."""
    place = tmp_path_factory.mktemp("rbac")
    small.write(place)
    quiet = place / "environments/quiet.yaml"
    text = quiet.read_text(encoding="utf-8").replace(
        "{embedded: {nodes: 1}}", "{kubernetes: {context: real}}"
    )
    quiet.write_text(text, encoding="utf-8")
    newest = place / "apps/web/v2/web-deployment.yaml"
    text = newest.read_text(encoding="utf-8").replace("Deployment", "StatefulSet")
    (place / "apps/web/v2/web-statefulset.yaml").write_text(
        text.replace("replicas: 1", "replicas: 1\n  serviceName: web"), encoding="utf-8"
    )
    newest.unlink()
    return place


def test_real_environments_and_active_versions(folder: Path) -> None:
    """Only what is on a real cluster, and the kinds of what runs and of what is newest."""
    done = gitrel("rbac", "-C", str(folder))
    assert done.code == 0, done.err
    assert done.out.startswith("# What gitrel needs in quiet, for web v1, web v2.\n---\n")
    documents = [obj for obj in yaml.safe_load_all(done.out) if obj]
    (role,) = [obj for obj in documents if obj["kind"] == "Role"]
    resources = {name for rule in role["rules"] for name in rule["resources"]}
    assert resources == {"configmaps", "deployments", "events", "pods", "statefulsets"}


def test_as_json_and_as_a_table(folder: Path) -> None:
    """One row for each rule, with the whole cluster named as such."""
    rows = json.loads(gitrel("rbac", "-o", "json", "-C", str(folder)).out)["items"]
    assert {"environment": "quiet", "namespace": "", "apiGroups": [""], "resources": ["namespaces"],
            "verbs": ["get"], "resourceNames": ["kube-system", "shop"]} in rows  # fmt: skip
    assert "(cluster)" in gitrel("rbac", "-o", "table", "-C", str(folder)).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--environment", "mars"), "there is no environment 'mars'"),
        (("--service-account", "gitrel"), "--service-account gitrel: write it as NAMESPACE/NAME"),
    ],
)
def test_wrong_usage(folder: Path, words: tuple[str, ...], said: str) -> None:
    """Told with what to write instead."""
    done = gitrel("rbac", *words, "-C", str(folder))
    assert done.code == 2
    assert said in done.err


def test_bundled_clusters_need_none(tmp_path: Path) -> None:
    """Said as such; named, such an environment shows what it would need."""
    small.write(tmp_path)
    done = gitrel("rbac", "-C", str(tmp_path))
    assert done.code == 2
    assert "every environment is on the bundled cluster" in done.err
    assert gitrel("rbac", "--environment", "busy", "-C", str(tmp_path)).code == 0


def test_what_a_rollback_may_go_back_to_is_among_them(tmp_path: Path) -> None:
    """A kind that only a release of the past has: it is in the journal, and nothing points at it any more."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    with town(tmp_path) as place:
        place.write("apps/web/v1/web-service.yaml", service)
        file = "apps/web/component.yaml"
        text = (tmp_path / file).read_text(encoding="utf-8")
        place.write(file, text.replace("spec: {", "spec: {pruneLimit: 100%, "))
        place.settle()
        commands.promote(place.world, "web", "v2")
        place.settle()
        assert set(place.pointers().values()) == {"v2"}
    done = gitrel("rbac", "--environment", "quiet", "-C", str(tmp_path))
    assert done.code == 0, done.err
    assert "for web v2, web v1." in done.out
    (role,) = [obj for obj in yaml.safe_load_all(done.out) if obj and obj["kind"] == "Role"]
    assert "services" in {name for rule in role["rules"] for name in rule["resources"]}
