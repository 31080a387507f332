"""What the shell reports about one environment at one instant: facts only, nothing decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HealthStatus = Literal["current", "in-progress", "failed", "unknown"]
Owed = Literal["after", "on-failure"]


@dataclass(frozen=True, slots=True)
class Release:
    """What an environment runs, or is to run. `digest` is what counts; the others tell how to get it.

    `commit` is the full SHA of a commit at which rendering `version` for the environment gives `digest`.
    """

    version: str
    digest: str
    commit: str


@dataclass(frozen=True, slots=True)
class Health:
    """The health of everything in one applied release, by kstatus's words.

    `since` is when the last object became Current by the cluster's own conditions, None unless
    `status` is current. `restarts` sums the container restarts of the release's pods. `given_up` is when
    the cluster itself gave up, by a deadline or a limit that the release sets there; None where it goes on.
    """

    status: HealthStatus
    because: str = ""
    since: datetime | None = None
    restarts: int = 0
    given_up: datetime | None = None


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A hook of the release in flight has failed, and with it the release. `attempt` is the start of the
    release for which it ran, as `facts.attempt_of` writes it: a later start is not judged by it."""

    because: str
    attempt: str


@dataclass(frozen=True, slots=True)
class Drifted:
    """One object that is not what was applied: no `fields` where it is gone.

    `managers` are the others who own the fields now, `since` is when the last of them wrote; both as far as
    the cluster tells. Values are not kept: they may be secret.
    """

    object: str
    fields: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """`pointer` is what Git says now, None where there is no pointer.

    `candidate` is what the rollout's version would be here. It is to be given for every environment as long
    as the record names a version and its status is neither passed nor aborted, and for the version that is
    asked for when a promotion is commanded.
    `applied` is the digest in the cluster's inventory and `health` that digest's health; both are None
    where the cluster did not answer (`reachable` false) or nothing was applied yet. `drifted` tells that
    live objects no longer are what `applied` put there, and `drift` which; without it the whole release is
    put right. `waiting_for` says which dependency is not well in
    the same environment, or which member of the set it is promoted with is not that far; empty when all are.
    `cluster` is the cluster's UID, None where it did not answer or may not be asked for it.
    `owes` are the hooks that are to run there: `after` those of the release in force, which is ready for
    them, `on-failure` those of the release in flight, should it fail. `hook_failed` tells of one that failed.
    `delivery` is what the last attempt to apply the release in force waits for, or why it was refused;
    `tried` that it was made in this very pass, and `awaits` names what it waits for then, empty where it was
    refused.
    """

    environment: str
    pointer: Release | None = None
    candidate: Release | None = None
    reachable: bool = True
    applied: str | None = None
    health: Health | None = None
    drifted: bool = False
    waiting_for: str = ""
    cluster: str | None = None
    owes: tuple[Owed, ...] = ()
    hook_failed: HookFailure | None = None
    delivery: str = ""
    tried: bool = False
    awaits: str = ""
    drift: tuple[Drifted, ...] = ()
