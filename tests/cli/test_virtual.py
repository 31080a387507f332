"""rehearse and demo: whole rollouts through the command line, on virtual time."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gitrel.clock import parse_instant
from tests.cli.support import Ran, gitrel, process

START = "2026-01-05T00:00:00Z"


def test_a_good_release_passes_everywhere(repo: Path, tmp_path: Path) -> None:
    """Exit code 0, every environment passed in the order of the waves, and the event file tells the story."""
    events = tmp_path / "events.jsonl"
    ran = gitrel(
        "rehearse", "frontend", "v2", "-C", str(repo), "-o", "json", "--start", START, "--events", str(events)
    )
    document = json.loads(ran.out)
    assert (ran.code, document["status"], document["failed"]) == (0, "passed", [])
    assert [row["phase"] for row in document["environments"]] == ["passed"] * 7
    passed = [row["passed"] for row in document["environments"]]
    assert passed == sorted(passed)
    kinds = [json.loads(line)["kind"] for line in events.read_text(encoding="utf-8").splitlines()]
    assert kinds.count("pointer.moved") == 7
    assert kinds[-1] == "rollout.finished"
    assert "passed after 3d" in ran.err


def test_the_same_seed_gives_the_same_bytes(repo: Path) -> None:
    """Two processes with different hash seeds print the same document, byte for byte."""
    arguments = ("rehearse", "worker", "v2", "-C", str(repo), "-o", "json", "--start", START, "--seed", "7")
    runs = [process(*arguments, env={"PYTHONHASHSEED": seed}) for seed in ("1", "2")]
    assert runs[0].returncode == 0
    assert runs[0].stdout == runs[1].stdout


def test_the_story_begins_when_it_is_said_to(repo: Path) -> None:
    """The promotion is at `--start`, to the second, and at the present instant where nothing is said."""
    arguments = ("rehearse", "worker", "v2", "-C", str(repo), "-o", "json")
    assert json.loads(gitrel(*arguments, "--start", START).out)["started"] == START
    before = datetime.now(UTC).replace(microsecond=0)
    started = parse_instant(json.loads(gitrel(*arguments).out)["started"])
    assert before <= started <= datetime.now(UTC)


def test_a_bad_release_is_stopped_and_gives_5(repo: Path) -> None:
    """A crash in canary ends there: the regions are untouched, and the table says why."""
    ran = gitrel(
        "rehearse", "frontend", "v2", "-C", str(repo), "--fault", "crash:after=40m,in=canary", "-o", "yaml"
    )
    document = yaml.safe_load(ran.out)
    phases = {row["environment"]: row["phase"] for row in document["environments"]}
    assert ran.code == 5
    assert document["failed"] == ["canary"]
    assert phases["canary"] == "rolled-back"
    assert {phases[name] for name in ("asia", "eastus", "europe", "westus")} == {"untouched"}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--fault", "fire"), "known are"),
        (("--fault", "crash"), "after missing"),
        (("--start", "tomorrow"), "is not an instant"),
        (("--seed", "many"), "--seed"),
        (("--soak-factor", "-1"), "--soak-factor"),
        (("--events", "/nowhere/at/all"), "cannot be written"),
    ],
)
def test_wrong_values_are_wrong_usage(repo: Path, arguments: tuple[str, ...], hint: str) -> None:
    """A fault, instant, number or file that cannot be is refused with 2 before anything is played."""
    ran = gitrel("rehearse", "frontend", "v2", "-C", str(repo), *arguments)
    assert ran.code == 2
    assert hint in ran.err


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The demo, played once, and the folder in which it was."""
    folder = tmp_path_factory.mktemp("played") / "demo"
    return folder, gitrel("demo", "--directory", str(folder))


def test_the_demo_tells_its_story(played: tuple[Path, Ran]) -> None:
    """Three acts, the bad release stopped in canary, and a repository left behind to look around in."""
    folder, ran = played
    assert ran.code == 0
    assert "reached development, staging, canary; it was stopped in canary" in ran.out
    assert "every step kept to the schedule" in ran.out
    assert "canary watching v3" in ran.err
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert log[0] == "Point frontend in canary at v2"
    again = gitrel("demo", "--directory", str(folder))
    assert (again.code, "is not empty" in again.err) == (2, True)


def test_what_the_demo_left_can_be_read(played: tuple[Path, Ran]) -> None:
    """Status, list, history and verify answer from the journal that the demo wrote, without any cluster."""
    here = ("-C", str(played[0]))
    status = json.loads(gitrel("status", *here, "-o", "json").out)
    cells = {
        (row["component"], cell["environment"]): cell for row in status["items"] for cell in row["cells"]
    }
    assert cells["frontend", "canary"]["version"] == "v2"
    assert cells["frontend", "canary"]["phase"] == "rolled-back"
    assert cells["frontend", "staging"]["version"] == "v3"
    assert "v2 rolled-back" in gitrel("status", *here).out
    assert gitrel("status", "worker", *here, "-o", "name").out == "component/worker\n"

    rollouts = json.loads(gitrel("rollout", "list", *here, "-o", "json").out)["items"]
    assert {(r["component"], r["number"], r["status"]) for r in rollouts} >= {("frontend", 3, "rolled-back")}
    progress = json.loads(gitrel("rollout", "status", "frontend", *here, "-o", "json").out)["items"]
    assert [p["environment"] for p in progress][:3] == ["development", "staging", "canary"]
    history = gitrel("rollout", "history", "frontend", *here, "--limit", "5", "--no-headers")
    assert len(history.out.splitlines()) == 5
    assert "promote" in gitrel("rollout", "history", "frontend", *here).out
    verified = gitrel("rollout", "verify", *here)
    assert (verified.code, "kept to the schedule" in verified.out) == (0, True)
    for verb in (
        ("status",),
        ("rollout", "list"),
        ("rollout", "status"),
        ("rollout", "history"),
        ("rollout", "verify"),
    ):
        for output in ("wide", "yaml", "name"):
            assert gitrel(*verb, *here, "-o", output).code == 0
    unknown = gitrel("rollout", "status", "frontent", *here)
    assert (unknown.code, "did you mean 'frontend'" in unknown.err) == (2, True)
