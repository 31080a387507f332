"""`cluster`: the bundled Kubernetes alone, served over HTTPS for kubectl and everybody else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitrel.cli.flags import Headers, Output
from gitrel.cli.options import Verb, VerbGroup, argument, duration, option, session_of
from gitrel.cli.output import Column, Item, Listing
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.errors import GitrelError, TimedOut, UsageError

if TYPE_CHECKING:
    from gitrel.cluster.server.home import Home, Settings

app = typer.Typer(
    cls=VerbGroup,
    help="The bundled Kubernetes, alone and over HTTPS.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Name = Annotated[str, option("cluster_name")]

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.05


class Clock(StrEnum):
    SYSTEM = "system"
    VIRTUAL = "virtual"


class Authorization(StrEnum):
    ALWAYS_ALLOW = "AlwaysAllow"
    RBAC = "RBAC"
    BOTH = "RBAC,AlwaysAllow"


@app.command(cls=Verb)
def up(
    context: typer.Context,
    *,
    name: Name = DEFAULT.cluster_name,
    listen: Annotated[str | None, option("listen")] = DEFAULT.listen,
    nodes: Annotated[int | None, option("nodes", min=0, max=5000)] = DEFAULT.nodes,
    clock: Annotated[Clock | None, option("clock")] = DEFAULT.clock,
    speed: Annotated[float | None, option("speed", min=0.001, max=100_000)] = DEFAULT.speed,
    without: Annotated[str | None, option("without")] = DEFAULT.without,
    kubernetes_version: Annotated[str, option("kubernetes_version")] = DEFAULT.kubernetes_version,
    token_file: Annotated[Path | None, option("cluster_token_file")] = DEFAULT.cluster_token_file,
    client_ca: Annotated[Path | None, option("client_ca")] = DEFAULT.client_ca,
    service_cidr: Annotated[str | None, option("service_cidr")] = DEFAULT.service_cidr,
    authorization: Annotated[Authorization | None, option("authorization")] = DEFAULT.authorization,
    enable_admission: Annotated[str | None, option("enable_admission")] = DEFAULT.enable_admission,
    disable_admission: Annotated[str | None, option("disable_admission")] = DEFAULT.disable_admission,
    snapshot: Annotated[Path | None, option("from_snapshot")] = DEFAULT.from_snapshot,
    foreground: Annotated[bool, option("foreground")] = DEFAULT.foreground,
) -> int:
    """Start a cluster, or the one of this name again.

    It is kept on disk and goes on where it stood, with what was given at the first start. Prints the path of
    its kubeconfig.
    """
    from gitrel.cluster.server.home import Settings, home, state_root

    session = session_of(context)
    _check_version(kubernetes_version)
    place = home(name, state_root(os.environ))
    given = {
        "listen": listen,
        "clock": clock.value if clock else None,
        "speed": speed,
        "nodes": nodes,
        "service_cidr": service_cidr,
        "without": _names(without),
        "authorization": authorization.value if authorization else None,
        "enable_admission": _names(enable_admission),
        "disable_admission": _names(disable_admission),
        "token_file": str(token_file.absolute()) if token_file else None,
        "client_ca": str(client_ca.absolute()) if client_ca else None,
    }
    if (running := place.running()) is not None:
        session.note(f"cluster {name} is running already at {running['url']}")
        session.out.line(str(place.kubeconfig))
        return 0
    settings = _merged(place, Settings(), {key: value for key, value in given.items() if value is not None})
    if snapshot is not None:
        _restored(place, snapshot)
    if foreground:
        return _serve(session, place, settings)
    _start(session, place, settings)
    session.out.line(str(place.kubeconfig))
    return 0


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _check_version(version: str) -> None:
    from gitrel.cluster.spec import KUBERNETES_VERSION

    if version.removeprefix("v") not in (KUBERNETES_VERSION, f"{KUBERNETES_VERSION}.0"):
        raise UsageError(f"--kubernetes-version {version}: only {KUBERNETES_VERSION} is emulated")


def _merged(place: Home, fresh: Settings, given: dict[str, Any]) -> Settings:
    """What is given over what was saved. Raises UsageError for what cannot be changed any more."""
    from dataclasses import replace

    if not place.exists:
        return replace(fresh, **given)
    saved = place.settings()
    for key in ("nodes", "service_cidr"):
        if key in given and given[key] != getattr(saved, key):
            flag = f"--{key.replace('_', '-')}"
            message = (
                f"{flag}: cluster {place.name} was made otherwise: leave the flag out, or delete it first"
            )
            raise UsageError(f"{message} (gitrel cluster down --name {place.name} --delete)")
    return replace(saved, **given)


def _restored(place: Home, snapshot: Path) -> None:
    if (place.directory / "cluster.db").exists():
        raise UsageError(f"--from: cluster {place.name} exists already: choose another --name")
    place.create()
    place.restore(snapshot)


def _serve(session: Session, place: Home, settings: Settings) -> int:
    import logging

    from gitrel.cluster.server.bringup import serve

    session.configure_logs("info")
    logging.getLogger("gitrel.cluster").setLevel(logging.INFO)

    def ready(url: str) -> None:
        session.note(f"cluster {place.name} is up at {url}; kubeconfig: {place.kubeconfig}")

    serve(place, settings, ready)
    return 0


def _start(session: Session, place: Home, settings: Settings) -> None:
    """The same verb in the foreground of a process of its own. Raises GitrelError if it does not come up."""
    place.create()
    command = [sys.executable, "-m", "gitrel", "--color", "never", *arguments(place.name, settings)]
    # The flags say everything; the variables of the caller are not to be read a second time.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GITREL_")}
    with place.log.open("ab") as log:
        place.log.chmod(0o600)
        begun = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=environment,
        )
    deadline = time.monotonic() + _START_SECONDS
    while (running := place.running()) is None:
        if process.poll() is not None:
            raise _not_started(place, begun, process.returncode)
        if time.monotonic() > deadline:
            process.terminate()
            raise TimedOut(f"cluster {place.name} did not come up in {_START_SECONDS:.0f}s: see {place.log}")
        time.sleep(_LOOK_SECONDS)
    session.note(f"cluster {place.name} is up at {running['url']}")


def _not_started(place: Home, begun: int, code: int) -> GitrelError:
    text = place.log.read_bytes()[begun:].decode(errors="replace").strip()
    if not place.exists:
        place.delete()
    said = text.splitlines()[-1].removeprefix("gitrel: ") if text else f"it ended with {code}"
    return UsageError(said) if code == UsageError.exit_code else GitrelError(said)


def arguments(name: str, settings: Settings) -> Sequence[str]:
    """The command line that serves a cluster in the foreground, as its settings say."""
    flags = {
        "--name": name,
        "--listen": settings.listen,
        "--clock": settings.clock,
        "--speed": settings.speed,
        "--nodes": settings.nodes,
        "--service-cidr": settings.service_cidr,
        "--without": ",".join(settings.without) or None,
        "--authorization": settings.authorization,
        "--enable-admission": ",".join(settings.enable_admission) or None,
        "--disable-admission": ",".join(settings.disable_admission) or None,
        "--token-file": settings.token_file,
        "--client-ca": settings.client_ca,
    }
    given = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return ("cluster", "up", "--foreground", *given)


@app.command(cls=Verb)
def down(
    context: typer.Context,
    *,
    name: Name = DEFAULT.cluster_name,
    delete: Annotated[bool, option("delete")] = DEFAULT.delete,
) -> int:
    """Stop a cluster. What is in it stays, unless it is deleted too."""
    session = session_of(context)
    place = _existing(name)
    if place.terminate() is None:
        session.note(f"cluster {name} is not running")
    deadline = time.monotonic() + _STOP_SECONDS
    while place.running() is not None:
        if time.monotonic() > deadline:
            raise TimedOut(f"cluster {name} did not stop in {_STOP_SECONDS:.0f}s: see {place.log}")
        time.sleep(_LOOK_SECONDS)
    if delete:
        place.delete()
    return 0


def _existing(name: str) -> Home:
    from gitrel.cluster.server.home import home, state_root

    place = home(name, state_root(os.environ))
    place.settings()
    return place


@app.command("list", cls=Verb)
def list_(
    context: typer.Context,
    *,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """List the clusters that are kept on this machine."""
    from gitrel.cluster.server.home import homes, state_root

    items = [_described(place) for place in homes(state_root(os.environ))]
    listing = Listing("ClusterList", items, _COLUMNS, lambda item: f"cluster/{item['name']}", {})
    session_of(context).show(output, listing, headers=headers)
    return 0


def _described(place: Home) -> Item:
    settings, running = place.settings(), place.running()
    return {
        "name": place.name,
        "status": "running" if running else "stopped",
        "server": running["url"] if running else "",
        "clock": settings.clock,
        "speed": settings.speed,
        "authorization": settings.authorization,
        "without": list(settings.without),
        "kubeconfig": str(place.kubeconfig),
        "directory": str(place.directory),
    }


_COLUMNS = (
    Column("NAME", lambda item: item["name"]),
    Column("STATUS", lambda item: item["status"]),
    Column("SERVER", lambda item: item["server"]),
    Column("CLOCK", lambda item: item["clock"] + (f" x{item['speed']:g}" if item["speed"] else "")),
    Column("AUTHORIZATION", lambda item: item["authorization"], wide=True),
    Column("WITHOUT", lambda item: ",".join(item["without"]), wide=True),
    Column("KUBECONFIG", lambda item: item["kubeconfig"], wide=True),
)


@app.command(cls=Verb)
def kubeconfig(
    context: typer.Context,
    *,
    name: Name = DEFAULT.cluster_name,
) -> int:
    """Print the kubeconfig of a cluster's administrator."""
    place = _existing(name)
    try:
        text = place.kubeconfig.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"cluster {name} was never up: bring it up first") from None
    session_of(context).out.raw(text)
    return 0


@app.command(cls=Verb)
def advance(
    context: typer.Context,
    by: Annotated[str, argument("DURATION", "How far, such as 10m or 2d.")],
    *,
    name: Name = DEFAULT.cluster_name,
) -> int:
    """Let time pass in a cluster with a virtual clock, at once. Prints what time it is then.

    Everything that falls due meanwhile happens at its own instant: cron jobs run, deadlines pass.
    """
    from gitrel.cluster.server import administrator

    place = _existing(name)
    if place.running() is None:
        raise UsageError(f"cluster {name} is not running: bring it up first")
    session_of(context).out.line(administrator.advance(place.kubeconfig, duration(by))["now"])
    return 0


@app.command(cls=Verb)
def snapshot(
    context: typer.Context,
    file: Annotated[Path, argument("FILE", "The file that the cluster is kept in.")],
    *,
    name: Name = DEFAULT.cluster_name,
) -> int:
    """Write a cluster's state to a file, running or not; `up --from FILE` starts another one from it."""
    _existing(name).snapshot(file)
    session_of(context).note(f"cluster {name} written to {file}")
    return 0
