"""Since when a value stands in a file: the commit that gave it the value that it has now.

Goes back through the commits that touched the file, at most `COMMITS_MAX` of them, and reads the value in
each as the file stood then. Lines that merely moved, or a comment, are no change of a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.repo.git.objects import Commit
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.yamlfile import read_documents

COMMITS_MAX = 200
Path = tuple[str, ...]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Since:
    """`commit` set the value. `state` says why there is none: not committed yet, or older than was looked."""

    commit: Commit | None
    state: Literal["committed", "uncommitted", "older"]


class Histories:
    """The recent past of files in one repository, each file read once. `tip` is where to start."""

    def __init__(self, repository: GitRepository, tip: str, commits_max: int = COMMITS_MAX) -> None:
        self._repository = repository
        self._tip = tip
        self._commits_max = commits_max
        self._files: dict[str, list[tuple[Commit, Any]]] = {}

    def since(self, file: str, path: Path, value: Any) -> Since:
        """When `file` got `value` at `path`, a way of keys from the document's root."""
        found: Commit | None = None
        history = self._history(file)
        for commit, document in history:
            if _at(document, path) != value:
                return Since(found, "committed" if found else "uncommitted")
            found = commit
        if found is None:
            return Since(None, "uncommitted")
        # Where the history is cut off, the oldest commit seems to have made everything.
        whole = len(history) < self._commits_max and not self._repository.shallow
        return Since(found, "committed") if whole else Since(None, "older")

    def _history(self, file: str) -> list[tuple[Commit, Any]]:
        """(commit, document as it stood there), newest first."""
        if file not in self._files:
            self._files[file] = list(self._read(file))
        return self._files[file]

    def _read(self, file: str) -> Iterator[tuple[Commit, Any]]:
        documents: dict[str, Any] = {}
        for commit in self._repository.log(self._tip, limit=self._commits_max, path=file):
            entry = self._repository.entry(commit.id, file)
            blob = entry.id if entry is not None else ""
            if blob and blob not in documents:
                found, _ = read_documents(self._repository.blobs([blob])[0], file)
                documents[blob] = found[0].value if found else None
            yield commit, documents.get(blob)


def _at(document: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return _ABSENT
        document = document[step]
    return document
