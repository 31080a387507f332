"""RawTree → Catalog: links become versions, files become values, and every problem is told at once.

Bad content never raises. A component with an error is left out of the catalog and listed as broken, and the
others are not affected; an error in an environment or in the pipeline concerns them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

from gitrel.errors import Problem
from gitrel.kube.impersonation import NOBODY, Impersonation
from gitrel.repo import layout, schema, sealed
from gitrel.repo.health import health_rules
from gitrel.repo.links import follow
from gitrel.repo.model import (
    Catalog,
    ClusterRef,
    Component,
    Development,
    Environment,
    HealthRule,
    Origin,
    Pipeline,
    Pointer,
    ReleaseRecord,
    Schedule,
    TemplateFile,
    Value,
    Version,
)
from gitrel.repo.precedence import Values, flatten, layer, merge
from gitrel.repo.record import from_document, source_digest
from gitrel.repo.schema_read import Parsed, Places, read
from gitrel.repo.suggest import escaped, visible
from gitrel.repo.survey import ComponentPlace, Layout, PointerPlace, survey
from gitrel.repo.tagged import tag_prefix
from gitrel.repo.tree import File, RawTree
from gitrel.repo.typed import Typed, read_typed
from gitrel.repo.waves import plan_waves

_Model = TypeVar("_Model", bound=schema.Strict)
_Item = TypeVar("_Item")

DEFAULTS = Schedule(
    min_ready=timedelta(0),
    mean_time_to_smoke=timedelta(hours=1),
    soak_factor=3.0,
    progress_deadline=timedelta(minutes=10),
    max_restarts=3,
    on_failure="hold",
    max_active_versions=3,
    prune_limit="50%",
    soak_first_release=False,
    max_setbacks=3,
)
"""What holds where neither the component nor the pipeline says anything."""


def resolve(tree: RawTree, commit: str = "") -> tuple[Catalog, tuple[Problem, ...]]:
    """What `tree` says, and everything that is wrong with it, sorted by place.

    The catalog holds what could be read. It may be acted upon if no problem of severity `error` lies outside
    `catalog.broken`; see `check.blocking`.
    """
    found = survey(tree)
    reader = _Reader(tree, found)
    document, places, parameters, flags = reader.pipeline()
    environments = reader.environments()
    waves, problems = plan_waves(document, places, environments, found.unusable | found.environments.keys())
    reader.problems += problems
    version, origin = document.spec.kubernetes_version, Origin(layout.PIPELINE_FILE)
    policy = document.spec.defaults.drift_policy or "heal"
    pipeline = Pipeline(waves, parameters, flags, version, origin, policy)
    components = {
        name: component
        for name, place in found.components.items()
        if (component := reader.component(place, document.spec, pipeline, environments))
    }
    return _catalog(tree, commit, pipeline, environments, components, reader)


def _catalog(
    tree: RawTree,
    commit: str,
    pipeline: Pipeline,
    environments: Mapping[str, Environment],
    components: Mapping[str, Component],
    reader: _Reader,
) -> tuple[Catalog, tuple[Problem, ...]]:
    problems = tuple(sorted({replace(one, file=tree.shown(one.file)) for one in reader.problems}))
    broken: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "error" and (name := layout.component_of(problem.file)):
            broken.setdefault(name, []).append(problem)
    catalog = Catalog(
        commit=commit,
        pipeline=pipeline,
        environments=_frozen(environments),
        components=_frozen({name: it for name, it in components.items() if name not in broken}),
        broken=_frozen({name: tuple(errors) for name, errors in broken.items()}),
        sealed=_frozen(reader.sealed),
    )
    return catalog, problems


def _frozen(items: Mapping[str, _Item]) -> Mapping[str, _Item]:
    return MappingProxyType(dict(items))


@dataclass(slots=True)
class _Reader:
    """Reads the documents of one tree, collecting problems on the way."""

    tree: RawTree
    layout: Layout
    problems: list[Problem]
    sealed: dict[str, bytes]
    """The files that SOPS encrypted, as they are."""

    def __init__(self, tree: RawTree, found: Layout) -> None:
        self.tree, self.layout, self.problems = tree, found, list(found.problems)
        self.sealed = {}

    def _read(self, model: type[_Model], path: str) -> Parsed[_Model]:
        entry = self.tree.get(path)
        assert isinstance(entry, File), "the survey lists files only"
        parsed = read(model, entry.data, path)
        self.problems += parsed.problems
        if getattr(parsed.model, sealed.KEY, None) is not None:
            self.sealed[path] = entry.data
        return parsed

    def _settings(
        self, parsed: Parsed[_Model], values: schema.Settings, path: tuple[str, ...], file: str
    ) -> tuple[Values, Values]:
        """Parameters and flags that one file sets, each with its place."""
        parameters = layer(values.parameters, parsed.places, (*path, "parameters"), file)
        flags = layer(values.flags, parsed.places, (*path, "flags"), file)
        self.problems += _templated(parameters)
        if file not in self.sealed:
            self.problems += _unopenable(parameters)
        return _frozen(parameters), _frozen(flags)

    def pipeline(self) -> tuple[schema.PipelineDocument, Places, Values, Values]:
        """The pipeline document with its lines; one of defaults if there is none or it cannot be used."""
        if self.layout.has_pipeline:
            parsed = self._read(schema.PipelineDocument, layout.PIPELINE_FILE)
            if parsed.model is not None:
                settings = self._settings(parsed, parsed.model.spec, ("spec",), layout.PIPELINE_FILE)
                return parsed.model, parsed.places, *settings
        return schema.PipelineDocument.model_validate(_NO_PIPELINE), {}, _NONE, _NONE

    def environments(self) -> dict[str, Environment]:
        found = {}
        for name, path in self.layout.environments.items():
            parsed = self._read(schema.EnvironmentDocument, path)
            if parsed.model is not None:
                self._check_name(parsed, parsed.model.metadata, name, path)
                parameters, flags = self._settings(parsed, parsed.model.spec, ("spec",), path)
                found[name] = _environment(name, path, parsed.model, parameters, flags)
        return found

    def component(
        self,
        place: ComponentPlace,
        pipeline_spec: schema.PipelineSpec,
        pipeline: Pipeline,
        environments: Mapping[str, Environment],
    ) -> Component | None:
        spec, parameters, flags = schema.ComponentSpec(), _NONE, _NONE
        rules: tuple[HealthRule, ...] = ()
        if place.file:
            parsed = self._read(schema.ComponentDocument, place.file)
            if parsed.model is None:
                return None
            self._check_name(parsed, parsed.model.metadata, place.name, place.file)
            spec = parsed.model.spec
            parameters, flags = self._settings(parsed, spec, ("spec",), place.file)
            rules, wrong = health_rules(spec.health, parsed.places, place.file)
            self.problems += wrong
        versions = {
            name: self._version(place.name, name) for name in sorted(place.versions, key=layout.version_key)
        }
        pointers = {
            env: found for env, at in place.pointers.items() if (found := self._pointer(place, env, at))
        }
        typed = self._typed(place)
        defaults = typed.defaults if typed else _NONE
        effective: dict[str, Values] = {}
        for name, pointer in pointers.items():
            if name in environments:
                layers = (pipeline.parameters, environments[name].parameters, parameters, pointer.parameters)
                effective[name], wrong = merge(*([defaults] if defaults else []), *layers)
                self.problems += wrong
        if typed:
            own = (parameters, *(pointer.parameters for pointer in pointers.values()))
            self.problems += typed.problems(effective, own)
        return Component(
            name=place.name,
            renderer=spec.renderer,
            namespace=spec.namespace,
            schedule=_schedule(spec, pipeline_spec),
            depends_on=tuple(spec.depends_on),
            parameters=parameters,
            flags=flags,
            versions=_frozen(versions),
            pointers=_frozen(pointers),
            origin=Origin(place.file or layout.component_folder(place.name)),
            development=_development(spec.development or pipeline_spec.development),
            tag_prefix=tag_prefix(place.name, spec.versions),
            defaults=_frozen(defaults),
            types=self._types(place) if typed else None,
            health=rules,
        )

    def _types(self, place: ComponentPlace) -> TemplateFile | None:
        entry = self.tree.get(place.types)
        return (
            TemplateFile(layout.TYPES_FILE, entry.data, Origin(place.types))
            if isinstance(entry, File)
            else None
        )

    def _typed(self, place: ComponentPlace) -> Typed | None:
        entry = self.tree.get(place.types) if place.types else None
        if not isinstance(entry, File):
            return None
        typed, problems = read_typed(entry.data, place.types)
        self.problems += problems
        return typed

    def _version(self, component: str, name: str) -> Version:
        folder = layout.version_folder(component, name)
        place = layout.release_file(component, name)
        files = tuple(
            TemplateFile(path.removeprefix(f"{folder}/"), entry.data, Origin(self.tree.shown(path)))
            for path, entry in self.tree.walk(folder)
            if isinstance(entry, File) and path != place
        )
        record = self._record(name, place) if isinstance(self.tree.get(place), File) else None
        return Version(component, name, files, source_digest(files), Origin(self.tree.shown(folder)), record)

    def _record(self, version: str, file: str) -> ReleaseRecord | None:
        if version == layout.CURRENT:
            what = f"a record of a release, and {layout.CURRENT} is none"
            self.problems.append(Problem(file, 0, 0, what, "delete it"))
            return None
        parsed = self._read(schema.ReleaseDocument, file)
        return from_document(parsed.model, version, file) if parsed.model else None

    def _pointer(self, place: ComponentPlace, environment: str, at: PointerPlace) -> Pointer | None:
        version = follow(self.tree, place, at)
        if isinstance(version, Problem):
            self.problems.append(version)
            return None
        parameters, flags = _NONE, _NONE
        if at.parameters:
            parsed = self._read(schema.ParametersDocument, at.parameters)
            if parsed.model is None:
                return None
            parameters, flags = self._settings(parsed, parsed.model, (), at.parameters)
        return Pointer(place.name, environment, version, at.form, at.path, parameters, flags)

    def _check_name(self, parsed: Parsed[_Model], metadata: schema.Metadata, name: str, path: str) -> None:
        if metadata.name and metadata.name != name:
            line, column = parsed.places.get(("metadata", "name"), (0, 0))
            what = f"metadata.name is {visible(metadata.name)}, but the path says {name!r}"
            self.problems.append(Problem(path, line, column, what, f"write 'name: {name}'"))


_NONE: Values = MappingProxyType({})
_NO_PIPELINE = {"apiVersion": schema.API_VERSION, "kind": "Pipeline"}


def _environment(
    name: str, path: str, document: schema.EnvironmentDocument, parameters: Values, flags: Values
) -> Environment:
    spec = document.spec
    own = {f"{schema.OWN_LABELS}environment": name, f"{schema.OWN_LABELS}role": spec.role}
    return Environment(
        name=name,
        role=spec.role,
        cluster=_cluster(spec.cluster),
        namespace=spec.namespace,
        traffic=spec.traffic,
        parameters=parameters,
        flags=flags,
        labels=_frozen({**document.metadata.labels, **own}),
        origin=Origin(path),
        drift_policy=spec.drift_policy,
    )


def _development(fields: schema.DevelopmentFields | None) -> Development | None:
    if fields is None:
        return None
    check = fields.check
    command = tuple(check.command or ())
    return Development(fields.environment, command, check.timeout, tuple(check.pass_environment))


def _cluster(cluster: schema.Cluster) -> ClusterRef:
    if cluster.kubernetes is not None:
        wanted = cluster.kubernetes.impersonate
        act_as = Impersonation(wanted.user, wanted.uid, tuple(wanted.groups)) if wanted else NOBODY
        return ClusterRef("kubernetes", cluster.kubernetes.context, act_as=act_as)
    embedded = cluster.embedded or schema.Embedded()
    return ClusterRef("embedded", "", embedded.nodes, tuple(map(MappingProxyType, embedded.behaviours)))


def _schedule(own: schema.Timers, pipeline: schema.PipelineSpec) -> Schedule:
    """The component's timers, then the pipeline's, then the built-in ones."""
    default = pipeline.defaults

    def first(mine: _Item | None, shared: _Item | None, built_in: _Item) -> _Item:
        return mine if mine is not None else shared if shared is not None else built_in

    seconds = first(own.min_ready_seconds, default.min_ready_seconds, int(DEFAULTS.min_ready.total_seconds()))
    return Schedule(
        min_ready=timedelta(seconds=seconds),
        mean_time_to_smoke=first(
            own.mean_time_to_smoke, default.mean_time_to_smoke, DEFAULTS.mean_time_to_smoke
        ),
        soak_factor=first(own.soak_factor, default.soak_factor, DEFAULTS.soak_factor),
        progress_deadline=first(own.progress_deadline, default.progress_deadline, DEFAULTS.progress_deadline),
        max_restarts=first(own.max_restarts, default.max_restarts, DEFAULTS.max_restarts),
        on_failure=first(own.on_failure, default.on_failure, DEFAULTS.on_failure),
        max_active_versions=pipeline.max_active_versions,
        prune_limit=first(own.prune_limit, default.prune_limit, DEFAULTS.prune_limit),
        soak_first_release=first(
            own.soak_first_release, default.soak_first_release, DEFAULTS.soak_first_release
        ),
        drift_policy=own.drift_policy,
        max_setbacks=first(own.max_setbacks, default.max_setbacks, DEFAULTS.max_setbacks),
        prune_kinds=tuple(first(own.prune_kinds, default.prune_kinds, [])),
        recreate_kinds=tuple(first(own.recreate_kinds, default.recreate_kinds, [])),
    )


def _unopenable(parameters: Mapping[str, Value]) -> Iterator[Problem]:
    """Encrypted values in a file that lost what SOPS needs to decrypt them."""
    for name, value in flatten(parameters):
        if sealed.holds_sealed(value.value):
            what = f"{escaped(name)} is encrypted, and the file has no {sealed.KEY} metadata"
            todo = "copy whole files, never single encrypted values"
            yield Problem(value.origin.file, value.origin.line, value.origin.column, what, todo)


def _templated(parameters: Mapping[str, Value]) -> Iterator[Problem]:
    """Warns of `{{ … }}` in a parameter: it is no template, and would reach the cluster as it stands."""
    todo = "write the value, or compute it in the template"
    for name, value in flatten(parameters):
        if isinstance(value.value, str) and "{{" in value.value:
            what = f"{escaped(name)} holds '{{{{', taken literally: parameters cannot refer to each other"
            yield Problem(value.origin.file, value.origin.line, value.origin.column, what, todo, "warning")
