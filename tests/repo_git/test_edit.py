"""Intents become file changes, and messages that no text can forge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import UsageError
from gitrel.repo.edit import (
    FileChange,
    PlacedPointer,
    PutLink,
    commit_message,
    find_pointer,
    move_pointer,
    one_line,
    parse_trailers,
    pointer_message,
)
from gitrel.repo.model import Component, Origin, Pointer, Schedule, Version
from gitrel.repo.tree import File, Link, RawTree

HERE = Origin("apps/frontend")
SCHEDULE = Schedule(
    timedelta(), timedelta(), 2, timedelta(), max_restarts=1, max_setbacks=1, on_failure="hold",
    max_active_versions=3, prune_limit=1, soak_first_release=True,
)  # fmt: skip
COMPONENT = Component(
    "frontend", "auto", "", SCHEDULE, (), {}, {},
    versions={name: Version("frontend", name, (), "", HERE) for name in ("v1", "v2", "current")},
    pointers={
        "canary": Pointer("frontend", "canary", "v1", "link", "apps/frontend/canary", {}, {}),
        "staging": Pointer("frontend", "staging", "v1", "folder", "apps/frontend/staging/templates", {}, {}),
    },
    origin=HERE,
)  # fmt: skip
TREE = RawTree(
    {
        "apps/frontend/v1/a.yaml": File(b""),
        "apps/frontend/v2/a.yaml": File(b""),
        "apps/frontend/current/a.yaml": File(b""),
        "apps/frontend/canary": Link("v1"),
        "apps/frontend/staging/templates": Link("../v1"),
        "apps/frontend/staging/staging-parameters.yaml": File(b""),
        "apps/frontend/europe/europe-parameters.yaml": File(b""),
        "apps/frontend/asia": File(b"v1"),
    }
)

MOVES: list[tuple[str, str, str, tuple[FileChange, ...]]] = [
    ("bare link", "canary", "v2", (PutLink("apps/frontend/canary", "v2"),)),
    ("folder", "staging", "v2", (PutLink("apps/frontend/staging/templates", "../v2"),)),
    ("to current", "canary", "current", (PutLink("apps/frontend/canary", "current"),)),
    ("already there", "canary", "v1", ()),
    ("no pointer yet", "westus", "v1", (PutLink("apps/frontend/westus", "v1"),)),
]


@pytest.mark.parametrize(
    ("environment", "version", "changes"), [c[1:] for c in MOVES], ids=[c[0] for c in MOVES]
)
def test_moving_a_pointer_changes_one_link(
    environment: str, version: str, changes: tuple[FileChange, ...]
) -> None:
    """In both forms, and not at all where it points there already."""
    assert move_pointer(TREE, "frontend", environment, version) == changes


def test_a_folder_with_parameters_and_no_link_asks_for_the_folder_form() -> None:
    """Where parameters already stand beside the link to be made, a bare link would push them out."""
    place = PlacedPointer("apps/frontend/europe/templates", "folder", "")
    assert find_pointer(TREE, "frontend", "europe") == place
    link = PutLink("apps/frontend/europe/templates", "../v1")
    assert move_pointer(TREE, "frontend", "europe", "v1") == (link,)


@pytest.mark.parametrize(
    ("component", "environment", "version"),
    [
        ("frontend", "canary", "v9"),
        ("frontend", "canary", "../worker/v1"),
        ("frontend", "canary", "staging"),
        ("frontend", "../../etc", "v1"),
        ("frontend", "-rf", "v1"),
        ("..", "canary", "v1"),
        ("frontend", "asia", "v1"),
    ],
)
def test_what_cannot_be_a_pointer_is_refused(component: str, environment: str, version: str) -> None:
    """A version that is not there, a name that leads elsewhere, a file where a link belongs."""
    with pytest.raises(UsageError):
        move_pointer(TREE, component, environment, version)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=300) | st.sampled_from(["x\n\nGitrel-Version: v9", "\r\nGitrel-Version: v9\r\n\r\n", ""])
)
def test_no_reason_can_forge_a_trailer(because: str) -> None:
    """Whatever a person writes, the trailers that are read back are those that were written."""
    message = pointer_message("frontend", "canary", "v2", rollout=3, because=because)
    wanted = {
        "Gitrel-Rollout": "3",
        "Gitrel-Component": "frontend",
        "Gitrel-Environment": "canary",
        "Gitrel-Version": "v2",
        "Gitrel-Reason": one_line(because),
    }
    assert parse_trailers(message) == {name: value for name, value in wanted.items() if value}
    assert not any(char in message for char in "\x00\x1b\u202e\r\x85\u2028")
    assert message.isprintable() or set(message) - {"\n"} == {c for c in message if c.isprintable()}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100), st.text(max_size=100))
def test_a_message_without_trailers_has_none(subject: str, body: str) -> None:
    """Neither a subject nor a body can pass for a trailer."""
    assert parse_trailers(commit_message(subject, "Gitrel-Version: " + body, {})) == {}
    assert parse_trailers(commit_message("Gitrel-Version: " + subject, "", {})) == {}


@pytest.mark.parametrize(
    "message",
    [
        "Subject\n\nGitrel-Version: v1\nGitrel-Version: v2\n",
        "Subject\n\nGitrel-Version: v1\nand some prose\n",
        "Subject\n\nGitrel-Version: v1\n\nA later paragraph\n",
        "Gitrel-Version: v1\n",
        "",
    ],
    ids=["doubled", "prose among them", "not last", "subject only", "empty"],
)
def test_odd_messages_have_no_trailers(message: str) -> None:
    """A message that gitrel did not write counts for nothing rather than for something else."""
    assert parse_trailers(message) == {}


def test_other_peoples_trailers_do_not_disturb() -> None:
    """A sign-off that a tool has added beside ours leaves ours readable."""
    message = "Subject\n\nGitrel-Version: v1\nSigned-off-by: Ada <ada@example.com>\n"
    assert parse_trailers(message) == {"Gitrel-Version": "v1"}


def test_a_long_reason_is_cut_where_it_stands() -> None:
    """A megabyte of reason becomes one line of a bounded length."""
    line = one_line("why " * 250_000)
    assert len(line) == 2000
    assert line.endswith("…")
