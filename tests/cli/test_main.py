"""The frame of the command line: help, exit codes, streams, and what happens when something goes wrong."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from gitrel.cli import main
from gitrel.cli.main import EXIT_CODES, VERBS, build
from gitrel.errors import (
    Conflict,
    GateClosed,
    GitrelError,
    InvalidRepository,
    Problem,
    RolloutFailed,
    TimedOut,
    Unreachable,
    UsageError,
)
from tests.cli.support import ROOT, gitrel, process

LOADED = (
    "import sys; from gitrel.__main__ import main\ntry: main()\nexcept SystemExit: pass\nprint(*sys.modules)"
)
HEAVY = {
    "rich",
    "yaml",
    "pydantic",
    "kubernetes",
    "numpy",
    "git",
    "jinja2",
    "structlog",
    "starlette",
    "orjson",
}


def test_help_lists_every_verb_and_exit_code() -> None:
    """Whoever knows nothing finds all verbs and what each exit code means."""
    ran = gitrel("--help")
    assert ran.code == 0
    for entry in VERBS:
        assert entry.help in ran.out
    for code, meaning in EXIT_CODES:
        assert str(code) in ran.out
        assert meaning.split(",")[0] in ran.out


def test_help_imports_nothing_heavy() -> None:
    """Help stays fast because none of the libraries that work needs is loaded for it."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded & HEAVY == set()


def test_table_of_verbs_agrees_with_the_verbs() -> None:
    """Each verb loads under its name, and the root's help says the same of it as its own help does."""
    commands = build().commands
    for entry in VERBS:
        assert commands[entry.name].help.split("\n")[0] == entry.help


def test_no_verb_prints_help() -> None:
    """Without a verb the help is shown as wrong usage, because nothing was done."""
    ran = gitrel()
    assert ran.code == 2
    assert "Usage: gitrel" in ran.out + ran.err


@pytest.mark.parametrize(
    ("typed", "meant"), [("statsu", "'status'"), ("promot", "'promote'"), ("rolback", "'rollback'")]
)
def test_a_mistyped_verb_is_guessed(typed: str, meant: str) -> None:
    """An unknown verb is wrong usage, and the near ones are named."""
    ran = gitrel(typed)
    assert ran.code == 2
    assert "Did you mean" in ran.err
    assert meant in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("verb", ["dashboard", "doctor", "approve"])
def test_a_verb_that_is_not_built_is_absent(verb: str) -> None:
    """What does not exist is refused like any unknown word, instead of pretending."""
    ran = gitrel(verb)
    assert ran.code == 2
    assert f"No such command '{verb}'" in ran.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (InvalidRepository([Problem("a.yaml", 3, 7, "what", "todo")]), 3),
        (GateClosed("closed", gate="soak"), 4),
        (RolloutFailed("failed"), 5),
        (TimedOut("late"), 6),
        (Unreachable("gone"), 7),
        (Conflict("raced"), 7),
        (GitrelError("odd"), 70),
        (KeyError("surprise"), 70),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_failure_has_its_exit_code(error: BaseException, code: int) -> None:
    """Each kind of failure leaves with the code that the help promises, and never with a traceback."""
    with _failing(error):
        ran = gitrel("schema")
    assert ran.code == code
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert code in dict(EXIT_CODES)


def test_problems_are_told_one_a_line() -> None:
    """An invalid repository is told as file:line:column: what: todo, each problem on its own line."""
    problems = [Problem("a.yaml", 3, 7, "what", "todo"), Problem("b.yaml", 0, 0, "missing", "add it")]
    with _failing(InvalidRepository(problems)):
        ran = gitrel("schema")
    assert ran.err.splitlines() == ["a.yaml:3:7: what: todo", "b.yaml: missing: add it"]


def test_a_fault_shows_its_traceback_only_when_asked() -> None:
    """One line by default; --debug, before or after the verb, adds the traceback."""
    for arguments, shown in (
        (("schema",), False),
        (("--debug", "schema"), True),
        (("schema", "--debug"), True),
    ):
        with _failing(RuntimeError("boom\x1b[31m")):
            ran = gitrel(*arguments)
        assert ran.code == 70
        assert "boom" in ran.err
        assert "\x1b" not in ran.err
        assert ("Traceback" in ran.err) is shown


def test_errors_hide_what_looks_like_a_secret() -> None:
    """A remote's URL with a password in it reaches stderr without the password, --debug or not."""
    with _failing(Unreachable("https://bob:hunter2secret@example.com/x.git does not answer")):
        ran = gitrel("schema", "--debug")
    assert "example.com" in ran.err
    assert "hunter2secret" not in ran.err


def test_global_options_stand_before_or_after_the_verb(tmp_path: Path) -> None:
    """--repo is understood in both places and from the environment; what is typed last wins."""
    missing = str(tmp_path / "missing")
    for arguments, env in (
        (("--repo", missing, "validate"), {}),
        (("validate", "--repo", missing), {}),
        (("validate",), {"GITREL_REPO": missing}),
        (("--repo", "/nowhere", "validate", "-C", missing), {"GITREL_REPO": "/nowhere"}),
    ):
        ran = gitrel(*arguments, env=env)
        assert ran.code == 2
        assert missing in ran.err


def test_outside_of_a_repository_says_how_to_name_one(tmp_path: Path) -> None:
    """A folder that is no config repository is wrong usage with the way out, not a traceback."""
    done = process("validate", cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert b"--repo" in done.stderr


@pytest.mark.parametrize("value", ["0", "0s", "-5m", "5", "soon"])
def test_a_timeout_must_be_a_positive_duration(value: str) -> None:
    """Zero, negative, without unit, or words: wrong usage, before anything is read."""
    for ran in (
        gitrel("reconcile", "--wait", "--timeout", value),
        gitrel("reconcile", "--wait", env={"GITREL_TIMEOUT": value}),
    ):
        assert ran.code == 2
        assert "Invalid value for '--timeout'" in ran.err


def test_timeout_without_wait_is_refused() -> None:
    """A limit that would limit nothing is a mistake and not ignored."""
    ran = gitrel("reconcile", "--timeout", "5m")
    assert ran.code == 2
    assert "--wait" in ran.err


@pytest.mark.parametrize(
    ("env", "arguments", "colored"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "0"}, (), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({}, ("--color", "always"), True),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
        ({"GITREL_COLOR": "always"}, (), True),
    ],
)
def test_colors_follow_flag_then_variables(
    env: dict[str, str], arguments: tuple[str, ...], colored: bool
) -> None:
    """The flag wins, then NO_COLOR, then FORCE_COLOR; without any of them a pipe gets plain text."""
    with _failing(UsageError("wrong")), mock.patch.dict(os.environ):
        os.environ.pop("NO_COLOR", None)
        os.environ.pop("FORCE_COLOR", None)
        ran = gitrel("schema", *arguments, env=env)
    assert ("\x1b[" in ran.err) is colored


@pytest.mark.parametrize("arguments", ["schema", "schema component", "--help"], ids=["short", "long", "help"])
def test_a_full_disk_is_told(arguments: str) -> None:
    """Output that cannot be written, before or at the last flush, is one sentence and not a success."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m gitrel {arguments} > /dev/full"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 70
    assert done.stderr == "gitrel: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(("arguments", "code"), [("promot", 2), ("schema nonsense", 2), ("schema", 0)])
def test_a_full_stderr_changes_no_exit_code(arguments: str, code: int) -> None:
    """What cannot be told is still said by the code."""
    command = f"{sys.executable} -m gitrel {arguments} > /dev/null 2> /dev/full"
    assert subprocess.run(["bash", "-c", command], cwd=ROOT, check=False).returncode == code


def test_a_pipe_that_closes_early_gives_141() -> None:
    """The code is the one that a process ended by SIGPIPE has, as shells with pipefail expect."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "gitrel", "schema", "component"],
            stdout=stream,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb", "COLUMNS": "20"},
    ],
    ids=["locale C", "ascii", "dumb and narrow"],
)
def test_poor_terminals_get_plain_text(env: dict[str, str]) -> None:
    """An encoding without the character, twenty columns or no terminal at all end nothing."""
    for arguments in (("--help",), ("schema",), ("schema", "näme\x1b")):
        done = process(*arguments, env=env)
        assert done.returncode == (2 if len(arguments) == 2 else 0)
        assert b"Traceback" not in done.stderr
        assert b"\x1b" not in done.stdout + done.stderr


def test_closed_streams_are_survived() -> None:
    """A cron job that closes both streams still gets the exit code."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m gitrel schema component >&- 2>&-"], cwd=ROOT, check=False
    )
    assert done.returncode == 0


def test_an_interrupt_ends_quietly() -> None:
    """Ctrl-C, here in the middle of waiting for a slow verb, gives 130 and no traceback."""
    script = (
        "import signal, sys; from gitrel.cli.commands import schema\n"
        "schema._listing = lambda *a: (print('up', file=sys.stderr, flush=True), signal.pause())\n"
        "sys.argv = ['gitrel', 'schema']; from gitrel.__main__ import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        try:
            assert running.stderr is not None
            assert running.stderr.readline() == "up\n"
            running.send_signal(signal.SIGINT)
            _, rest = running.communicate(timeout=60)
        finally:
            running.kill()  # where it did not end by itself
    assert (running.returncode, rest) == (130, "")


def test_json_on_stdout_stays_json_whatever_stderr_says() -> None:
    """Machines read stdout alone: it parses, also with colours forced and debugging on."""
    ran = gitrel("--debug", "schema", "-o", "json", env={"FORCE_COLOR": "1"})
    document = json.loads(ran.out)
    assert document["apiVersion"] == "gitrel.dev/v1alpha1"
    assert {item["kind"] for item in document["items"]} >= {"Pipeline", "Environment", "Component"}


@pytest.mark.parametrize(
    "arguments", [("schema", "-o", "xml"), ("schema", "--nonsense"), ("schema", "a", "b")]
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    """An unknown value, flag or argument is wrong usage."""
    assert gitrel(*arguments).code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("schema", "-o", "xml"), "'xml' is not one of 'table'"),
        (("--max-clusters", "0", "schema"), "must be at least 1"),
        (("--max-clusters", "few", "schema"), "write a whole number"),
        (("rehearse", "web", "v2", "--soak-factor", "few"), "write a number"),
        (("rehearse", "web", "v2", "--soak-factor", "-1"), "must be at least 0"),
    ],
)
def test_a_bad_value_is_told_in_plain_words(arguments: tuple[str, ...], says: str) -> None:
    """Nobody has to know which library checks the values."""
    ran = gitrel(*arguments)
    assert ran.code == 2
    assert says in ran.err
    assert "Input should" not in ran.err
    assert "Value error" not in ran.err


def test_help_is_quick() -> None:
    """The whole process takes a fraction of a second of the processor, however busy the machine is."""
    best = min(_cpu_seconds("--help") for _ in range(3))
    assert best < 0.6


def _cpu_seconds(*arguments: str) -> float:
    """What the process had of the processor, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _failing(error: BaseException) -> Any:
    """While active, every verb raises `error`."""

    def command(*_: object, **__: object) -> None:
        raise error

    return mock.patch.object(main.LazyCommands, "__getitem__", _broken(command))


def _broken(command: Any) -> Any:
    original = main.LazyCommands.__getitem__

    def get(self: main.LazyCommands, name: str) -> Any:
        found = original(self, name)
        found.callback = command
        return found

    return get
