"""What a config repository says, as frozen values: the catalog of components and environments.

Everything here was read from one tree (one commit, or one work tree) and has been resolved: links are
followed, precedence is decided, and each value knows the file and line that it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from gitrel.errors import Problem
from gitrel.kube.impersonation import NOBODY, Impersonation

Role = Literal["stage", "region"]
FailurePolicy = Literal["hold", "rollback"]
DriftPolicy = Literal["heal", "report"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written. `line` and `column` count from 1; 0 where the place has none."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter after precedence: the winner, its origin, and what it won over (last loser first)."""

    value: Any
    """Plain: maps are merged, and hold no Values."""
    origin: Origin
    overrides: tuple[Value, ...] = ()
    parts: Mapping[str, Value] = field(default_factory=dict)
    """For a map: each of its keys as a Value of its own, since each may come from another file."""


@dataclass(frozen=True, slots=True)
class ClusterRef:
    """Which cluster an environment is: the bundled one, or a context of the operator's kubeconfig."""

    backend: Literal["embedded", "kubernetes"]
    context: str = ""
    nodes: int = 3
    behaviours: tuple[Mapping[str, Any], ...] = ()
    """Embedded only: what images do, in the format of `cluster.kubelet.behaviours`."""
    act_as: Impersonation = NOBODY
    """Kubernetes only: whom the environment's file wants to act as."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A stage or a region: one cluster with a complete deployment."""

    name: str
    role: Role
    cluster: ClusterRef
    namespace: str
    traffic: float
    """Share of the world's traffic, in any unit; only ratios and order matter."""
    parameters: Mapping[str, Value]
    flags: Mapping[str, Value]
    labels: Mapping[str, str]
    origin: Origin
    drift_policy: DriftPolicy | None = None
    """None: the pipeline's."""


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One file of a version directory. `path` is relative to that directory."""

    path: str
    data: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class Fix:
    """One point fix that was carried into a released version."""

    source: str
    """`commit <SHA>` or `patch sha256:…`."""
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What was released when a version was cut, and which point fixes it got since.

    `digest` is the version's `source_digest` as it has to be, `files` the digest of each file by its path.
    `commit` is the commit whose `current` was copied; `by` is `Name <email>`.
    """

    version: str
    commit: str
    at: datetime
    by: str
    digest: str
    files: Mapping[str, str]
    origin: Origin
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """`current` or a released version. `source_digest` covers the files' names and bytes: `sha256:…`."""

    component: str
    name: str
    files: tuple[TemplateFile, ...]
    source_digest: str
    origin: Origin
    record: ReleaseRecord | None = None
    """None for `current`, and for a version that was made by hand."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version an environment is pointed at, and in which of the two forms it is written.

    link:    apps/frontend/canary -> v2                       `path` is that link
    folder:  apps/frontend/staging/templates -> ../v2         `path` is the inner link
    """

    component: str
    environment: str
    version: str
    form: Literal["link", "folder"]
    path: str
    parameters: Mapping[str, Value]
    """What `<environment>-parameters.yaml` beside the link sets; empty for the bare form."""
    flags: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The timers and limits of one component, after defaults (see `pipeline.yaml`)."""

    min_ready: timedelta
    mean_time_to_smoke: timedelta
    soak_factor: float
    progress_deadline: timedelta
    max_restarts: int
    """Container restarts during a soak beyond which it fails."""
    on_failure: FailurePolicy
    max_active_versions: int
    prune_limit: int | str
    """Objects that one apply may delete: a count, a percentage of the inventory, rounded down, at least 1,
    or both, as `10, 30%`: the smaller counts."""
    soak_first_release: bool
    """Whether the very first release of a component in an environment soaks too."""
    max_setbacks: int = 3
    """How often an environment may lose its readiness again before it counts as failed."""
    drift_policy: DriftPolicy | None = None
    """None: the environment's."""
    prune_kinds: tuple[str, ...] = ()
    """Kinds that are deleted when they leave the release although they take data with them."""
    recreate_kinds: tuple[str, ...] = ()
    """Kinds whose objects may be deleted and made anew for a change that the API server refuses."""


@dataclass(frozen=True, slots=True)
class Development:
    """How one component's development pointer moves by itself: what has to pass, and where it stands.

    `command` is empty where the check is a rehearsal. `passed_variables` are names of environment variables
    that the command gets besides the few that every command gets.
    """

    environment: str
    command: tuple[str, ...]
    timeout: timedelta
    passed_variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthRule:
    """When an object of one kind is well, as expressions (CEL) over the live `object`; empty ones are absent.

    `healthy`, `failed` and `progressing` give true or false, `message` gives text. They have been checked.
    """

    group: str
    kind: str
    healthy: str
    failed: str
    progressing: str
    message: str
    origin: Origin = Origin("")

    @property
    def expressions(self) -> tuple[tuple[str, str], ...]:
        """(field, expression) of those that are there."""
        fields = ("healthy", "failed", "progressing", "message")
        return tuple((field, text) for field in fields if (text := getattr(self, field)))


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    renderer: Literal["auto", "plain", "jinja", "helm", "kustomize"]
    namespace: str
    """Empty: each environment's own namespace."""
    schedule: Schedule
    depends_on: tuple[str, ...]
    parameters: Mapping[str, Value]
    flags: Mapping[str, Value]
    versions: Mapping[str, Version]
    pointers: Mapping[str, Pointer]
    origin: Origin
    development: Development | None = None
    """None where the development pointer is moved by people only."""
    tag_prefix: str | None = None
    """What the tags begin with that are its versions; None where its versions are directories."""
    defaults: Mapping[str, Value] = field(default_factory=dict)
    """What `parameters.schema.yaml` says where no layer sets a parameter."""
    types: TemplateFile | None = None
    """That file, where there is one: what is encrypted can be checked only when it is opened."""
    health: tuple[HealthRule, ...] = ()
    """Rules of its own for the health of its objects; at most one for each kind."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Environments that may go at the same time, at most `max_parallel` of them at once."""

    name: str
    environments: tuple[str, ...]
    max_parallel: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    waves: tuple[Wave, ...]
    parameters: Mapping[str, Value]
    flags: Mapping[str, Value]
    kubernetes_version: str
    """The version that manifests are validated against, such as `1.36`."""
    origin: Origin
    drift_policy: DriftPolicy = "heal"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything one tree says. `commit` is the full SHA, or empty for an uncommitted work tree."""

    commit: str
    pipeline: Pipeline
    environments: Mapping[str, Environment] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Components with an error, and their errors. They are not in `components`; what runs of them stays as
    it is, since a component that cannot be read is not a component that was deleted."""
    sealed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The files with parameters that SOPS encrypted, by path. The catalog itself holds their ciphertext."""
