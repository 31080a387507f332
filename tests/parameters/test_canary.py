"""A secret goes all the way into a cluster, and into nothing that anybody prints, keeps or publishes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.support import gitrel
from tests.parameters.repository import Repository
from tests.parameters.support import HEAD
from tests.parameters.test_sops import CANARY, CONFIG, FILE, PARAMETERS, PLAIN, sops

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum: {{ parameters.password | sha256 | tojson }}}
    spec:
      containers:
        - name: web
          image: example.com/web:v1
          env:
            - {name: PASSWORD, value: {{ parameters.password | tojson }}}
            - {name: URL, value: {{ ("https://user:" ~ parameters.password ~ "@example.com") | tojson }}}
"""
# Holds another secret: the masker learns a Secret's values anyway, and must not have to.
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {port: {{ parameters.port | string | tojson }}}
"""


def forms() -> list[str]:
    """How the canary may show: itself, its parts, escaped, in URLs, in base64 at any offset, digested."""
    found = [CANARY, "canary", "7f3a", json.dumps(CANARY)[1:-1], quote(CANARY, safe=""), quote(CANARY)]
    found += [base64.b64encode(b"x" * n + CANARY.encode()).decode()[4:-4] for n in range(3)]
    return [*found, hashlib.sha256(CANARY.encode()).hexdigest()]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "r").mkdir()
    made = Repository(tmp_path / "r")
    (made.folder / "apps/web/eu").unlink()
    (made.folder / "apps/web/us/templates").unlink()
    (made.folder / "apps/web/v1/web-configmap.yaml").unlink()
    return_to = {FILE: PARAMETERS, "apps/web/eu/templates": "-> ../v1", "apps/web/v1/a.yaml.j2": CONFIG}
    made.commit("Add a secret", {**return_to, "environments/eu.yaml": f"{HEAD}kind: Environment\n"})
    more = {"apps/web/v1/b.yaml.j2": DEPLOYMENT, "apps/web/v1/c.yaml.j2": SECRET}
    made.commit("Use it", more)
    return made


def test_the_secret_shows_nowhere(repository: Repository, tmp_path: Path) -> None:
    """Every verb that reads the release, in every form of output, with an error too; then all of Git."""
    tools = sops(tmp_path, PLAIN)
    path = os.pathsep.join((tools.environment["PATH"], os.environ["PATH"]))
    places = {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
    places["GITREL_ACTOR"] = "Ada <ada@example.com>"
    told = []

    def run(*arguments: str) -> int:
        ran = gitrel(*arguments, "-C", str(repository.folder), env=places)
        told.append(f"$ {arguments}\n{ran.out}{ran.err}")
        return ran.code

    assert run("render", "web", "eu") == 0
    assert run("render", "web", "eu", "-o", "json") == 0
    assert run("diff", "--base", "HEAD~1") == 1
    for form in ("json", "markdown"):
        assert run("diff", "--base", "HEAD~1", "-o", form) == 1
    assert run("explain", "web", "eu") == 0
    assert run("drift") == 0
    assert run("reconcile", "web", "--log-level", "debug") in (0, 4, 6), told[-1]
    assert run("reconcile", "web") in (0, 4, 6)
    assert run("status") == 0
    assert run("rollout", "history", "web", "-o", "json") == 0
    repository.write(
        {"apps/web/v1/b.yaml.j2": DEPLOYMENT.replace("{name: web}", "{name: {{ parameters.password }}}")}
    )
    assert run("validate") == 3
    assert run("render", "web", "eu") == 3
    objects = subprocess.run(
        ["git", "-C", str(repository.folder), "cat-file", "--batch-all-objects", "--batch"],
        capture_output=True, check=True,
    ).stdout.decode(errors="replace")  # fmt: skip
    kept = "".join(
        file.read_bytes().decode(errors="replace") for file in (tmp_path / "c").rglob("*") if file.is_file()
    )
    everything = "\n".join((*told, objects, kept))
    shown = [form for form in forms() if form in everything]
    assert shown == [], [line for line in everything.splitlines() if any(f in line for f in shown)][:5]
    assert "(hidden" in told[0]
