"""A process to be killed or raced: saves one step, dies at a named instant, or writes as fast as it can."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from gitrel.errors import Conflict
from gitrel.ledger.git import GitLedger
from gitrel.repo.git import GitRepository
from gitrel.rollout.actions import MovePointer
from tests.ledger.samples import entry


def dying_at(step: str) -> Callable[[str], None]:
    """Kills this process, with no chance to clean up, when the step is announced."""

    def durable(announced: str) -> None:
        if announced == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return durable


def save_once(repository: GitRepository, remote: str) -> str:
    ledger = GitLedger(repository, remote or None, "main")
    head, _ = ledger.load()
    moves = [("frontend", MovePointer(name, "v2", "its turn")) for name in ("canary", "staging")]
    return ledger.save([entry(commit=ledger.tip())], moves, head=head)


def race(repository: GitRepository, remote: str, actor: str, count: int) -> int:
    """Appends `count` entries, each with a pointer move, reading again after every conflict."""
    ledger = GitLedger(repository, remote or None, "main")
    conflicts = done = 0
    while done < count:
        head, records = ledger.load()
        number = records["frontend"].number + 1 if records else 1
        step = entry(number=number, actor=actor, commit=ledger.tip())
        move = MovePointer("canary", f"v{1 + number % 2}", f"{actor} {done}")
        try:
            ledger.save([step], [("frontend", move)], head=head)
            done += 1
        except Conflict:
            conflicts += 1
    return conflicts


if __name__ == "__main__":
    verb, folder, remote_name, argument = sys.argv[1:5]
    if verb == "die":
        with GitRepository(Path(folder), durable=dying_at(argument)) as opened:
            save_once(opened, remote_name)
    else:
        with GitRepository(Path(folder)) as opened:
            print(race(opened, remote_name, argument, int(sys.argv[5])))
