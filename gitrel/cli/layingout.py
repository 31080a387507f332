"""A new config repository as a list of files, written where nothing stands yet.

The files are data of this package (`gitrel/templates/`). Links are listed here, because a wheel cannot hold
one, and the record of the released version is made here, as `gitrel release` would have made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from gitrel import __version__
from gitrel.errors import UsageError
from gitrel.repo import layout
from gitrel.repo.edit import FileChange, PutFile, PutLink
from gitrel.repo.git.creation import create, expect_git
from gitrel.repo.model import Origin, TemplateFile
from gitrel.repo.record import format_record, record_of

COMPONENT, RELEASED = "web", "v1"
POINTERS = {layout.pointer_path(COMPONENT, name): RELEASED for name in ("staging", "north", "south")}
_PLACES = {
    "none": (("repository", ""),),
    "github": (("repository", ""), ("github", ".github/")),
    "gitlab": (("repository", ""), ("gitlab", "")),
}
"""CI system → folders of templates, and where in the repository they go."""
_RENAMED = {"gitignore": ".gitignore", "gitlab-ci.yml": ".gitlab-ci.yml"}
"""Names that mean something to Git or to a CI system are other ones while they are templates."""


def contents(ci: str, at: datetime) -> list[FileChange]:
    """Everything that a new repository holds; `ci` is github, gitlab or none."""
    found: list[FileChange] = []
    for folder, target in _PLACES[ci]:
        for path, data in _files(files("gitrel") / "templates" / folder):
            found.append(PutFile(target + _RENAMED.get(path, path), _filled(data)))
    found.append(_record([change for change in found if isinstance(change, PutFile)], at))
    found += [PutLink(path, target) for path, target in POINTERS.items()]
    return sorted(found, key=lambda change: change.path)


def _record(released: list[PutFile], at: datetime) -> PutFile:
    """What makes an edit of the released version show."""
    folder = f"{layout.version_folder(COMPONENT, RELEASED)}/"
    held = [
        TemplateFile(file.path.removeprefix(folder), file.data, Origin(file.path))
        for file in released
        if file.path.startswith(folder)
    ]
    record = record_of(RELEASED, held, commit="", at=at.replace(microsecond=0), by="gitrel init")
    return PutFile(folder + layout.RELEASE_FILE, format_record(record))


def _files(folder: Traversable, below: str = "") -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _files(item, f"{below}{item.name}/")
        else:
            yield f"{below}{item.name}", item.read_bytes()


def _filled(data: bytes) -> bytes:
    return data.replace(b"@VERSION@", __version__.encode())


def lay_out(folder: Path, ci: str, at: datetime) -> str:
    """Writes the files into `folder`, which may be there already, and makes the first commit.

    Gives the commit; "" where `folder` has a Git repository of its own, whose owner commits. Raises
    UsageError, and writes nothing, where one of the files is there already, or there is no Git.
    """
    wanted = contents(ci, at)
    _refuse_to_overwrite(folder, wanted)
    expect_git()
    has_repository = (folder / ".git").exists()
    try:
        for change in wanted:
            _write(folder, change)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    if has_repository:
        return ""
    beside = [change for change in wanted if not change.path.startswith(("apps/", "environments/"))]
    return create(folder, message="Lay out the repository", at=at, also=beside)


def _refuse_to_overwrite(folder: Path, wanted: list[FileChange]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    for top in ("apps", "environments"):
        if (folder / top).is_symlink() or (folder / top).exists():
            raise UsageError(f"{folder} has {top}/ already: name a new folder")
    for change in wanted:
        place = folder
        for part in Path(change.path).parts:
            place = place / part
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise UsageError(f"{place} is there already, and is not overwritten: name a new folder")


def _write(folder: Path, change: FileChange) -> None:
    path = folder / change.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(change, PutLink):
        path.symlink_to(change.target)
    elif isinstance(change, PutFile):
        with path.open("xb") as file:
            file.write(change.data)
