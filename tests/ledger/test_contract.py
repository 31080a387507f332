"""One suite for every ledger: in memory, in a repository, and with a remote that is the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gitrel.errors import Conflict
from gitrel.ledger.git import GitLedger
from gitrel.ledger.ledger import Ledger
from gitrel.ledger.memory import MemoryLedger
from gitrel.repo.git import GitRepository
from gitrel.rollout.actions import MovePointer
from tests.ledger.samples import entry, record
from tests.repo_git.sandbox import bare_remote, clone, config_repository, git


@dataclass
class World:
    """One store, opened by as many writers as a test wants, and where its pointers are."""

    open: Callable[[], Ledger]
    commit: Callable[[], str]
    pointer: Callable[[str], str]
    moved: list[tuple[str, MovePointer]] = field(default_factory=list)


@pytest.fixture(params=["memory", "git", "git-bare", "git-remote"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    opened: list[GitRepository] = []
    if request.param == "memory":
        pointers = {"apps/frontend/canary": "v1", "apps/frontend/staging/templates": "../v1"}
        names = {"canary": "apps/frontend/canary", "staging": "apps/frontend/staging/templates"}

        def move(component: str, wanted: MovePointer) -> None:
            place = names[wanted.environment]
            pointers[place] = "../" * place.endswith("templates") + wanted.version

        ledger = MemoryLedger(move)
        yield World(lambda: ledger, lambda: "0" * 40, pointers.__getitem__)
        return

    start = config_repository(tmp_path / "work")
    place = start if request.param == "git" else bare_remote(tmp_path / "remote.git", start)

    def open_git() -> GitLedger:
        here = place
        if request.param == "git-remote":
            here = clone(tmp_path / f"clone{len(opened)}", place)
        repository = GitRepository(here)
        opened.append(repository)
        ledger = GitLedger(repository, "origin" if request.param == "git-remote" else None, "main")
        ledger.load()
        return ledger

    yield World(
        open_git,
        lambda: git(place, "rev-parse", "refs/heads/main"),
        lambda path: git(place, "cat-file", "blob", f"main:{path}"),
    )
    for repository in opened:
        repository.close()


def test_a_new_journal_is_empty(world: World) -> None:
    """No head, no records, no history; and asking makes none."""
    ledger = world.open()
    assert ledger.head() == ""
    assert ledger.load() == ("", {})
    assert list(ledger.history()) == []


def test_what_is_saved_is_read_back_as_it_was(world: World) -> None:
    """Every field of an entry survives, records are the newest per component, numbers are consecutive."""
    ledger = world.open()
    first = entry("frontend", 1, commit=world.commit())
    head = ledger.save([first], [], head="")
    second = [entry("worker", 2, commit=world.commit()), entry("frontend", 3, commit=world.commit())]
    newest = ledger.save(second, [], head=head)
    assert ledger.load() == (newest, {"frontend": record("frontend", 3), "worker": record("worker", 2)})
    history = list(ledger.history())
    assert history == [replace(one, sequence=n) for n, one in enumerate([first, *second], 1)]
    assert [one.previous for one in history] == ["", head, history[1].id]
    assert history[-1].id == newest == ledger.head()
    assert [one.sequence for one in ledger.history("frontend")] == [1, 3]


def test_two_entries_of_one_component_in_one_save(world: World) -> None:
    """The later one is the record; both are in the history."""
    ledger = world.open()
    ledger.save([entry(number=1), entry(number=2)], [], head="")
    assert ledger.load()[1] == {"frontend": record(number=2)}
    assert [one.after.number for one in ledger.history()] == [1, 2]


@pytest.mark.parametrize(
    ("environment", "path", "target"),
    [("canary", "apps/frontend/canary", "v2"), ("staging", "apps/frontend/staging/templates", "../v2")],
)
def test_a_move_travels_with_its_entry(world: World, environment: str, path: str, target: str) -> None:
    """Both pointer forms are moved by the save that explains the move."""
    ledger = world.open()
    ledger.load()
    move = MovePointer(environment, "v2", "its turn")
    ledger.save([entry(commit=world.commit())], [("frontend", move)], head="")
    assert world.pointer(path) == target


def test_a_writer_that_read_an_older_head_conflicts(world: World) -> None:
    """The second of two writers is refused, nothing of it is written, and it may try again after reading."""
    one, other = world.open(), world.open()
    move = MovePointer("canary", "v2", "its turn")
    one.save([entry(number=1, commit=world.commit(), actor="Alice")], [], head="")
    with pytest.raises(Conflict, match="Alice was first"):
        other.save([entry(number=2, commit=world.commit())], [("frontend", move)], head="")
    assert world.pointer("apps/frontend/canary") == "v1"
    head, records = other.load()
    assert records == {"frontend": record(number=1)}
    other.save([entry(number=2, commit=world.commit())], [("frontend", move)], head=head)
    assert world.pointer("apps/frontend/canary") == "v2"
    assert [one.sequence for one in other.history()] == [1, 2]


def test_a_move_that_nothing_explains_is_a_fault(world: World) -> None:
    """Pointers never move without an entry; the caller's mistake is not papered over."""
    ledger = world.open()
    with pytest.raises(ValueError, match="no entry explains"):
        ledger.save([entry("worker")], [("frontend", MovePointer("canary", "v2", "x"))], head="")
    assert ledger.head() == ""
    assert world.pointer("apps/frontend/canary") == "v1"


def test_saving_nothing_changes_nothing(world: World) -> None:
    """An empty save gives back the head it was given."""
    ledger = world.open()
    assert ledger.save([], [], head="") == ""
    head = ledger.save([entry()], [], head="")
    assert ledger.save([], [], head=head) == head == ledger.load()[0]
