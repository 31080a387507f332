"""What a backport is made of: what each version gets of a fix, and who goes without it.

The same for versions in directories and for versions that are tags; what differs is where the result goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gitrel.errors import Problem
from gitrel.orchestrator.versions.workshop import sorted_versions
from gitrel.repo import cutting, layout
from gitrel.repo.edit import Delete, FileChange, PutFile, commit_message, one_line
from gitrel.repo.fix import FileFix, Files, Fixed, carry
from gitrel.repo.model import Component

_BY_HAND = "make a fix for this version by itself, or leave the version out with --to"
Outcome = Literal["fixed", "renewed", "has it", "refused"]
"""`renewed`: it has the fix, which was made in it by hand, and its record says so from now on."""


@dataclass(frozen=True, slots=True)
class Place:
    """One version that may get the fix: its files, their folder in the repository, and where it matters.

    `shown` is added to the names of files in messages, for people to know which version is meant.
    """

    version: str
    folder: str
    files: Files
    environments: tuple[str, ...] = ()
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one version gets. `environments` are those that it runs in or is on its way to.

    `becomes` is the version that holds the fix, where that is a new one. `before` and `after` hold the files
    that differ by their path in the repository; `problems` say where the fix does not apply.
    """

    version: str
    outcome: Outcome
    environments: tuple[str, ...] = ()
    becomes: str = ""
    before: Mapping[str, bytes] = field(default_factory=dict)
    after: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    changes: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Backport:
    """`commit` is where the branch is then; empty for a dry run, and where every version has the fix already.

    `source` is `commit <SHA>` or `patch sha256:…`; `notes` tell what was left out, and who does without.
    """

    component: str
    source: str
    subject: str
    parts: tuple[Part, ...]
    commit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for part in self.parts for problem in part.problems)


def part_of(place: Place, fix: Iterable[FileFix]) -> tuple[Part, Files]:
    """What a version gets, and its files afterwards."""
    fixed = carry(fix, place.files)
    problems = tuple(
        replace(one, file=f"{place.folder}/{one.file}{place.shown}", todo=_BY_HAND) for one in fixed.clashes
    )
    if problems:
        return Part(place.version, "refused", place.environments, problems=problems), place.files
    paths = {path: f"{place.folder}/{path}" for path in fixed.touched}
    part = Part(
        place.version,
        "fixed" if fixed.touched else "has it",
        place.environments,
        before={there: place.files[path].data for path, there in paths.items() if path in place.files},
        after={there: fixed.files[path].data for path, there in paths.items() if path in fixed.files},
        changes=tuple(_changes(place.folder, fixed)),
    )
    return part, fixed.files


def _changes(folder: str, fixed: Fixed) -> Iterator[FileChange]:
    for path in fixed.touched:
        file = fixed.files.get(path)
        there = f"{folder}/{path}"
        yield PutFile(there, file.data, file.executable) if file else Delete(there)


def have_it(
    component: Component,
    reached: Iterable[str],
    running: Mapping[str, tuple[str, ...]],
    fix: Sequence[FileFix],
    place_of: Callable[[str], Place],
) -> list[str]:
    """Versions that the fix is not carried into, of which it matters whether they have it, and that do."""
    newest = cutting.newest_released(component)
    names = {*running, *([newest.name] if newest else [])}
    in_doubt = sorted_versions((names & component.versions.keys()) - set(reached))
    return [name for name in in_doubt if part_of(place_of(name), fix)[0].outcome == "has it"]


def without_it(
    component: Component, reached: Iterable[str], running: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Versions that will lack the fix, where that can bring the fault back; `reached` will not."""
    have = set(reached)
    if layout.CURRENT in component.versions and layout.CURRENT not in have:
        yield f"{layout.CURRENT} does not get it, and neither will the next version"
    for name in sorted_versions(running):
        if name not in component.versions:
            yield f"{name} runs in {', '.join(running[name])}, and is gone from Git: it cannot be fixed"
        elif name not in have and name != layout.CURRENT:
            yield f"{name} runs in {', '.join(running[name])} and does not get it"
    newest = cutting.newest_released(component)
    if newest and newest.name not in have and newest.name not in running:
        yield f"{newest.name} is the newest version, runs nowhere yet and does not get it: name it with --to"


def message_of(result: Backport, versions: Sequence[str], reason: str, digest: str = "") -> str:
    """The message of a commit or tag that carries the fix into `versions`."""
    names = ", ".join(versions)
    trailers = {
        "Gitrel-Component": result.component,
        "Gitrel-Versions": names,
        "Gitrel-Backport": result.source,
        "Gitrel-Digest": digest,
        "Gitrel-Reason": reason,
    }
    said = one_line(result.subject, 150)
    return commit_message(f"Carry a fix into {result.component} {names}", reason or said, trailers)
