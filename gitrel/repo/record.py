"""What was released, written beside it: the record by which a version that was edited afterwards is found.

    apps/frontend/v2/.gitrel-release.yaml

It lies in the version's own folder, so that two versions cut on two branches never meet in one file, and a
version that is moved or deleted takes its record along. It is no part of the version: no template sees it
and no digest covers it. It holds the digest of the whole and of each file, so that one tree alone, without
history or network, tells which file was edited, added or removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import yaml

from gitrel.clock import format_instant
from gitrel.errors import Problem
from gitrel.repo import layout, schema
from gitrel.repo.model import Component, Fix, Origin, ReleaseRecord, TemplateFile, Version
from gitrel.repo.suggest import escaped, visible

State = Literal["intact", "edited", "unrecorded"]
_HEAD = "# Written by `gitrel release`: a released version is edited by `gitrel release backport` only.\n"


@dataclass(frozen=True, slots=True)
class Differences:
    """Paths within the version that are not as they were released, each list sorted."""

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)


def source_digest(files: Iterable[TemplateFile]) -> str:
    """`sha256:…` over names and bytes in the order of the names, each framed by its length."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.path):
        name = file.path.encode(errors="surrogatepass")
        digest.update(b"%d %d\n" % (len(name), len(file.data)) + name + file.data)
    return f"sha256:{digest.hexdigest()}"


def file_digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def record_of(
    version: str, files: Iterable[TemplateFile], *, commit: str, at: datetime, by: str
) -> ReleaseRecord:
    """The record of a version that holds exactly `files`."""
    held = sorted(files, key=lambda file: file.path)
    digests = MappingProxyType({file.path: file_digest(file.data) for file in held})
    return ReleaseRecord(version, commit, at, by, source_digest(held), digests, Origin(layout.RELEASE_FILE))


def renewed(record: ReleaseRecord, files: Iterable[TemplateFile], fix: Fix) -> ReleaseRecord:
    """The record after a point fix: when and by whom the version was cut stays."""
    after = record_of(record.version, files, commit=record.commit, at=record.at, by=record.by)
    return replace(after, fixes=(*record.fixes, fix))


def state_of(version: Version) -> State:
    if version.record is None:
        return "unrecorded"
    return "intact" if version.record.digest == version.source_digest else "edited"


def differences(version: Version) -> Differences:
    """What is not as it was released; nothing for a version without a record."""
    if version.record is None:
        return Differences()
    now = {file.path: file_digest(file.data) for file in version.files}
    then = version.record.files
    return Differences(
        changed=tuple(sorted(path for path in now.keys() & then.keys() if now[path] != then[path])),
        added=tuple(sorted(now.keys() - then.keys())),
        removed=tuple(sorted(then.keys() - now.keys())),
    )


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────


def format_record(record: ReleaseRecord) -> bytes:
    """The same record always gives the same bytes."""
    spec: dict[str, object] = {
        "from": record.commit,
        "at": format_instant(record.at),
        "by": record.by,
        "digest": record.digest,
        "files": dict(sorted(record.files.items())),
    }
    if record.fixes:
        spec["fixes"] = [
            {"from": fix.source, "at": format_instant(fix.at), "by": fix.by} for fix in record.fixes
        ]
    document = {
        "apiVersion": schema.API_VERSION,
        "kind": "Release",
        "metadata": {"name": record.version},
        "spec": spec,
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=2**16)
    return (_HEAD + text).encode()


def from_document(document: schema.ReleaseDocument, version: str, file: str) -> ReleaseRecord:
    """`version` is the folder that the record lies in; whether it names itself so is `check_record`'s."""
    spec = document.spec
    return ReleaseRecord(
        version=document.metadata.name or version,
        commit=spec.source,
        at=spec.at,
        by=spec.by,
        digest=spec.digest,
        files=MappingProxyType(dict(spec.files)),
        origin=Origin(file, 1, 1),
        fixes=tuple(Fix(fix.source, fix.at, fix.by) for fix in spec.fixes),
    )


# ── What is wrong ───────────────────────────────────────────────────────────────────────────────────────


def check_records(component: Component) -> Iterator[Problem]:
    """Released versions that were edited after their cut, file by file, and records that are missing."""
    released = [version for name, version in component.versions.items() if layout.is_released(name)]
    for version in released:
        yield from _check_record(version)
    if component.tag_prefix is None and any(version.record for version in released):
        for version in released:
            if version.record is None:
                what = f"{version.name} has no {layout.RELEASE_FILE}, so an edit of it would not be found"
                todo = f"gitrel release record {component.name} {version.name}"
                yield Problem(version.origin.file, 0, 0, what, todo, "warning")


def _check_record(version: Version) -> Iterator[Problem]:
    record = version.record
    if record is None:
        return
    if record.version != version.name:
        what = f"this is the record of {visible(record.version)}, copied into {version.name}"
        todo = f"delete it, then: gitrel release record {version.component} {version.name}"
        yield Problem(record.origin.file, 0, 0, what, todo)
    elif state_of(version) == "edited":
        found = differences(version)
        todo = (
            "undo the edit; or carry it into every version that runs with 'gitrel release backport "
            f"{version.component} --commit REV'; or make it in {layout.CURRENT}/ and cut a new version"
        )
        for word, paths in (("edited", found.changed), ("added", found.added), ("removed", found.removed)):
            for path in paths:
                what = f"{word} after {version.name} was cut"
                yield Problem(escaped(f"{version.origin.file}/{path}"), 0, 0, what, todo)
        if not found:
            what = f"the digest is not that of the files of {version.name}"
            yield Problem(record.origin.file, 0, 0, what, "undo the edit of this file")
