"""A point fix as a value, and what each version becomes by it: carried over, or told where it clashes.

Pure. A fix is what one folder of a component was before and is after, file by file: the difference of two
commits, or a patch applied to the first folder that takes it. It is carried into another folder by a merge
in three ways, so that a version whose other lines have moved on still gets the fix and only the fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitrel.errors import Problem
from gitrel.repo import layout
from gitrel.repo.merge import Clash, merge
from gitrel.repo.patch import FilePatch, Hunk, apply_hunks
from gitrel.repo.suggest import escaped
from gitrel.repo.tree import File, RawTree

Files = Mapping[str, File]
"""Path within a folder → file."""


@dataclass(frozen=True, slots=True)
class FileFix:
    """One file before and after; None where there is none."""

    path: str
    before: File | None
    after: File | None


@dataclass(frozen=True, slots=True)
class Fixed:
    """What one folder becomes. With `clashes` nothing of it may be used.

    `files` is the whole folder afterwards; `touched` the paths that differ from before, sorted.
    """

    files: Files
    touched: tuple[str, ...]
    clashes: tuple[Problem, ...] = ()
    """What stands in the way, and where; the paths are within the folder."""


def files_in(tree: RawTree, folder: str) -> dict[str, File]:
    """The regular files of a version's folder by their path in it, without the record."""
    return {
        path.removeprefix(f"{folder}/"): entry
        for path, entry in tree.walk(folder)
        if isinstance(entry, File) and path != f"{folder}/{layout.RELEASE_FILE}"
    }


def difference(before: Files, after: Files) -> tuple[FileFix, ...]:
    """What turns one folder into the other. Whether a file is executable is no difference."""
    paths = sorted(before.keys() | after.keys())
    found = (FileFix(path, before.get(path), after.get(path)) for path in paths)
    return tuple(one for one in found if _data(one.before) != _data(one.after))


def backwards(fix: Iterable[FileFix]) -> tuple[FileFix, ...]:
    return tuple(FileFix(one.path, one.after, one.before) for one in fix)


def carry(fix: Iterable[FileFix], files: Files) -> Fixed:
    """`files` with the fix in it. What has the fix already stays as it is."""
    after = dict(files)
    clashes: list[Problem] = []
    for one in fix:
        result = _carried(one, files.get(one.path))
        if isinstance(result, tuple):
            clashes += result
        elif result is None:
            after.pop(one.path, None)
        else:
            after[one.path] = result
    touched = tuple(
        sorted(path for path in files.keys() | after.keys() if files.get(path) != after.get(path))
    )
    return Fixed(after, touched, tuple(clashes))


def _carried(fix: FileFix, ours: File | None) -> File | tuple[Problem, ...] | None:
    """The file afterwards, None for none, or why the fix does not apply."""
    if _data(ours) == _data(fix.after):
        return ours
    if fix.before is None:
        return (
            fix.after if ours is None else (_clash(fix.path, "the fix adds this file, and another is here"),)
        )
    if ours is None:
        return (_clash(fix.path, "the fix changes this file, and it is not here"),)
    if fix.after is None:
        same = ours.data == fix.before.data
        return None if same else (_clash(fix.path, "the fix removes this file, and it is another one here"),)
    merged = merge(fix.before.data, ours.data, fix.after.data)
    if isinstance(merged, bytes):
        return File(merged, ours.executable)
    return tuple(_clash(fix.path, _explained(clash), clash.line) for clash in merged)


def _clash(path: str, what: str, line: int = 0) -> Problem:
    return Problem(path, line, 0, what)


def _explained(clash: Clash) -> str:
    return (
        f"the fix makes {_first(clash.base, clash.theirs)} into {_first(clash.theirs, clash.base)}, "
        f"and here stands {_first(clash.ours, clash.base)}"
    )


def _first(lines: Sequence[bytes], other: Sequence[bytes]) -> str:
    """The first line that the other side does not have at its place, for people to find it."""
    told = next((line for n, line in enumerate(lines) if n >= len(other) or other[n] != line), None)
    if told is None:
        return _shown(lines[0]) if lines else "nothing"
    return _shown(told)


def _shown(line: bytes) -> str:
    text = escaped(line.decode("utf-8", "replace").strip())
    return f"'{text if len(text) <= 80 else text[:79] + '…'}'"


def _data(file: File | None) -> bytes | None:
    return file.data if file else None


# ── From a patch ────────────────────────────────────────────────────────────────────────────────────────


def from_patch(patches: Iterable[FilePatch], files: Files) -> tuple[FileFix, ...] | Problem:
    """The fix that a patch is in a folder with these files, or why it does not apply to them.

    A folder that has the patch already gives the fix too: what it was before is found by taking it back.
    """
    taken = list(_taken(patches, files, backwards=False))
    refused = next((one for one in taken if isinstance(one, Problem)), None)
    if refused is None:
        return _fixes(taken)
    had = list(_taken(patches, files, backwards=True))
    return refused if any(isinstance(one, Problem) for one in had) else backwards(_fixes(had))


def _fixes(found: Iterable[tuple[FileFix, ...] | Problem]) -> tuple[FileFix, ...]:
    return tuple(fix for group in found if not isinstance(group, Problem) for fix in group)


def _taken(
    patches: Iterable[FilePatch], files: Files, *, backwards: bool
) -> Iterator[tuple[FileFix, ...] | Problem]:
    for patch in patches:
        old, new = (patch.new, patch.old) if backwards else (patch.old, patch.new)
        yield _one_file(old, new, patch.hunks, files, backwards)


def _one_file(
    old: str, new: str, hunks: Sequence[Hunk], files: Files, backwards: bool
) -> tuple[FileFix, ...] | Problem:
    before = files.get(old) if old else None
    if old and before is None:
        return _clash(old, "the patch changes this file, and it is not here")
    if new and new != old and new in files:
        return _clash(new, "the patch makes this file, and one is here already")
    data = apply_hunks(before.data if before else b"", hunks, backwards=backwards)
    if isinstance(data, Hunk):
        return _clash(old or new, f"the lines that the patch changes at its line {data.line} are not here")
    if not new:
        more = _clash(old, "the patch removes this file, and it holds more than the patch knows")
        return more if data else (FileFix(old, before, None),)
    after = File(data, before.executable if before else False)
    if old in ("", new):
        return (FileFix(new, before, after),)
    return FileFix(old, before, None), FileFix(new, None, after)
