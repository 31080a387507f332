"""The templates of one version: rendered with the ciphertext first, and with secrets only where one is read.

Whoever reads no secret needs no key. A template that does read one is rendered a second time with the secrets
in the clear; what it gives is sealed, so that its digest is of what went in and not of what came out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitrel.errors import Problem
from gitrel.render.reads import FILE, Inputs
from gitrel.render.sops import Opened, Sealed, Vault, without_secrets
from gitrel.render.source import Output, Source, read_rendered, sealed_as
from gitrel.render.template import Failure, Job, Result, TemplateWorkers, Text
from gitrel.repo.model import TemplateFile
from gitrel.repo.sealed import MARK
from gitrel.repo.text import read_text


def render_templates(
    files: Iterable[TemplateFile],
    templates: Iterable[TemplateFile],
    inputs: Inputs,
    vault: Vault,
    workers: TemplateWorkers,
) -> Output:
    """One source per template that could be rendered."""
    texts: dict[str, str] = {}
    repository = {file.path: file.origin.file for file in files}
    asked = {file.path for file in templates}
    problems: list[Problem] = []
    for file in files:
        text, wrong = read_text(file.data, file.origin.file)
        if not wrong:
            texts[file.path] = text
        elif file.path in asked:
            problems += wrong
    wanted = tuple(sorted(asked & texts.keys()))
    results = dict(workers.render(Job(texts, wanted, inputs.context))) if wanted else {}
    again = tuple(path for path, result in results.items() if vault.names and _needs_secrets(result, vault))
    opened = Opened(inputs.context, frozenset())
    if again:
        try:
            opened = vault.open(inputs.context)
        except Sealed as error:
            return Output((), (*problems, error.problem), None)
        results |= workers.render(Job(texts, again, opened.context))
    return _collected(results, repository, frozenset(again), opened, inputs, problems)


def _needs_secrets(result: Result, vault: Vault) -> bool:
    """A failure may be the ciphertext's fault, as when a number was expected."""
    return isinstance(result, Failure) or bool(result.reads & vault.names)


def _collected(
    results: Mapping[str, Result],
    repository: Mapping[str, str],
    again: frozenset[str],
    opened: Opened,
    inputs: Inputs,
    problems: list[Problem],
) -> Output:
    sources: list[Source] = []
    reads: frozenset[str] = frozenset()
    for path, result in results.items():
        if isinstance(result, Failure):
            problems.append(without_secrets(_told(result, repository), opened.secrets))
            continue
        source = _read(path, repository, result)
        if path in again:
            seal = inputs.seal(result.reads | {FILE + path})
            source = sealed_as(source, seal, lambda problem: without_secrets(problem, opened.secrets))
        sources.append(source)
        reads |= result.reads
    complete = len(sources) == len(repository.keys() & results.keys()) and not problems
    return Output(tuple(sources), tuple(problems), reads if complete else None, opened.secrets)


def _read(path: str, repository: Mapping[str, str], result: Text) -> Source:
    if MARK in result.text:
        what = "an encrypted value would reach the cluster as it stands"
        todo = "read it as a parameter, from a file that SOPS encrypted"
        return Source(
            path, repository[path], (), (Problem(repository[path], 0, 0, what, todo),), templated=True
        )
    return read_rendered(path, repository, result.text, result.lines)


def _told(failure: Failure, repository: Mapping[str, str]) -> Problem:
    via = ""
    if failure.chain:
        places = (place.rpartition(":") for place in failure.chain)
        via = " (included from " + " → ".join(f"{repository[p[0]]}:{p[2]}" for p in places) + ")"
    return Problem(repository[failure.file], failure.line, 0, failure.what + via, failure.todo)
