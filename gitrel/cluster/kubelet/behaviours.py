"""What an image does, as data: rules by image pattern, of which the last that matches wins.

A rule is a plain dict as it stands in YAML. Durations are seconds (`2`, `0.5`) or text (`40m`, `1h30m`); a
series is one value or a list of `{after, value}` steps counted from the start of the container. All keys but
`image` may be left out:

    image: "example/worker:*"      shell pattern on the image as the pod names it (`*`, `?`, `[a-z]`); a
                                   pattern with a tag also matches an image without one, as `:latest`
    pullSeconds: 1                 from the decision to start until the image is there
    pullFails: 5m | true           pulling fails for so long after the first attempt began, or for ever
    startSeconds: 1                from the image being there until the process runs; again at each restart
    readyAfter: 0                  the process answers its probes from so long after its start
    neverReady: false              it lives, but never answers a readiness probe
    unhealthy: {after, for}        it answers no probe at all from `after`, for ever or `for` so long
    crash: {after, again, exitCode: 1, times}
                                   it exits `after` its first start and `again` (default: `after`) after each
                                   restart; only the first `times` runs crash, or all
    completeAfter: 5s              it exits 0 after so long
    stopSeconds: 1                 from SIGTERM until it exits
    ignoresSigterm: false          only SIGKILL ends it
    preStopSeconds: 0              how long its preStop hook takes, where the pod has one
    cpu: 250m                      series; what the container uses
    memory: 64Mi                   series; above the container's memory limit it is killed for it

What no rule says: an image is pulled in 1 s, starts in 1 s, is healthy at once and runs for ever, but init
containers end well after 1 s and the containers of pods that do not restart always (Jobs) after 5 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import inf
from typing import Any, Literal

from gitrel.cluster.kubelet.fields import Fields
from gitrel.errors import InvalidRepository, Problem

Role = Literal["init", "sidecar", "main"]

INIT_COMPLETES_AFTER_SECONDS = 1.0
JOB_COMPLETES_AFTER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Series:
    """A step function of the seconds since the container started; zero before the first step."""

    steps: tuple[tuple[float, float], ...] = ()

    def at(self, seconds: float) -> float:
        value = 0.0
        for start, step in self.steps:
            if start <= seconds:
                value = step
        return value

    def first_above(self, limit: float) -> float | None:
        """The first second at which the value exceeds `limit`."""
        return next((start for start, value in self.steps if value > limit), None)


@dataclass(frozen=True, slots=True)
class Crash:
    """Exits with `exit_code`: `after_seconds` in the first run, `again_seconds` in each later one."""

    after_seconds: float
    again_seconds: float
    exit_code: int = 1
    times: float = inf


@dataclass(frozen=True, slots=True)
class Window:
    """From `after_seconds` (inclusive) until `until_seconds` (exclusive), counted from the container's
    start.
    """

    after_seconds: float
    until_seconds: float = inf


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything an image does. Seconds throughout; `pull_fails_seconds` is infinite for never."""

    image: str = "*"
    pull_seconds: float = 1.0
    pull_fails_seconds: float = 0.0
    start_seconds: float = 1.0
    ready_after_seconds: float = 0.0
    never_ready: bool = False
    unhealthy: Window | None = None
    crash: Crash | None = None
    complete_after_seconds: float | None = None
    stop_seconds: float = 1.0
    ignores_sigterm: bool = False
    pre_stop_seconds: float = 0.0
    cpu: Series = field(default_factory=Series)
    memory: Series = field(default_factory=Series)

    def completes_after(self, role: Role, restart_policy: str) -> float | None:
        """Seconds until it exits 0 by itself; None where it runs until something else ends it."""
        if self.complete_after_seconds is not None:
            return self.complete_after_seconds
        if role == "init":
            return INIT_COMPLETES_AFTER_SECONDS
        if role == "main" and restart_policy != "Always" and self.crash is None:
            return JOB_COMPLETES_AFTER_SECONDS
        return None


DEFAULT = Behaviour()


class Behaviours:
    """The rules of one cluster. Finding the rule of an image is remembered, so that it costs one look-up."""

    def __init__(self, rules: Iterable[Behaviour] = ()) -> None:
        self.rules = tuple(rules)
        self._found: dict[str, Behaviour] = {}

    def of(self, image: str) -> Behaviour:
        """The last rule whose pattern matches, else the default."""
        found = self._found.get(image)
        if found is None:
            found = self._found[image] = self._find(image)
        return found

    def _find(self, image: str) -> Behaviour:
        names = (image,) if _has_tag(image) else (image, f"{image}:latest")
        for rule in reversed(self.rules):
            if any(fnmatchcase(name, rule.image) for name in names):
                return rule
        return DEFAULT


def _has_tag(image: str) -> bool:
    return "@" in image or ":" in image.rpartition("/")[2]


def parse(rules: Iterable[Mapping[str, Any]] | None, source: str = "behaviours") -> Behaviours:
    """Rules as written → Behaviours. `source` is the file they stand in.

    Raises InvalidRepository with every problem at once, each naming the rule and the key.
    """
    problems: list[Problem] = []
    parsed = [_parse_rule(rule, f"[{index}]", source, problems) for index, rule in enumerate(rules or ())]
    if problems:
        raise InvalidRepository(problems)
    return Behaviours(parsed)


def _parse_rule(rule: object, place: str, source: str, problems: list[Problem]) -> Behaviour:
    fields = Fields(rule, place, source, problems)
    behaviour = Behaviour(
        image=fields.text("image"),
        pull_seconds=fields.seconds("pullSeconds", 1.0),
        pull_fails_seconds=fields.seconds_or_ever("pullFails"),
        start_seconds=fields.seconds("startSeconds", 1.0),
        ready_after_seconds=fields.seconds("readyAfter", 0.0),
        never_ready=fields.flag("neverReady"),
        unhealthy=_parse_window(fields.section("unhealthy")),
        crash=_parse_crash(fields.section("crash")),
        complete_after_seconds=fields.seconds("completeAfter", None),
        stop_seconds=fields.seconds("stopSeconds", 1.0),
        ignores_sigterm=fields.flag("ignoresSigterm"),
        pre_stop_seconds=fields.seconds("preStopSeconds", 0.0),
        cpu=Series(fields.series("cpu", fields.quantity)),
        memory=Series(fields.series("memory", fields.quantity)),
    )
    fields.refuse_unknown()
    return behaviour


def _parse_window(fields: Fields | None) -> Window | None:
    if fields is None:
        return None
    after = fields.seconds("after", 0.0)
    length = fields.seconds("for", inf)
    fields.refuse_unknown()
    return Window(after, after + length)


def _parse_crash(fields: Fields | None) -> Crash | None:
    if fields is None:
        return None
    after = fields.seconds("after", 0.0)
    crash = Crash(
        after,
        fields.seconds("again", after),
        fields.integer("exitCode", 1, 1, 255),
        fields.integer("times", inf, 1, 10**9),
    )
    fields.refuse_unknown()
    return crash
