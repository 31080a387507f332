"""What people may write in YAML: one pydantic model per kind, and errors at the line where they were made.

Everything may be left out and has a default; whatever is not named here is refused, with the nearest name
that is. A field with nothing after its colon (`parameters:`) counts as left out, as in Kubernetes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    model_validator,
)

from gitrel.repo import layout
from gitrel.repo.schema_types import (
    API_VERSION as API_VERSION,
)
from gitrel.repo.schema_types import (
    EXPRESSION_MAX,
    GROUP,
    KIND,
    YEAR_SECONDS,
    ActAsGroup,
    Digest,
    Duration,
    Flags,
    Instant,
    LabelKey,
    LabelValue,
    Name,
    Namespace,
    OptionalNamespace,
    Parameters,
    PositiveDuration,
    PositiveIntegerOrPercent,
    ProtectedKind,
    PruneLimit,
    RecreateKind,
    SelectorKey,
    SopsMetadata,
    TagPrefix,
    VariableName,
    text,
)
from gitrel.repo.schema_types import (
    OWN_LABELS as OWN_LABELS,
)
from gitrel.repo.schema_types import (
    Strict as Strict,
)
from gitrel.repo.schema_types import (
    is_digest as is_digest,
)
from gitrel.repo.schema_words import described


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

    min_ready_seconds: int | None = Field(None, ge=0, le=YEAR_SECONDS)
    mean_time_to_smoke: Duration | None = None
    soak_factor: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    progress_deadline: PositiveDuration | None = None
    max_restarts: int | None = Field(None, ge=0)
    max_setbacks: int | None = Field(None, ge=0)
    on_failure: Literal["hold", "rollback"] | None = None
    soak_first_release: bool | None = None
    drift_policy: Literal["heal", "report"] | None = None
    prune_limit: PruneLimit | None = None
    prune_kinds: list[ProtectedKind] | None = None
    recreate_kinds: list[RecreateKind] | None = None


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


class ActAs(Strict):
    """Whom to act as in the cluster, with fewer rights than the operator has."""

    user: str = Field(min_length=1)
    groups: list[ActAsGroup] = Field(default_factory=list)
    uid: str = ""


class KubernetesContext(Strict):
    context: str = Field(min_length=1)
    impersonate: ActAs | None = None


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
    drift_policy: Literal["heal", "report"] | None = None


class VersionsFrom(Strict):
    """Where versions are kept. `tagPrefix` is what their tags begin with; `<component>/` if left out."""

    source: Literal["directories", "tags"] = Field("directories", alias="from")
    tag_prefix: TagPrefix | None = None

    @model_validator(mode="after")
    def _prefix_of_tags(self) -> VersionsFrom:
        if self.tag_prefix is not None and self.source != "tags":
            raise ValueError("'tagPrefix' belongs to 'from: tags'")
        return self


class HealthFields(Strict):
    """When the objects of one kind are well."""

    group: Annotated[str, text(lambda s: GROUP.match(s) is not None, "write it as in 'example.com'")] = ""
    kind: Annotated[str, text(lambda s: KIND.match(s) is not None, "write it as in 'Widget'")]
    healthy: str = Field(min_length=1, max_length=EXPRESSION_MAX)
    failed: str = Field("", max_length=EXPRESSION_MAX)
    progressing: str = Field("", max_length=EXPRESSION_MAX)
    message: str = Field("", max_length=EXPRESSION_MAX)


class ComponentSpec(Timers, Settings):
    renderer: Literal["auto", "plain", "jinja", "helm", "kustomize"] = "auto"
    namespace: OptionalNamespace = ""
    depends_on: list[Name] = Field(default_factory=list)
    versions: VersionsFrom = VersionsFrom()
    development: DevelopmentFields | None = None
    health: list[HealthFields] = Field(default_factory=list)


class Document(Strict):
    """What every file that looks like an object of Kubernetes begins with."""

    api_version: Literal["gitrel.dev/v1alpha1"]
    kind: str
    metadata: Metadata = Metadata()


class PipelineDocument(Document):
    """environments/pipeline.yaml: the waves, the defaults of gates and timers, and what all share."""

    kind: Literal["Pipeline"]
    spec: PipelineSpec = PipelineSpec()
    sops: SopsMetadata = None


class EnvironmentDocument(Document):
    """environments/<name>.yaml: one stage or region."""

    kind: Literal["Environment"]
    spec: EnvironmentSpec = EnvironmentSpec()
    sops: SopsMetadata = None


class ComponentDocument(Document):
    """apps/<name>/component.yaml: how one component is rendered and how carefully it is released."""

    kind: Literal["Component"]
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


class ReleaseDocument(Document):
    """apps/<component>/<version>/.gitrel-release.yaml: what was released; written by gitrel."""

    kind: Literal["Release"]
    spec: ReleaseSpec


class ParametersDocument(Settings):
    """apps/<component>/<environment>/<environment>-parameters.yaml: what differs there."""

    sops: SopsMetadata = None


VersionName = Annotated[str, text(layout.is_version, layout.VERSION_RULE)]


class ReleaseSetSpec(Strict):
    components: dict[Name, VersionName] = Field(min_length=1)


class ReleaseSetDocument(Document):
    """A file for `gitrel promote --set`: versions of several components that are promoted as one."""

    kind: Literal["ReleaseSet"]
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
