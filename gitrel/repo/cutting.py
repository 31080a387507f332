"""Cutting a release: `current/` becomes the next version's folder, with a record of what was released.

Pure: a tree and an intent in, file changes out.
"""

from __future__ import annotations

from datetime import datetime

from gitrel.errors import UsageError
from gitrel.repo import layout
from gitrel.repo.edit import FileChange, PutFile
from gitrel.repo.fix import Files
from gitrel.repo.model import Component, Origin, ReleaseRecord, TemplateFile, Version
from gitrel.repo.record import format_record, record_of, source_digest


def newest_released(component: Component) -> Version | None:
    """The highest version by number, whether it runs anywhere or not."""
    released = filter(layout.is_released, component.versions)
    name = max(released, key=layout.version_key, default=None)
    return component.versions[name] if name else None


def next_version(component: Component) -> str:
    """One more than the highest first number: after v1 and v2.3 comes v3, or v3.0 where versions are tags."""
    newest = newest_released(component)
    number = layout.version_key(newest.name)[1][0] + 1 if newest else 1
    return f"v{number}" if component.tag_prefix is None else f"v{number}.0"


def next_point_release(component: Component, version: str) -> str:
    """One more than the highest second number of the same line: after v1, v1.0 and v1.3 comes v1.4."""
    line = layout.version_key(version)[1][0]
    numbers = (layout.version_key(name)[1] for name in component.versions if layout.is_released(name))
    points = [number[1] if len(number) > 1 else 0 for number in numbers if number[0] == line]
    return f"v{line}.{max(points, default=0) + 1}"


def checked_new_version(component: Component, version: str) -> str:
    """`version` where a new one may be called so. Raises UsageError."""
    if not layout.is_released(version):
        raise UsageError(f"{version[:80]!r} cannot name a new version: {layout.VERSION_RULE}")
    if version in component.versions:
        raise UsageError(
            f"{component.name} has {version} already, and a released version is not cut again: "
            f"leave the name out for {next_version(component)}"
        )
    return version


def cut(
    component: str, version: str, files: Files, *, commit: str, at: datetime, by: str
) -> tuple[ReleaseRecord, tuple[FileChange, ...]]:
    """The record of the new version, and what one commit has to change. `files` are those of `current/`."""
    if not files:
        folder = layout.version_folder(component, layout.CURRENT)
        raise UsageError(f"{folder} holds nothing: there is nothing to cut")
    folder = layout.version_folder(component, version)
    record = record_of(version, template_files(files), commit=commit, at=at, by=by)
    copies = (PutFile(f"{folder}/{path}", file.data, file.executable) for path, file in sorted(files.items()))
    return record, (*copies, put_record(component, record))


def put_record(component: str, record: ReleaseRecord) -> PutFile:
    return PutFile(layout.release_file(component, record.version), format_record(record))


def template_files(files: Files) -> tuple[TemplateFile, ...]:
    return tuple(TemplateFile(path, file.data, Origin(path)) for path, file in sorted(files.items()))


def digest_of(files: Files) -> str:
    return source_digest(template_files(files))
