"""What reads a version: plain YAML and Jinja2 templates here, charts and kustomizations by their tools."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from gitrel.errors import Problem
from gitrel.render.helm import CHART, render_chart
from gitrel.render.kustomize import build, kustomization_of
from gitrel.render.reads import FILE, LISTING
from gitrel.render.source import Output, Source, read_plain, read_rendered
from gitrel.render.template import Failure, Job, TemplateWorkers
from gitrel.render.tools import Tools
from gitrel.repo.model import Catalog, Component, TemplateFile, Version
from gitrel.repo.text import read_text

TEMPLATE_SUFFIX = ".j2"
OBJECT_SUFFIXES = (".yaml", ".yml", ".json")
_DOCUMENTATION = (".md", ".txt", ".rst")


def output_of(
    catalog: Catalog,
    component: Component,
    version: Version,
    context: Mapping[str, Any],
    workers: TemplateWorkers,
    tools: Tools,
) -> Output:
    """What the version's renderer gives; see `renderer_of` for how it is chosen."""
    files = {file.path for file in version.files}
    renderer = renderer_of(component.renderer, files, context["environment"]["name"])
    if wrong := _unfit(renderer, component, version, files, context["environment"]["name"]):
        return Output((), (wrong,), None)
    if renderer == "helm":
        return render_chart(component.name, version, context, catalog.pipeline.kubernetes_version, tools)
    if renderer == "kustomize":
        return build(version, context, tools)
    return _sources(component, version, context, workers)


def renderer_of(asked: str, files: Collection[str], environment: str) -> str:
    """The renderer of one version: the one that was asked for, or what its files say.

    `Chart.yaml` makes a Helm chart, `kustomization.yaml` (or an overlay of the environment) a kustomization;
    all else is plain YAML and, by their suffix, templates.
    """
    if asked != "auto":
        return asked
    if CHART in files:
        return "helm"
    return "kustomize" if kustomization_of(files, environment) else "auto"


def _unfit(
    renderer: str, component: Component, version: Version, files: Collection[str], environment: str
) -> Problem | None:
    """A renderer that has nothing to render here, or files that two renderers would claim."""
    at = version.origin.file
    if renderer == "helm" and CHART not in files:
        return Problem(
            at, 0, 0, f"the renderer is helm, and there is no {CHART}", "add it, or change renderer"
        )
    if renderer == "kustomize" and not kustomization_of(files, environment):
        what = "the renderer is kustomize, and there is no kustomization.yaml"
        return Problem(at, 0, 0, what, "add it, or change renderer")
    if component.renderer == "auto" and renderer == "helm" and kustomization_of(files, environment):
        what = f"{CHART} and {kustomization_of(files, environment)} are both here"
        return Problem(at, 0, 0, what, f"write 'renderer: helm' or 'renderer: kustomize' in {component.name}")
    return None


def _sources(
    component: Component, version: Version, context: Mapping[str, Any], workers: TemplateWorkers
) -> Output:
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
    return Output(tuple(sorted(sources, key=lambda source: source.path)), tuple(problems), reads)


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
) -> Output:
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
    return Output(tuple(sources), tuple(problems), reads if complete else None)


def _told(failure: Failure, repository: Mapping[str, str]) -> Problem:
    via = ""
    if failure.chain:
        places = (place.rpartition(":") for place in failure.chain)
        via = " (included from " + " → ".join(f"{repository[p[0]]}:{p[2]}" for p in places) + ")"
    return Problem(repository[failure.file], failure.line, 0, failure.what + via, failure.todo)
