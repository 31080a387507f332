"""The shape of a row, and the sound repository that each row breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitrel.repo.tree import Entry, File, Link, RawTree

HEAD = "apiVersion: gitrel.dev/v1alpha1\n"
PIPELINE = HEAD + "kind: Pipeline\nspec:\n  parameters: {replicas: 2, limits: {cpu: 1m}, hosts: [a]}\n"
ENVIRONMENT = HEAD + "kind: Environment\nspec:\n  role: region\n"
COMPONENT = HEAD + "kind: Component\nspec:\n  parameters: {cache: 64Mi}\n"

BASE: Mapping[str, str | Entry] = {
    "environments/pipeline.yaml": PIPELINE,
    "environments/canary.yaml": HEAD + "kind: Environment\nspec:\n  role: stage\n",
    "environments/eastus.yaml": ENVIRONMENT,
    "apps/frontend/component.yaml": COMPONENT,
    "apps/frontend/current/frontend-service.yaml": "kind: Service\n",
    "apps/frontend/v1/frontend-service.yaml": "kind: Service\n",
    "apps/frontend/v2/frontend-service.yaml": "kind: Service\n",
    "apps/frontend/canary": Link("v2"),
    "apps/frontend/eastus/templates": Link("../v1"),
    "apps/frontend/eastus/eastus-parameters.yaml": "parameters: {replicas: 6}\n",
    "apps/worker/v1/worker-deployment.yaml": "kind: Deployment\n",
    "apps/worker/canary": Link("v1"),
    "apps/worker/eastus": Link("v1"),
}

Content = str | bytes | Entry | None
"""Text or bytes of a file, another entry, or None to delete the path or a whole folder."""


@dataclass(frozen=True)
class Case:
    id: str
    row: str
    files: Mapping[str, Content]
    says: tuple[str, ...]
    """Every problem, in the order of their places."""
    broken: tuple[str, ...] = ("frontend",)
    """Components that are set aside; all others are still there."""
    blocks: bool = False
    """Whether it concerns every component, so that nothing may be done at all."""


def tree(files: Mapping[str, Content]) -> RawTree:
    """`BASE` with `files` laid over it."""
    entries: dict[str, Entry] = {path: _entry(content) for path, content in BASE.items()}
    for path, content in files.items():
        for below in [known for known in entries if known == path or known.startswith(f"{path}/")]:
            del entries[below]
        if content is not None:
            entries[path] = _entry(content)
    return RawTree(entries)


def _entry(content: str | bytes | Entry) -> Entry:
    if isinstance(content, str):
        return File(content.encode())
    return File(content) if isinstance(content, bytes) else content
