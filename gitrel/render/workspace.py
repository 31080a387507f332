"""A private folder with the files of one version, for tools that read files; gone when they are done.

    <temporary>/release/…      the files, 0600, exactly those of the version
    <temporary>/home/          the tool's home and temporary folder

Names come from Git, where they may be anything: each part is checked before it is joined to a path.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gitrel.repo.model import TemplateFile

RELEASE = "release"


@contextmanager
def workspace(files: Iterable[TemplateFile]) -> Iterator[Path]:
    """The private folder (0700). Raises ValueError for a name that is not one."""
    with tempfile.TemporaryDirectory(prefix="gitrel-") as name:
        folder = Path(name).resolve()
        (folder / "home").mkdir(mode=0o700)
        (folder / RELEASE).mkdir(mode=0o700)
        for file in files:
            _write(folder / RELEASE, file)
        yield folder


def _write(root: Path, file: TemplateFile) -> None:
    parts = file.path.split("/")
    if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
        raise ValueError(f"{file.path!r} is not the name of a file")
    path = root.joinpath(*parts)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(file.data)
