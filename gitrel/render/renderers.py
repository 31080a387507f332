"""What reads a version: plain YAML and Jinja2 templates here, charts and kustomizations by their tools."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from gitrel.errors import Problem
from gitrel.render.helm import CHART, render_chart
from gitrel.render.kustomize import build, kustomization_of
from gitrel.render.reads import FILE, LISTING, Inputs, digest_of_value
from gitrel.render.sops import Sealed, Vault, without_secrets
from gitrel.render.source import Output, Source, read_plain, sealed_as
from gitrel.render.template import TemplateWorkers
from gitrel.render.templates import render_templates
from gitrel.render.tools import Tools
from gitrel.repo.model import Component, TemplateFile, Version
from gitrel.repo.sealed import MARK, is_encrypted, without_metadata

TEMPLATE_SUFFIX = ".j2"
OBJECT_SUFFIXES = (".yaml", ".yml", ".json")
_DOCUMENTATION = (".md", ".txt", ".rst")


def output_of(
    component: Component,
    version: Version,
    inputs: Inputs,
    vault: Vault,
    workers: TemplateWorkers,
    tools: Tools,
) -> Output:
    """What the version's renderer gives; see `renderer_of` for how it is chosen."""
    files = {file.path for file in version.files}
    environment = inputs.context["environment"]["name"]
    renderer = renderer_of(component.renderer, files, environment)
    if wrong := _unfit(renderer, component, version, files, environment):
        return Output((), (wrong,), None)
    if renderer in ("helm", "kustomize"):
        if refused := tuple(_on_disk(version.files, renderer)):
            return Output((), refused, None)
        if renderer == "helm":
            return render_chart(component.name, version, inputs, vault, tools)
        return build(version, inputs.context, tools)
    return _sources(component, version, inputs, vault, workers)


def _on_disk(files: Iterable[TemplateFile], renderer: str) -> Iterator[Problem]:
    """Encrypted files where a tool reads files: what is decrypted is never written to a disk."""
    for file in files:
        if MARK.encode() in file.data:
            todo = (
                "encrypt a parameter instead" if renderer == "helm" else "make it a component of plain YAML"
            )
            yield Problem(file.origin.file, 0, 0, f"an encrypted file cannot be read by {renderer}", todo)


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
    component: Component, version: Version, inputs: Inputs, vault: Vault, workers: TemplateWorkers
) -> Output:
    """The files of the version that hold objects, read or rendered, and what is wrong with the others."""
    templates: list[TemplateFile] = []
    sources: list[Source] = []
    problems: list[Problem] = []
    secrets: frozenset[str] = frozenset()
    for file in version.files:
        is_template = file.path.endswith(TEMPLATE_SUFFIX) or component.renderer == "jinja"
        if not _holds_objects(file):
            problems += _unused(file, component)
        elif file.path.endswith(TEMPLATE_SUFFIX) and component.renderer == "plain":
            todo = "set renderer: auto or jinja, or drop the suffix .j2"
            problems.append(Problem(file.origin.file, 0, 0, "a template where the renderer is plain", todo))
        elif MARK.encode() in file.data:
            opened = _opened(file, vault)
            sources.append(opened[0])
            secrets |= opened[1]
        elif is_template:
            templates.append(file)
        else:
            sources.append(read_plain(file.path, file.origin.file, file.data))
    reads: frozenset[str] | None = frozenset((LISTING, "namespace", *(FILE + s.path for s in sources)))
    if templates:
        rendered = render_templates(version.files, templates, inputs, vault, workers)
        sources += rendered.sources
        problems += rendered.problems
        secrets |= rendered.secrets
        reads = None if rendered.reads is None or reads is None else reads | rendered.reads
    return Output(tuple(sorted(sources, key=lambda source: source.path)), tuple(problems), reads, secrets)


def _opened(file: TemplateFile, vault: Vault) -> tuple[Source, frozenset[str]]:
    """An encrypted file: values as they decrypt, at the lines of the file as it stands; and its secrets."""
    sealed = read_plain(file.path, file.origin.file, file.data)
    if file.path.endswith(TEMPLATE_SUFFIX) or not any(is_encrypted(doc.value) for doc in sealed.documents):
        what = "holds encrypted values, and is no YAML file that SOPS wrote"
        wrong = Problem(
            file.origin.file, 0, 0, what, "encrypt a whole YAML file, or a parameter for a template"
        )
        return replace(sealed, documents=(), problems=(*sealed.problems, wrong)), frozenset()
    try:
        values = vault.safe.open(file.data, file.origin.file)
    except Sealed as error:
        return replace(sealed, documents=(), problems=(error.problem,)), frozenset()
    pairs = list(zip(sealed.documents, values, strict=False))
    secrets = frozenset(text for doc, value in pairs for text in vault.safe.learn(doc.value, value))
    documents = tuple(replace(doc, value=value) for doc, value in pairs)
    seal = digest_of_value([without_metadata(doc.value) for doc in sealed.documents])
    source = replace(sealed, documents=documents)
    return sealed_as(source, seal, lambda problem: without_secrets(problem, secrets)), secrets


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
