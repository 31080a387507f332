"""A config repository with a history: each step is one commit, a day after the one before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.parameters.support import BASE


class Repository:
    """A work tree on disk; `commit` lays files over it and commits them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commits = 0
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Begin", BASE)

    def git(self, *arguments: str) -> str:
        at = f"2026-03-{self.commits + 1:02d}T08:00:00Z"
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (
            ("NAME", "Ada"), ("EMAIL", "ada@example.com"), ("DATE", at))}  # fmt: skip
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                file.symlink_to(text.removeprefix("-> "))
            else:
                file.write_text(text, encoding="utf-8")

    def commit(self, message: str, files: Mapping[str, str]) -> str:
        """The full SHA of the new commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.commits += 1
        return self.git("rev-parse", "HEAD").strip()
