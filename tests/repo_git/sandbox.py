"""Real repositories in temporary folders: a small config repository, bare remotes, and people who push."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gitrel.repo.git import GitRepository

PEOPLE = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
ME = "Grace <grace@example.com>"
LINKS = {
    "apps/frontend/canary": "v1",
    "apps/frontend/eastus": "v1",
    "apps/frontend/staging/templates": "../v1",
    "apps/worker/canary": "v1",
}
FILES = {
    "apps/frontend/v1/frontend-service.yaml": "kind: Service\n",
    "apps/frontend/v2/frontend-service.yaml": "kind: Service # 2\n",
    "apps/frontend/staging/staging-parameters.yaml": "replicas: 1\n",
    "apps/worker/v1/worker-service.yaml": "kind: Service\n",
    "apps/worker/v2/worker-service.yaml": "kind: Service # 2\n",
    "environments/pipeline.yaml": "kind: Pipeline\n",
    "README.md": "Not read by gitrel.\n",
}


def git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    """Runs git as a person would; gives what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=inherited | PEOPLE,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


def point(folder: Path, path: str, target: str) -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def commit_all(folder: Path, message: str = "Change") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def config_repository(folder: Path) -> Path:
    """Two components, three environments, both pointer forms; checked out on `main`."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for path, text in FILES.items():
        write(folder, path, text)
    for path, target in LINKS.items():
        point(folder, path, target)
    commit_all(folder, "Start")
    return folder


def bare_remote(folder: Path, source: Path) -> Path:
    git(source, "clone", "-q", "--bare", str(source), str(folder))
    return folder


def clone(folder: Path, remote: Path) -> Path:
    git(remote, "clone", "-q", str(remote), str(folder))
    return folder


def main(repository: GitRepository) -> str:
    """The commit at the tip of `main`."""
    return repository.commit_at("refs/heads/main")
