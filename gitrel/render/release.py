"""One release: the files of a version and the parameters of an environment → ordered, checked manifests.

Nothing is read but the catalog, nothing runs here but pure code; templates run in `workers`. The same
inputs give the same bytes, on every machine and at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gitrel.errors import Problem, UsageError
from gitrel.kube.ordering import apply_key
from gitrel.render.manifest import Manifest, Rendered
from gitrel.render.objects import Found, duplicates, objects_of, place_in_namespace
from gitrel.render.reads import FILE, LISTING, Inputs
from gitrel.render.source import Source, read_plain, read_rendered
from gitrel.render.template import Failure, Job, TemplateWorkers
from gitrel.render.validate import contradictions, problems_of
from gitrel.repo.model import Catalog, Component, Environment, Origin, TemplateFile, Version
from gitrel.repo.precedence import effective_flags, effective_parameters, plain
from gitrel.repo.text import read_text

TEMPLATE_SUFFIX = ".j2"
OBJECT_SUFFIXES = (".yaml", ".yml", ".json")
_DOCUMENTATION = (".md", ".txt", ".rst")


def render_release(
    catalog: Catalog, component: str, version: str, environment: str, workers: TemplateWorkers
) -> Rendered:
    """`version` of `component` as it would be in `environment`; problems stand in the result.

    Raises UsageError for a component, version or environment that the catalog does not have.
    """
    part, target, place = _found(catalog, component, version, environment)
    namespace = part.namespace or place.namespace
    context = template_context(catalog, part, target, place)
    output = _sources(part, target, context, workers)
    found: list[Found] = []
    problems = list(output.problems)
    for source in output.sources:
        objects, wrong = objects_of(source)
        found += objects
        problems += wrong
    found, wrong = place_in_namespace(found, namespace)
    problems += (*wrong, *duplicates(found), *contradictions(found))
    for item in found:
        problems += problems_of(item, catalog.pipeline.kubernetes_version)
    manifests = tuple(sorted(map(_manifest, found), key=lambda manifest: apply_key(manifest.ref)))
    inputs = Inputs({file.path: file.data for file in target.files}, context)
    return Rendered(
        component=part.name,
        version=target.name,
        environment=place.name,
        namespace=namespace,
        manifests=manifests,
        digest=digest_of(manifests),
        problems=tuple(sorted(set(problems))),
        reads=inputs.digests(output.reads if output.reads is not None else _everything(target, context)),
        lasting=output.reads is not None,
    )


def _everything(version: Version, context: Mapping[str, Any]) -> set[str]:
    """What a rendering that failed may have read."""
    return {LISTING, *context, *(f"{FILE}{file.path}" for file in version.files)}


def _found(
    catalog: Catalog, component: str, version: str, environment: str
) -> tuple[Component, Version, Environment]:
    for what, name, known in (
        ("component", component, catalog.components),
        ("environment", environment, catalog.environments),
    ):
        if name not in known:
            raise UsageError(f"there is no {what} {name!r} (have: {', '.join(sorted(known)) or 'none'})")
    part = catalog.components[component]
    if version not in part.versions:
        have = ", ".join(part.versions) or "none"
        raise UsageError(f"there is no version {version!r} of {component} (have: {have})")
    return part, part.versions[version], catalog.environments[environment]


def template_context(
    catalog: Catalog, component: Component, version: Version, environment: Environment
) -> dict[str, Any]:
    """Everything a template can name: `{{ parameters.replicas }}`, `{{ flags.newCheckout }}`,
    `{{ environment.name }}` (and `.role`, `.traffic`, `.labels`), `{{ component }}`, `{{ version }}` and
    `{{ namespace }}`. Plain data only. Jinja's own `namespace(…)` goes by the name `scope(…)`.
    """
    return {
        "parameters": plain(effective_parameters(catalog, component.name, environment.name)),
        "flags": plain(effective_flags(catalog, component.name, environment.name)),
        "environment": {
            "name": environment.name,
            "role": environment.role,
            "traffic": environment.traffic,
            "labels": dict(environment.labels),
        },
        "component": component.name,
        "version": version.name,
        "namespace": component.namespace or environment.namespace,
    }


@dataclass(frozen=True, slots=True)
class _Output:
    """What a renderer gives. `reads` are names of inputs; None where it failed before all were known."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    reads: frozenset[str] | None


def _sources(
    component: Component, version: Version, context: Mapping[str, Any], workers: TemplateWorkers
) -> _Output:
    """The files of the version that hold objects, read or rendered, and what is wrong with the others."""
    templates: list[TemplateFile] = []
    sources: list[Source] = []
    problems: list[Problem] = []
    for file in version.files:
        is_template = file.path.endswith(TEMPLATE_SUFFIX) or component.renderer == "jinja"
        if not _holds_objects(file):
            problems += _unused(file, component)
        elif file.path.endswith(TEMPLATE_SUFFIX) and component.renderer == "plain":
            todo = "set renderer: auto or jinja, or drop the suffix .j2"
            problems.append(Problem(file.origin.file, 0, 0, "a template where the renderer is plain", todo))
        elif is_template:
            templates.append(file)
        else:
            sources.append(read_plain(file.path, file.origin.file, file.data))
    reads: frozenset[str] | None = frozenset((LISTING, "namespace", *(FILE + s.path for s in sources)))
    if templates:
        rendered = _rendered_templates(version.files, templates, context, workers)
        sources += rendered.sources
        problems += rendered.problems
        reads = None if rendered.reads is None or reads is None else reads | rendered.reads
    return _Output(tuple(sorted(sources, key=lambda source: source.path)), tuple(problems), reads)


def _holds_objects(file: TemplateFile) -> bool:
    """Files that start with `_` are there to be included; `web.yaml` and `web.yaml.j2` hold objects."""
    name = file.path.rpartition("/")[2]
    return not name.startswith("_") and name.removesuffix(TEMPLATE_SUFFIX).endswith(OBJECT_SUFFIXES)


def _unused(file: TemplateFile, component: Component) -> Iterator[Problem]:
    includable = component.renderer == "jinja" or (
        component.renderer == "auto" and file.path.endswith(TEMPLATE_SUFFIX)
    )
    if not includable and not file.path.endswith(_DOCUMENTATION) and component.renderer == "plain":
        todo = "name it .yaml, or move it out of the version"
        yield Problem(file.origin.file, 0, 0, "not YAML, so it is not deployed", todo, "warning")


def _rendered_templates(
    files: Iterable[TemplateFile],
    templates: list[TemplateFile],
    context: Mapping[str, Any],
    workers: TemplateWorkers,
) -> _Output:
    texts: dict[str, str] = {}
    repository = {file.path: file.origin.file for file in files}
    problems: list[Problem] = []
    unreadable: set[str] = set()
    for file in files:
        text, wrong = read_text(file.data, file.origin.file)
        if not wrong:
            texts[file.path] = text
        elif file in templates:
            unreadable.add(file.path)
            problems += wrong
    wanted = tuple(sorted(file.path for file in templates if file.path not in unreadable))
    results = workers.render(Job(texts, wanted, context)) if wanted else {}
    sources = []
    reads: frozenset[str] = frozenset()
    for path, result in results.items():
        if isinstance(result, Failure):
            problems.append(_told(result, repository))
        else:
            sources.append(read_rendered(path, repository, result.text, result.lines))
            reads |= result.reads
    complete = len(sources) == len(templates)
    return _Output(tuple(sources), tuple(problems), reads if complete else None)


def _told(failure: Failure, repository: Mapping[str, str]) -> Problem:
    via = ""
    if failure.chain:
        places = (place.rpartition(":") for place in failure.chain)
        via = " (included from " + " → ".join(f"{repository[p[0]]}:{p[2]}" for p in places) + ")"
    return Problem(repository[failure.file], failure.line, 0, failure.what + via, failure.todo)


def _manifest(found: Found) -> Manifest:
    place = found.at()
    return Manifest(found.ref, found.object, Origin(place.file, place.line, place.column))


def digest_of(manifests: Iterable[Manifest]) -> str:
    """`sha256:` over one line of JSON with sorted keys per manifest, in their order."""
    digest = hashlib.sha256()
    for manifest in manifests:
        digest.update(orjson.dumps(manifest.object, option=orjson.OPT_SORT_KEYS))
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"
