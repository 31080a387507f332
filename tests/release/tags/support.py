"""A flat layout whose versions are tags, looked at through Git itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitrel.app import read_catalog, world
from gitrel.rehearsal.fleet import Fleet
from tests import small
from tests.orchestrator.support import Town
from tests.release.support import ACTOR, DEPLOYMENT, FILE
from tests.repo_git.sandbox import commit_all, git, write

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec:
  renderer: jinja
  versions: {from: tags}
"""
PLACE = f"apps/web/{FILE}"


def repository(folder: Path) -> Path:
    """v1.0 in `quiet`, v2.0 in `busy`, which has parameters; HEAD is ahead of both."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("quiet", "busy"):
        text = small.ENVIRONMENT.replace("NAME", name).replace("TRAFFIC", str(len(name)))
        write(folder, f"environments/{name}.yaml", text)
    pipeline = small.PIPELINE.replace("10m", "1s").replace("minReadySeconds: 5", "minReadySeconds: 0")
    write(folder, "environments/pipeline.yaml", pipeline)
    write(folder, "apps/web/component.yaml", COMPONENT)
    write(folder, "apps/web/busy/busy-parameters.yaml", "parameters: {color: blue}\n")
    deployment = DEPLOYMENT.replace("minReadySeconds: 5\n", "minReadySeconds: 0\n")
    for version in ("v1.0", "v2.0", "head"):
        write(folder, PLACE, deployment.replace("VERSION", version))
        commit_all(folder, f"Make {version}")
        if version != "head":
            git(folder, "tag", f"web/{version}")
    git(folder, "tag", "web/env/quiet", "web/v1.0")
    git(folder, "tag", "web/env/busy", "web/v2.0")
    return folder


def edit(root: Path, old: str, new: str, message: str = "Fix") -> str:
    """Commits one change of the manifest, in which `old` has to be."""
    text = (root / PLACE).read_text()
    assert old in text
    (root / PLACE).write_text(text.replace(old, new))
    return commit_all(root, message)


def at(root: Path, ref: str) -> str:
    """The commit that `ref` leads to."""
    return git(root, "rev-parse", f"{ref}^{{commit}}")


def has(root: Path, revision: str, text: str) -> bool:
    """Whether the manifest of that revision has the text."""
    return text in git(root, "show", f"{revision}:{PLACE}")


@contextmanager
def installed(folder: Path, remote: str | None = None) -> Iterator[Town]:
    """The repository's world on virtual clusters, with what the pointers say running."""
    fleet = Fleet(read_catalog(folder)[0], small.START)
    with world(folder, actor=ACTOR, remote=remote, clock=fleet.clock, connect=fleet.connect) as it:
        place = Town(folder, it, fleet)
        place.settle()
        fleet.begin()
        yield place
