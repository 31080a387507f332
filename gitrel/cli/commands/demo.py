"""`demo`: a copy of the example repository, seven virtual clusters, one good release and one bad one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import gitrel
from gitrel.cli.flags import Seed, SoakFactor
from gitrel.cli.matrix import matrix_listing
from gitrel.cli.options import Verb, option, session_of
from gitrel.cli.output import Format
from gitrel.cli.progress import Display, display
from gitrel.cli.session import Session
from gitrel.clock import SystemClock, VirtualClock, format_duration
from gitrel.config.settings import DEFAULT
from gitrel.errors import RolloutFailed, UsageError
from gitrel.events import Event, EventStream
from gitrel.orchestrator.world import World
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.rehearsal.demo import Act, Ending

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def demo(
    context: typer.Context,
    *,
    directory: Annotated[Path | None, option("directory")] = DEFAULT.directory,
    seed: Seed = DEFAULT.seed,
    soak_factor: SoakFactor = DEFAULT.soak_factor,
    real_region: Annotated[list[str], option("real_region")] = DEFAULT.real_region,
) -> int:
    """Watch one good and one bad release go around the world.

    On a copy of the example repository with real commits, virtual clusters and a virtual clock: days pass in
    seconds. With --soak-factor 0 one sees how far the bad release gets where nobody waits.

    With --real-region some regions are real clusters, each with a new namespace gitrel-demo-REGION, and the
    clock is the real one: waiting is cut down to seconds. Their nodes may be KWOK's; where pods really run,
    they need the example's images.
    """
    from gitrel.app import world as open_world
    from gitrel.rehearsal import demo as play

    session = session_of(context)
    example = _example(session)
    regions = _regions(real_region)
    events = EventStream()
    with _folder(directory) as folder, Narration(session, real=bool(regions)) as narration:
        events.subscribe(narration.hear)
        if regions:
            ending = _live(session, example, folder, regions, soak_factor, events, narration)
        else:
            ending = play.run(
                example,
                folder,
                open_world,
                seed=seed,
                soak_factor=soak_factor,
                events=events,
                on_act=narration.begin,
            )
    _tell(session, ending, directory, regions)
    return RolloutFailed.exit_code if ending.breach else 0


def _live(
    session: Session,
    example: Path,
    folder: Path,
    regions: Mapping[str, str],
    soak_factor: float | None,
    events: EventStream,
    narration: Narration,
) -> Ending:
    from gitrel.app import world
    from gitrel.cli.sources import reach
    from gitrel.rehearsal import live

    session.repo = str(folder)  # the copy is what clusters are reached for, and no kubeconfig may lie in it

    def open_world(place: Path, *, actor: str, events: EventStream) -> AbstractContextManager[World]:
        return world(place, actor=actor, events=events, reach=reach(session))

    return live.run(
        example,
        folder,
        open_world,
        regions,
        soak_factor=soak_factor,
        events=events,
        on_act=narration.begin,
        sleep=time.sleep,
    )


def _regions(texts: Sequence[str]) -> dict[str, str]:
    """`eastus=my-context` → environment and context. Raises UsageError."""
    regions: dict[str, str] = {}
    for text in texts:
        region, separator, context = text.partition("=")
        if not (region and separator and context):
            raise UsageError(f"--real-region {text}: write it as REGION=CONTEXT")
        if region in regions:
            raise UsageError(f"--real-region {text}: {region} is on {regions[region]} already")
        regions[region] = context
    return regions


class Narration:
    """Announces each act with what stands before it, and shows progress while it is played."""

    def __init__(self, session: Session, *, real: bool = False) -> None:
        from gitrel.rehearsal.demo import START

        self._session = session
        self._clock = VirtualClock(SystemClock().now() if real else START)
        self._stack = ExitStack()
        self._shown: Display | None = None

    def __enter__(self) -> Narration:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, act: Act, world: World) -> None:
        from gitrel.orchestrator.overview import matrix

        self._stack.close()
        out = self._session.out
        if self._shown is not None:
            found = matrix(world)
            self._session.show(Format.TABLE, matrix_listing(found, found.rows))
        out.line()
        out.line(out.paint(clean(act.title), "bold"))
        out.line(clean(act.says))
        out.line()
        out.flush()
        self._shown = self._stack.enter_context(display(self._session, self._clock))

    def hear(self, event: Event) -> None:
        self._clock.advance_to(event.at)
        if self._shown is not None:
            self._shown.event(event)


def _tell(session: Session, ending: Ending, kept: Path | None, regions: Mapping[str, str]) -> None:
    out = session.out
    session.show(Format.TABLE, matrix_listing(ending.matrix, ending.matrix.rows))
    out.line()
    places = ", ".join(ending.reached) or "no environment"
    out.line(
        clean(f"The bad release reached {places}; it was stopped in {ending.stopped_in or 'none of them'}.")
    )
    clock = "real" if regions else "virtual"
    out.line(
        f"{format_duration(ending.lasted)} went by on the {clock} clock. Pointers moved by these commits:"
    )
    for subject in ending.pointer_commits:
        out.line(clean(f"  {subject}"))
    kept_to = (
        f"the schedule was broken: {ending.breach}" if ending.breach else "every step kept to the schedule"
    )
    out.line(clean(f"The journal was taken again step by step: {kept_to}."))
    if kept is not None:
        out.line(clean(f"Look around: git -C {kept} log; gitrel -C {kept} rollout history"))
    for region, context in regions.items():
        out.line(clean(f"Clean up: kubectl --context {context} delete namespace gitrel-demo-{region}"))


def _example(session: Session) -> Path:
    """The repository to copy: the one that was named, or the one that this checkout of gitrel ships."""
    if session.repo is not None:
        return session.repository()
    checkout = Path(gitrel.__file__).resolve().parent.parent
    if (checkout / "apps" / "frontend" / "v2").is_dir():
        return checkout
    raise UsageError("the example repository is not installed with gitrel: name a copy of it with --repo DIR")


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="gitrel-demo-") as temporary:
            yield Path(temporary)
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        empty = not any(directory.iterdir())
    except OSError as error:
        raise UsageError(f"--directory {directory}: {error.strerror}") from error
    if not empty:
        raise UsageError(f"--directory {directory}: is not empty: name a new one")
    yield directory
