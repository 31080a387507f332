"""The demo in real time, with some regions on real clusters: the same story, told where it can be looked at.

The copy of the example says everything itself: which context a region is, that waiting is short, and that the
bad image crashes. So the world is the ordinary one, and the copy can be used by hand afterwards. In a real
cluster all is in a namespace of its own, which must be new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from gitrel.clock import SystemClock, format_duration, parse_duration
from gitrel.delivery.written import to_yaml
from gitrel.errors import UsageError
from gitrel.events import EventStream
from gitrel.kube.fields import replaced
from gitrel.orchestrator.commands import promote
from gitrel.orchestrator.wait import next_look, reconcile_until_done
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rehearsal.demo import (
    ACTOR,
    BAD,
    BAD_IMAGE,
    BAD_REASON,
    COMPONENT,
    CRASH_IN,
    GOOD,
    GOOD_REASON,
    ONLY,
    PIPELINE,
    Act,
    Ending,
    Stage,
    copy_example,
)
from gitrel.repo.edit import PutFile
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.creation import create
from gitrel.repo.layout import RELEASE_FILE
from gitrel.repo.yamlfile import load

SOAK_FACTOR = 0.0002
"""Of the example's four hours: almost three seconds, in which a bad release shows itself."""
MIN_READY_SECONDS = 1
PROGRESS_DEADLINE = "30s"
ROLLED_OUT_SECONDS = 4.5
"""From the start of the first pod until its release is watched, with all that is hurried."""
SLOW = re.compile(r"(minReadySeconds|periodSeconds|initialDelaySeconds): \d+")
PATIENCE = timedelta(minutes=15)
POLL = timedelta(seconds=1)


class OpenWorld(Protocol):
    """How the caller makes the ordinary world of a repository (`gitrel.app.world`)."""

    def __call__(self, place: Path, *, actor: str, events: EventStream) -> AbstractContextManager[World]: ...


def namespace_of(region: str) -> str:
    return f"gitrel-demo-{region}"


def run(
    example: Path,
    directory: Path,
    open_world: OpenWorld,
    regions: Mapping[str, str],
    *,
    soak_factor: float | None = None,
    events: EventStream,
    on_act: Callable[[Act, World], None],
    sleep: Callable[[float], None],
) -> Ending:
    """Plays the demo in `directory`, which must be empty; `regions` are environment → kubeconfig context.

    Raises UsageError before anything is written where an environment does not exist or a namespace does.
    """
    factor = SOAK_FACTOR if soak_factor is None else soak_factor
    clock = SystemClock()
    copy_example(example, directory)
    soak = _adapt(directory, regions, factor)
    create(directory, message="Start from the example", author=ACTOR, at=clock.now())
    stage = Stage(directory, events, clock)
    with open_world(directory, actor=ACTOR, events=events) as world:
        _check(world, regions)

        def play(scope: Scope | None = None) -> None:
            def wait(report: PassReport) -> None:
                due = next_look(report, world.clusters.connected(), POLL)
                sleep(max((due - clock.now()).total_seconds(), 0))

            reconcile_until_done(world, scope, PATIENCE, wait)

        where = ", ".join(f"{region} on {context}" for region, context in regions.items())
        on_act(Act("Install", f"every pointer says v1: three components into seven clusters, {where}"), world)
        play()
        _begin_soaking(directory, factor)
        says = f"gitrel promote {COMPONENT} {GOOD}; each place is watched for {format_duration(soak)}"
        on_act(Act("A good release", says), world)
        promote(world, COMPONENT, GOOD, reason=GOOD_REASON)
        play(ONLY)
        stage.cut_bad_release()
        says = (
            f"gitrel promote {COMPONENT} {BAD}, which crashes in {CRASH_IN}, where the first real users are"
        )
        on_act(Act("A bad release", says), world)
        promote(world, COMPONENT, BAD, reason=BAD_REASON)
        play(ONLY)
        return stage.ending(world)


def _adapt(directory: Path, regions: Mapping[str, str], soak_factor: float) -> timedelta:
    """Writes what differs from the example into the copy; gives how long each place will soak."""
    folder = directory / "environments"
    environments = sorted(path.stem for path in folder.glob("*.yaml") if path.stem != "pipeline")
    if unknown := [name for name in regions if name not in environments]:
        known = ", ".join(environments)
        raise UsageError(f"--real-region {unknown[0]}=…: there is no such environment (have: {known})")
    for region, context in regions.items():
        cluster = {"kubernetes": {"context": context}}
        _edit(folder / f"{region}.yaml", {("cluster",): cluster, ("namespace",): namespace_of(region)})
    pipeline = directory / PIPELINE
    soak = parse_duration(_read(pipeline)["spec"]["defaults"]["meanTimeToSmoke"]) * soak_factor
    timers = {"minReadySeconds": MIN_READY_SECONDS, "soakFactor": 0, "progressDeadline": PROGRESS_DEADLINE}
    _edit(pipeline, {("defaults", name): value for name, value in timers.items()})
    for name in environments:
        if name not in regions:
            crashes = name == CRASH_IN
            _edit(
                folder / f"{name}.yaml",
                {("cluster", "embedded", "behaviours"): _behaviours(soak, crashes=crashes)},
            )
    _hurry(directory / "apps")
    return soak


def _behaviours(soak: timedelta, *, crashes: bool) -> list[dict[str, Any]]:
    """What images do in the bundled clusters: start at once, and the bad one crashes while it is watched."""
    quick = {"image": "*", "pullSeconds": 0.1, "startSeconds": 0.1}
    if not crashes:
        return [quick]
    after = ROLLED_OUT_SECONDS + 0.4 * soak.total_seconds()
    return [quick, {**quick, "image": BAD_IMAGE, "crash": {"after": f"{after:.3f}s", "exitCode": 1}}]


def _hurry(apps: Path) -> None:
    """The workloads' own timers, from ten seconds to one. The versions are no longer as they were cut."""
    for path in apps.glob("*/*/*-deployment.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(SLOW, r"\1: 1", text), encoding="utf-8")
    for record in apps.glob("*/*/" + RELEASE_FILE):
        record.unlink()


def _check(world: World, regions: Mapping[str, str]) -> None:
    """Every real cluster answers and has room for the demo: asked before the first write."""
    catalog, _ = world.source.catalog(world.source.head())
    for region, context in regions.items():
        backend = world.clusters.of(catalog.environments[region])
        name = namespace_of(region)
        if backend.read([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}]):
            raise UsageError(
                f"--real-region {region}={context}: namespace {name} is there already: "
                f"kubectl --context {context} delete namespace {name}"
            )


def _begin_soaking(directory: Path, soak_factor: float) -> None:
    """Commits the pipeline with the soak: what is installed first has nothing to be compared with."""
    document = replaced(_read(directory / PIPELINE), ("spec", "defaults", "soakFactor"), soak_factor)
    with GitRepository(directory) as repository:
        head = repository.head()
        commit = repository.commit_tree(
            head.commit,
            [PutFile(PIPELINE, to_yaml(document).encode())],
            message="Watch each place before the next one",
            author=ACTOR,
            at=SystemClock().now(),
        )
        repository.update_refs([RefUpdate(head.ref, commit, head.commit)])


def _read(path: Path) -> Any:
    (document,) = load(path.read_bytes(), path.name)
    return document.value


def _edit(path: Path, fields: Mapping[tuple[str, ...], Any]) -> None:
    """Sets fields below `spec`."""
    document = _read(path)
    for field, value in fields.items():
        document = replaced(document, ("spec", *field), value)
    path.write_text(to_yaml(document), encoding="utf-8")
