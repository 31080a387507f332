"""The operator's kubeconfig files, merged and read: which cluster a context is, and whose rights it has.

Files are merged as kubectl does: the first to name a cluster, a user or a context wins, missing files are
passed over, relative paths start at the file that holds them. What is wrong is told by place and field name;
values never are, because a kubeconfig is full of keys.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitrel.errors import UsageError
from gitrel.repo.yamlfile import read_documents


class NoAccess(UsageError):
    """The kubeconfig is missing, unreadable, forbidden, or has no such context."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One named cluster or user. `folder` is where its relative paths start."""

    fields: Mapping[str, Any]
    folder: Path
    file: Path

    def text(self, name: str) -> str:
        """The field as text, empty where it is not set. A token of digits is read as a number."""
        value = self.fields.get(name)
        return "" if value is None or isinstance(value, (dict, list)) else str(value)

    def path(self, name: str) -> Path | None:
        """The field as a path, from the file that it stands in."""
        value = self.text(name)
        return self.folder / Path(value).expanduser() if value else None


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """What all the files say together. `current` is the context that kubectl would take."""

    looked_at: tuple[Path, ...]
    clusters: Mapping[str, Entry] = field(default_factory=dict)
    users: Mapping[str, Entry] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, Entry] = field(default_factory=dict)
    current: str = ""

    def context(self, name: str) -> tuple[Entry, Entry]:
        """(cluster, user) of the context. Raises NoAccess with the files and the contexts that there are."""
        places = ", ".join(map(str, self.looked_at))
        if not any(path.is_file() for path in self.looked_at):
            raise NoAccess(
                f"context {name}: there is no kubeconfig (looked at: {places}): "
                "set KUBECONFIG, or give --kubeconfig FILE"
            )
        context = self.contexts.get(name)
        if context is None:
            have = ", ".join(sorted(self.contexts)) or "none"
            raise NoAccess(f"there is no context {name!r} in {places} (have: {have})")
        cluster = self.clusters.get(context.text("cluster"))
        if cluster is None or not cluster.text("server"):
            raise NoAccess(f"context {name}: {context.file}: its cluster is not there, or has no server")
        wanted = context.text("user")
        user = self.users.get(wanted)
        if wanted and user is None:
            raise NoAccess(f"context {name}: {context.file}: its user {wanted!r} is not there")
        return cluster, user or Entry({}, context.folder, context.file)


def paths(named: str, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The kubeconfig files, in the order in which kubectl merges them; `named` wins over KUBECONFIG."""
    listed = named or environ.get("KUBECONFIG", "")
    if any(listed.split(os.pathsep)):
        return tuple(Path(part).expanduser().absolute() for part in listed.split(os.pathsep) if part)
    return (Path("~/.kube/config").expanduser(),)


def load(files: Sequence[Path], *, forbidden: Path | None = None) -> Kubeconfig:
    """All files merged. Raises NoAccess for one that cannot be read, and for one inside `forbidden`.

    `forbidden` is the config repository: whoever may change it may change that kubeconfig, and a kubeconfig
    can run commands (Flux' CVE-2022-24817).
    """
    merged: dict[str, dict[str, Entry]] = {"clusters": {}, "users": {}, "contexts": {}}
    current = ""
    for path in files:
        if forbidden is not None and path.resolve().is_relative_to(forbidden.resolve()):
            raise NoAccess(
                f"{path}: a kubeconfig inside the config repository is not used: keep it outside, "
                "where only the operator can change it"
            )
        document = _read(path)
        for plural, singular in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for name, entry in _entries(document, plural, singular, path):
                merged[plural].setdefault(name, entry)
        current = current or str(document.get("current-context") or "")
    return Kubeconfig(tuple(files), merged["clusters"], merged["users"], merged["contexts"], current)


def _read(path: Path) -> Mapping[str, Any]:
    """One file; nothing for one that is missing or empty, as kubectl has it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NoAccess(f"{path}: the kubeconfig cannot be read: {error.strerror}") from None
    documents, problems = read_documents(data, str(path))
    for problem in problems:
        if problem.severity == "error":
            # The sentence itself may quote what stands there.
            raise NoAccess(
                f"{path}:{problem.line}:{problem.column}: the kubeconfig is not valid YAML: "
                "see what `kubectl config view` says of it"
            )
    if not documents:
        return {}
    value = documents[0].value
    if not isinstance(value, Mapping):
        raise NoAccess(f"{path}: this is no kubeconfig: it holds no map of clusters, users and contexts")
    return value


def _entries(document: Mapping[str, Any], plural: str, singular: str, path: Path) -> list[tuple[str, Entry]]:
    rows = document.get(plural) or []
    if not isinstance(rows, list):
        raise NoAccess(f"{path}: {plural} is not a list")
    entries = []
    for index, row in enumerate(rows):
        name = row.get("name") if isinstance(row, Mapping) else None
        fields = row.get(singular) if isinstance(row, Mapping) else None
        if name is None or not isinstance(fields or {}, Mapping):
            raise NoAccess(f"{path}: {plural}[{index}] has no name, or its {singular} is no map")
        entries.append((str(name), Entry(fields or {}, path.parent, path)))
    return entries
