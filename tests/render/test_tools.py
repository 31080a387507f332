"""Tools that are missing, old, hanging or endless: named in time, and nothing is left running."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import pytest

from gitrel.render.tools import ToolFailed, ToolLimits, Tools, isolation
from gitrel.render.workspace import RELEASE, workspace
from gitrel.repo.model import Origin, TemplateFile
from tests.render.external import rendered_by, standing_in
from tests.waiting import until

CHART = {"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 0.1.0\n"}
VERSION = 'case "$1" in version) echo v3.14; exit 0;; esac\n'


def complaint(tools: Tools) -> str:
    (problem,) = rendered_by(tools, CHART).problems
    return str(problem)


def test_a_missing_tool_is_named() -> None:
    """Without helm the component fails by name, with what to install."""
    assert complaint(Tools(environment={"PATH": "/nonexistent"})) == (
        "apps/web/v1/Chart.yaml: helm is not installed: install helm 3.8 or newer"
    )


def test_an_old_or_strange_tool_is_named(tmp_path: Path) -> None:
    """helm 2 has another `template`; a program that tells no version may be anything."""
    assert "is helm 2.17, which is too old" in complaint(
        standing_in(tmp_path / "old", "helm", "echo v2.17.0")
    )
    assert "does not tell its version" in complaint(standing_in(tmp_path / "odd", "helm", "echo hello"))


def test_a_tool_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """After the limit the whole process group is gone, the child that holds the pipe open too."""
    script = VERSION + f"sleep 300 & echo $! > {tmp_path}/child; wait"
    begun = time.monotonic()
    assert "helm was stopped: it runs longer than 2 s" in complaint(
        standing_in(tmp_path, "helm", script.replace("sleep", "/bin/sleep"), ToolLimits(seconds=2))
    )
    assert time.monotonic() - begun < 60
    child = int((tmp_path / "child").read_text())
    until(lambda: not alive(child), "the kernel carries the kill out")


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_endless_output_is_cut(tmp_path: Path) -> None:
    """A gigabyte is not collected: the tool is stopped at the limit."""
    tools = standing_in(tmp_path, "helm", VERSION + "exec /usr/bin/yes", ToolLimits(output_bytes=2**20))
    assert "helm writes more than 1 MiB" in complaint(tools)


def test_a_tool_gets_nothing_of_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither environment variables nor the home folder nor the arguments' order depend on who calls."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-environment")
    tools = standing_in(
        tmp_path, "helm", VERSION + f"/usr/bin/env > {tmp_path}/seen; /bin/cat > {tmp_path}/in"
    )
    rendered_by(tools, CHART)
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert seen["HOME"].endswith("/home")
    assert not seen["HOME"].startswith(os.environ.get("HOME", "/root") + "/")
    assert not Path(seen["HOME"]).exists()  # thrown away afterwards
    assert b'"region": "eu-1"' in (tmp_path / "in").read_bytes()


def test_a_tool_has_no_network(tmp_path: Path) -> None:
    """Where the system allows namespaces, not even this machine itself can be reached."""
    if not isolation():
        pytest.skip("this system allows no network namespaces")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        probe = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached > {tmp_path}/reached"
        tools = standing_in(tmp_path, "helm", VERSION + f"/bin/bash -c '{probe}'; exit 1")
        assert "Connection refused" in complaint(tools) or "unreachable" in complaint(tools)
    assert not (tmp_path / "reached").exists()


def file(path: str) -> TemplateFile:
    return TemplateFile(path, b"x", Origin(path))


def test_the_workspace_is_private_and_goes_away() -> None:
    """0700 and 0600 whatever the umask; nothing stays behind."""
    with workspace([file("a/b.yaml")]) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / RELEASE / "a/b.yaml").stat().st_mode) == 0o600
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", ".", "a\0b", "..\\x"])
def test_the_workspace_refuses_names_that_lead_out(name: str) -> None:
    """Whatever a tree calls its files, none is written outside the folder."""
    with pytest.raises(ValueError, match="not the name of a file"), workspace([file(name)]):
        pass


def test_a_tool_that_cannot_start_is_named(tmp_path: Path) -> None:
    """A file that is not a program is told as one."""
    tools = standing_in(tmp_path, "helm", "")
    (tmp_path / "bin/helm").write_bytes(b"\x7fELF not really")
    with pytest.raises(ToolFailed, match="cannot be started"):
        tools.find("helm")
