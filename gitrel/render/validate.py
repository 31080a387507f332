"""Each rendered object against the Kubernetes version that it is for, before anything is written anywhere.

Problems carry the line that people edit: the plain file's own, or the template's with the rendered line
beside it. Kinds that Kubernetes does not define are custom resources; their server knows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from gitrel.errors import Problem
from gitrel.kube import openapi
from gitrel.kube.autoscaling import autoscaled
from gitrel.kube.directives import wrong_directives
from gitrel.kube.fields import get
from gitrel.kube.identity import group_of
from gitrel.render.objects import Found
from gitrel.render.removed import removed_in
from gitrel.render.rules import broken_rules
from gitrel.render.schema import dotted, schema_errors


def problems_of(found: Found, version: str) -> Iterator[Problem]:
    """Everything that the API server of that version would refuse, as far as it can be known here."""
    for where, what, todo in wrong_directives(found.object):
        yield found.at(where).problem(what, todo)
    api_version, kind = found.object["apiVersion"], found.object["kind"]
    definition = openapi.definition_of(version, api_version, kind)
    if definition is None:
        yield from _not_served(found, version, api_version, kind)
        return
    wrong = list(schema_errors(found, version, definition))
    if not wrong:
        # The rules lean on the shape that the schema promises.
        wrong = [(path, f"{dotted(path)}: {what}", todo) for path, what, todo in broken_rules(found.object)]
    for path, what, todo in wrong:
        yield found.at(path).problem(what, todo)


def contradictions(found: Iterable[Found]) -> Iterator[Problem]:
    """What is right in each object alone and wrong between them."""
    everything = tuple(found)
    scaled = frozenset(autoscaled(item.object for item in everything))
    for item in everything:
        if item.ref in scaled and get(item.object, "spec", "replicas") is not None:
            what = "spec.replicas: a HorizontalPodAutoscaler of this release sets it"
            todo = "leave it out: the two would fight over the field"
            yield item.at(("spec", "replicas")).warning(what, todo)


def _not_served(found: Found, version: str, api_version: str, kind: str) -> Iterator[Problem]:
    place = found.at(("apiVersion",))
    if gone := removed_in(version, api_version, kind):
        since, instead = gone
        what = f"{api_version} {kind} was removed in Kubernetes {since}"
        yield place.problem(what, f"write {instead}" if instead else "there is no replacement")
        return
    kinds = openapi.kinds(version)
    if not _is_builtin(group_of(api_version)):
        return
    homes = sorted(api for api, known in kinds if known == kind)
    if homes:
        yield place.problem(f"{kind} is not in {api_version}", f"write {' or '.join(homes)}")
        return
    here = [known for api, known in kinds if api == api_version]
    close = get_close_matches(kind, here or [known for _, known in kinds], 1)
    what = f"Kubernetes {version} has no {kind} in {api_version}"
    yield found.at(("kind",)).problem(
        what, f"did you mean {close[0]}?" if close else "check kind and apiVersion"
    )


def _is_builtin(group: str) -> bool:
    """Whether Kubernetes itself serves the group: custom ones have a domain of their own."""
    return "." not in group or any(group_of(api) == group for api, _ in openapi.kinds(openapi.versions()[-1]))
