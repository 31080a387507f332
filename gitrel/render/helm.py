"""Helm charts: a version with a `Chart.yaml` is rendered by `helm template`, without a cluster or a network.

Values are what templates see elsewhere: `.Values.parameters.replicas`, `.Values.flags.newCheckout`,
`.Values.environment.name`, `.Values.component`, `.Values.version` and `.Values.namespace`. Each parameter
stands at the top too (`.Values.replicaCount`), where it wins over the names before, so that a chart made
elsewhere finds what it asks for; `values.yaml` of the chart holds the defaults. They go to helm through a
pipe, never through a file.

A chart is rendered twice and both must be the same bytes: whatever draws lots or reads the clock would be
another release at every look. Hooks are helm's own moments, which gitrel does not have: tests are left out,
and so are all others, with a warning each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitrel.errors import Problem
from gitrel.render.reads import FILE, LISTING, Inputs
from gitrel.render.sops import Sealed, Vault, without_secrets
from gitrel.render.source import Document, Output, Place, Source, read_rendered, sealed_as
from gitrel.render.tools import Ran, ToolFailed, Tools, as_json
from gitrel.render.workspace import RELEASE, workspace
from gitrel.repo.model import Origin, TemplateFile, Version
from gitrel.repo.yamlfile import Marks, read_documents

CHART = "Chart.yaml"
HOOK = "helm.sh/hook"
_SOURCE = re.compile(r"^---\n# Source: (?P<path>[^\n]+)\n", re.MULTILINE)
_PLACE = re.compile(r"(?P<path>[\w.-]+/[^\s:()\"]+\.(?:yaml|yml|tpl|txt|json)):?(?P<line>\d+)?")
_ACTION = re.compile(r"\{\{(?!-?\s*/\*)(.*?)\}\}", re.DOTALL)
_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`")
_CHANCE = re.compile(
    r"(?<![.$\w])(rand(?:AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|shuffle|uuidv4|now|htpasswd|bcrypt|encryptAES"
    r"|gen(?:PrivateKey|CAWithKey|CA|SelfSignedCertWithKey|SelfSignedCert|SignedCertWithKey|SignedCert))\b"
)


def render_chart(component: str, version: Version, inputs: Inputs, vault: Vault, tools: Tools) -> Output:
    """The objects of the chart, one source per document; what is wrong stands in the result.

    A chart sees all parameters, so that with one secret among them everything it gives is sealed.
    """
    reads = frozenset((LISTING, *inputs.context, *(f"{FILE}{file.path}" for file in version.files)))
    try:
        opened = vault.open(inputs.context)
    except Sealed as error:
        return Output((), (error.problem,), None)
    output = _rendered(component, version, opened.context, vault.catalog.pipeline.kubernetes_version, tools)
    if not opened.secrets:
        return replace(output, reads=reads if output.reads is not None else None)

    def harmless(problem: Problem) -> Problem:
        return without_secrets(problem, opened.secrets)

    seal = inputs.seal(reads)
    sources = tuple(sealed_as(source, seal, harmless) for source in output.sources)
    return Output(sources, tuple(map(harmless, output.problems)), output.reads and reads, opened.secrets)


def _rendered(
    component: str, version: Version, context: Mapping[str, Any], kubernetes: str, tools: Tools
) -> Output:
    files = {file.path: file for file in version.files}
    refused = tuple(_refused(files))
    if refused:
        return Output((), refused, None)
    stdin = as_json(values(context))
    arguments = _arguments(component, context["namespace"], kubernetes)
    try:
        with workspace(version.files) as folder:
            first = tools.run("helm", arguments, folder=folder, stdin=stdin)
            second = first if first.code else tools.run("helm", arguments, folder=folder, stdin=stdin)
            if first.code:
                return Output((), (_told(first, files, folder),), None)
    except ToolFailed as error:
        return Output((), (Problem(files[CHART].origin.file, 0, 0, error.what, error.todo),), None)
    chances = tuple(_chances(version.files))
    if first.output != second.output:
        return Output((), _unsteady(files, chances, first.output, second.output), None)
    warned = tuple(
        Problem(
            at.file, at.line, 0, f"uses {name}, which gives something else each time", _NO_CHANCE, "warning"
        )
        for at, name in chances
    )
    sources, problems = _sources(first.output, files)
    return Output(tuple(sources), (*warned, *problems), frozenset((LISTING,)))


def values(context: Mapping[str, Any]) -> dict[str, Any]:
    parameters = context["parameters"]
    return {**context, **parameters, "parameters": parameters}


def _arguments(component: str, namespace: str, kubernetes: str) -> tuple[str, ...]:
    return (
        "template", component, RELEASE, f"--namespace={namespace}", "--values=-", "--include-crds",
        "--skip-tests", f"--kube-version={kubernetes}.0",
    )  # fmt: skip


# ── what is refused before helm runs ────────────────────────────────────────────────────────────────────────


def _refused(files: Mapping[str, TemplateFile]) -> Iterator[Problem]:
    """Dependencies that are not in the version: helm would need the network, or files outside."""
    chart = files[CHART]
    documents, problems = read_documents(chart.data, chart.origin.file)
    yield from (problem for problem in problems if problem.severity == "error")
    value = documents[0].value if documents else None
    if not isinstance(value, dict):
        yield Problem(
            chart.origin.file, 1, 0, "this describes no chart", "write apiVersion, name and version"
        )
        return
    dependencies = value.get("dependencies")
    for index, dependency in enumerate(dependencies if isinstance(dependencies, list) else ()):
        name = dependency.get("name") if isinstance(dependency, dict) else None
        if not isinstance(name, str) or not _is_vendored(name, files):
            yield _missing(str(name), documents[0].marks, ("dependencies", index), chart.origin.file)


def _is_vendored(name: str, files: Iterable[str]) -> bool:
    return any(
        path.startswith(f"charts/{name}/") or (path.startswith(f"charts/{name}-") and path.endswith(".tgz"))
        for path in files
    )


def _missing(name: str, marks: Marks, at: tuple[str, int], file: str) -> Problem:
    what = f"the chart that this depends on, {name!r}, is not in charts/, and nothing is fetched"
    return Problem(file, *marks.at(at), what, "run 'helm dependency build' and commit charts/")


# ── what helm says ──────────────────────────────────────────────────────────────────────────────────────────


def _told(ran: Ran, files: Mapping[str, TemplateFile], folder: Path) -> Problem:
    """helm's complaint at the file and line that it names, or at the chart."""
    said = " ".join(line.strip() for line in ran.complaint.splitlines() if "--debug" not in line)
    said = said.removeprefix("Error: ").replace(f"{folder}/", "").strip() or f"helm ends with {ran.code}"
    match = _PLACE.search(said)
    found = _file_of(match["path"], files) if match else None
    if found is None or match is None:
        return Problem(files[CHART].origin.file, 0, 0, f"helm: {said}", "")
    return Problem(found.origin.file, int(match["line"] or 0), 0, f"helm: {said}", "")


def _file_of(path: str, files: Mapping[str, TemplateFile]) -> TemplateFile | None:
    """`demo/charts/sub/templates/a.yaml`, which begins with the chart's name, as a file of the version."""
    return files.get(path.partition("/")[2])


def _sources(output: bytes, files: Mapping[str, TemplateFile]) -> tuple[list[Source], list[Problem]]:
    """One source per document, without hooks, at the template that it comes from."""
    text = output.decode(errors="replace")
    starts = [*_SOURCE.finditer(text)]
    sources: list[Source] = []
    problems: list[Problem] = []
    ends = [*(match.start() for match in starts[1:]), len(text)]
    for match, end in zip(starts, ends, strict=False):
        body = text[match.end() : end]
        file = _file_of(match["path"], files) or files[CHART]
        source = read_rendered(file.path, {file.path: file.origin.file}, body, (), _QUOTE)
        kept = tuple(document for document in source.documents if not _hook(document))
        problems += (_left_out(document) for document in source.documents if _hook(document))
        sources.append(Source(source.path, source.file, kept, source.problems, templated=True))
    return sources, problems


_QUOTE = "write values as {{ … | toJson }} or {{ … | quote }}"
_NO_CHANCE = "write the value as a parameter, or keep it in a Secret that gitrel does not manage"


def _hook(document: Document) -> str:
    value = document.value
    metadata = value.get("metadata") if isinstance(value, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    hook = annotations.get(HOOK) if isinstance(annotations, dict) else None
    return "" if hook == "crd-install" else str(hook or "")


def _left_out(document: Document) -> Problem:
    place: Place = document.at(("metadata", "annotations", HOOK))
    what = f"the hook {_hook(document)} is left out: gitrel applies a release as a whole"
    return place.warning(what, f"remove the annotation {HOOK} to have it applied with the rest")


# ── the same bytes each time ────────────────────────────────────────────────────────────────────────────────


def _chances(files: Iterable[TemplateFile]) -> Iterator[tuple[Origin, str]]:
    """(where, function) for each call in a template of a function that gives something else each time."""
    for file in files:
        if "templates/" not in file.path and not file.path.endswith(".tpl"):
            continue
        text = file.data.decode(errors="replace")
        for action in _ACTION.finditer(text):
            code = _TEXT.sub(lambda found: " " * len(found[0]), action[1])
            for match in _CHANCE.finditer(code):
                line = text.count("\n", 0, action.start(1) + match.start()) + 1
                yield Origin(file.origin.file, line), match[1]


def _unsteady(
    files: Mapping[str, TemplateFile], chances: Iterable[tuple[Origin, str]], first: bytes, second: bytes
) -> tuple[Problem, ...]:
    """Which functions make two renderings differ; where none is known, which file's output does."""
    what = "rendering twice gives two results"
    told = tuple(Problem(at.file, at.line, 0, f"{what}: {name}", _NO_CHANCE) for at, name in chances)
    if told:
        return told
    pairs = zip(_bodies(first), _bodies(second), strict=False)
    path = next((one[0] for one, other in pairs if one != other), "")
    return (Problem((_file_of(path, files) or files[CHART]).origin.file, 0, 0, what, _NO_CHANCE),)


def _bodies(output: bytes) -> list[tuple[str, str]]:
    parts = _SOURCE.split(output.decode(errors="replace"))
    return list(zip(parts[1::2], parts[2::2], strict=True))
