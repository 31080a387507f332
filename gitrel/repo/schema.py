"""What people may write in YAML: one pydantic model per kind, and errors at the line where they were made.

Everything may be left out and has a default; whatever is not named here is refused, with the nearest name
that is. A field with nothing after its colon (`parameters:`) counts as left out, as in Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from gitrel.clock import parse_duration, parse_instant
from gitrel.repo import layout
from gitrel.repo.schema_words import described
from gitrel.repo.suggest import visible

API_VERSION = "gitrel.dev/v1alpha1"
OWN_LABELS = "gitrel.dev/"

_YEAR_SECONDS = 365 * 24 * 3600
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z", re.ASCII)
_LABEL_KEY = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z", re.ASCII
)
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FLAG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3})%\Z", re.ASCII)


def _text(check: Callable[[str], bool], rule: str) -> BeforeValidator:
    """Text that satisfies `check`; `rule` finishes the sentence "… is not allowed: …"."""

    def validate(value: object) -> object:
        if isinstance(value, str) and not check(value):
            raise ValueError(f"{visible(value)} is not allowed: {rule}")
        return value

    return BeforeValidator(validate)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a duration such as 90s, 45m, 1h30m or 2d")
    if not isinstance(value, str) and value != 0:
        raise ValueError(f"{value} has no unit: write {value}s, {value}m or {value}h")
    return parse_duration(str(value))


def _positive_duration(value: object) -> timedelta:
    duration = _duration(value)
    if not duration:
        raise ValueError("must be longer than nothing")
    return duration


def _integer_or_percent(least: int) -> Callable[[object], int | str]:
    def validate(value: object) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        if isinstance(value, str) and (match := _PERCENT.match(value)) and least <= int(match[1]) <= 100:
            return value
        raise ValueError(f"must be an integer of at least {least}, or a percentage from {least}% to 100%")

    return validate


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|[dhms]))+$|^0$"})
Duration = Annotated[timedelta, PlainValidator(_duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[timedelta, PlainValidator(_positive_duration), _DURATION_SCHEMA]
_IOP_SCHEMA = WithJsonSchema(
    {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,3}%$"}]}
)
IntegerOrPercent = Annotated[int | str, PlainValidator(_integer_or_percent(0)), _IOP_SCHEMA]
PositiveIntegerOrPercent = Annotated[int | str, PlainValidator(_integer_or_percent(1)), _IOP_SCHEMA]


def is_digest(text: str) -> bool:
    """`sha256:` and 64 hexadecimal digits."""
    return _DIGEST.match(text) is not None


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(str(value))
    except ValueError:
        raise ValueError("must be an instant such as 2026-01-31T12:00:00Z") from None


Instant = Annotated[
    datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Digest = Annotated[str, _text(is_digest, "write sha256: and 64 digits")]
Name = Annotated[str, _text(layout.is_name, layout.NAME_RULE)]
Namespace = Annotated[str, _text(lambda s: _NAMESPACE.match(s) is not None, layout.NAME_RULE)]
OptionalNamespace = Annotated[
    str, _text(lambda s: s == "" or _NAMESPACE.match(s) is not None, layout.NAME_RULE)
]
LabelKey = Annotated[
    str,
    _text(lambda s: _LABEL_KEY.match(s) is not None, "write a Kubernetes label key"),
    _text(lambda s: not s.startswith(OWN_LABELS), f"keys under {OWN_LABELS} are set by gitrel"),
]
LabelValue = Annotated[
    str, _text(lambda s: _LABEL_VALUE.match(s) is not None, "write a Kubernetes label value")
]
SelectorKey = Annotated[str, _text(lambda s: _LABEL_KEY.match(s) is not None, "write a Kubernetes label key")]
ParameterName = Annotated[
    str,
    _text(lambda s: _PARAMETER.match(s) is not None, "a parameter is named by ASCII letters, digits and '_'"),
]
FlagName = Annotated[
    str, _text(lambda s: _FLAG.match(s) is not None, "a flag is named by ASCII letters, digits, '_' and '-'")
]
TagPrefix = Annotated[
    str, _text(layout.is_tag_prefix, "write what the tags of versions begin with, such as 'frontend/' or ''")
]
VariableName = Annotated[
    str, _text(lambda s: _PARAMETER.match(s) is not None, "write the name of an environment variable")
]
Parameters = dict[ParameterName, Any]
Flags = dict[FlagName, bool]


class Strict(BaseModel):
    """A map of known fields in lowerCamelCase."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        known = {field.alias for field in cls.model_fields.values()}
        return {k: v for k, v in value.items() if v is not None or k not in known}


SopsMetadata = dict[str, Any] | None
"""What SOPS writes at the end of a file that it encrypted; only SOPS reads it."""


class Metadata(Strict):
    name: str = ""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Settings(Strict):
    """One layer of what templates see."""

    parameters: Parameters = Field(default_factory=dict)
    flags: Flags = Field(default_factory=dict)


class Timers(Strict):
    """What a component may set for itself, and a pipeline for all that do not."""

    min_ready_seconds: int | None = Field(None, ge=0, le=_YEAR_SECONDS)
    mean_time_to_smoke: Duration | None = None
    soak_factor: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    progress_deadline: PositiveDuration | None = None
    max_restarts: int | None = Field(None, ge=0)
    max_setbacks: int | None = Field(None, ge=0)
    on_failure: Literal["hold", "rollback"] | None = None
    soak_first_release: bool | None = None
    prune_limit: IntegerOrPercent | None = None


class Selector(Strict):
    match_labels: dict[SelectorKey, LabelValue] = Field(default_factory=dict)


class WaveFields(Strict):
    name: Name
    environments: list[str] | None = Field(None, min_length=1)
    selector: Selector | None = None
    max_parallel: PositiveIntegerOrPercent = "100%"

    @model_validator(mode="after")
    def _one_way(self) -> WaveFields:
        if (self.environments is None) == (self.selector is None):
            raise ValueError("a wave has either 'environments' or 'selector'")
        return self


class Signatures(Strict):
    """Whose commits count: signers stand in environments/allowed_signers and environments/signers.asc."""

    required: bool = False


class CheckFields(Strict):
    """What HEAD has to pass before the development pointer moves: one of the two."""

    command: list[Annotated[str, Field(min_length=1)]] | None = Field(None, min_length=1)
    rehearse: bool = False
    timeout: PositiveDuration = timedelta(minutes=30)
    pass_environment: list[VariableName] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_way(self) -> CheckFields:
        if (self.command is None) == (not self.rehearse):
            raise ValueError("a check is either a 'command' or 'rehearse: true'")
        return self


class DevelopmentFields(Strict):
    environment: Name = "development"
    check: CheckFields


class PipelineSpec(Settings):
    waves: list[WaveFields] | None = Field(None, min_length=1)
    signatures: Signatures = Signatures()
    defaults: Timers = Timers()
    development: DevelopmentFields | None = None
    max_active_versions: int = Field(3, ge=1)
    kubernetes_version: str = Field("1.36", pattern=r"^1\.\d{1,2}$")


class Embedded(Strict):
    nodes: int = Field(3, ge=1, le=5000)
    behaviours: list[dict[str, Any]] = Field(default_factory=list)


class KubernetesContext(Strict):
    context: str = Field(min_length=1)


class Cluster(Strict):
    embedded: Embedded | None = None
    kubernetes: KubernetesContext | None = None

    @model_validator(mode="after")
    def _one_backend(self) -> Cluster:
        if self.embedded is not None and self.kubernetes is not None:
            raise ValueError("a cluster is either 'embedded' or 'kubernetes'")
        return self


class EnvironmentSpec(Settings):
    role: Literal["stage", "region"] = "region"
    cluster: Cluster = Cluster()
    namespace: Namespace = "default"
    traffic: float = Field(0.0, ge=0, allow_inf_nan=False)


class VersionsFrom(Strict):
    """Where versions are kept. `tagPrefix` is what their tags begin with; `<component>/` if left out."""

    source: Literal["directories", "tags"] = Field("directories", alias="from")
    tag_prefix: TagPrefix | None = None

    @model_validator(mode="after")
    def _prefix_of_tags(self) -> VersionsFrom:
        if self.tag_prefix is not None and self.source != "tags":
            raise ValueError("'tagPrefix' belongs to 'from: tags'")
        return self


class ComponentSpec(Timers, Settings):
    renderer: Literal["auto", "plain", "jinja", "helm", "kustomize"] = "auto"
    namespace: OptionalNamespace = ""
    depends_on: list[Name] = Field(default_factory=list)
    versions: VersionsFrom = VersionsFrom()
    development: DevelopmentFields | None = None


class PipelineDocument(Strict):
    """environments/pipeline.yaml: the waves, the defaults of gates and timers, and what all share."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: Literal["Pipeline"]
    metadata: Metadata = Metadata()
    spec: PipelineSpec = PipelineSpec()
    sops: SopsMetadata = None


class EnvironmentDocument(Strict):
    """environments/<name>.yaml: one stage or region."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: Literal["Environment"]
    metadata: Metadata = Metadata()
    spec: EnvironmentSpec = EnvironmentSpec()
    sops: SopsMetadata = None


class ComponentDocument(Strict):
    """apps/<name>/component.yaml: how one component is rendered and how carefully it is released."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: Literal["Component"]
    metadata: Metadata = Metadata()
    spec: ComponentSpec = ComponentSpec()
    sops: SopsMetadata = None


class FixFields(Strict):
    source: str = Field(alias="from", min_length=1)
    at: Instant
    by: str = Field(min_length=1)


class ReleaseSpec(Strict):
    source: str = Field(alias="from")
    at: Instant
    by: str = Field(min_length=1)
    digest: Digest
    files: dict[str, Digest]
    fixes: list[FixFields] = Field(default_factory=list)


class ReleaseDocument(Strict):
    """apps/<component>/<version>/.gitrel-release.yaml: what was released; written by gitrel."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: Literal["Release"]
    metadata: Metadata = Metadata()
    spec: ReleaseSpec


class ParametersDocument(Settings):
    """apps/<component>/<environment>/<environment>-parameters.yaml: what differs there."""

    sops: SopsMetadata = None


VersionName = Annotated[str, _text(layout.is_version, layout.VERSION_RULE)]


class ReleaseSetSpec(Strict):
    components: dict[Name, VersionName] = Field(min_length=1)


class ReleaseSetDocument(Strict):
    """A file for `gitrel promote --set`: versions of several components that are promoted as one."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: Literal["ReleaseSet"]
    metadata: Metadata = Metadata()
    spec: ReleaseSetSpec


Kind = Literal["Pipeline", "Environment", "Component", "Parameters", "ReleaseSet"]
KINDS: dict[Kind, type[Strict]] = {
    "Pipeline": PipelineDocument,
    "Environment": EnvironmentDocument,
    "Component": ComponentDocument,
    "Parameters": ParametersDocument,
    "ReleaseSet": ReleaseSetDocument,
}


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one kind, for editors and other tools. Raises KeyError for others."""
    schema = described(KINDS[kind].model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
