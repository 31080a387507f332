"""One release: the files of a version and the parameters of an environment → ordered, checked manifests.

Nothing is read but the catalog, nothing runs here but pure code; templates run in `workers`. The same
inputs give the same bytes, on every machine and at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gitrel.errors import UsageError
from gitrel.kube.ordering import apply_key
from gitrel.render.manifest import Manifest, Rendered
from gitrel.render.objects import Found, duplicates, objects_of, place_in_namespace
from gitrel.render.reads import FILE, LISTING, Inputs
from gitrel.render.renderers import output_of
from gitrel.render.sops import Safe, Vault, shown_secrets, without_secrets
from gitrel.render.template import TemplateWorkers
from gitrel.render.tools import Tools
from gitrel.render.validate import contradictions, problems_of
from gitrel.repo.model import Catalog, Component, Environment, Origin, Version
from gitrel.repo.precedence import effective_flags, effective_parameters, plain


def render_release(
    catalog: Catalog,
    component: str,
    version: str,
    environment: str,
    workers: TemplateWorkers,
    tools: Tools | None = None,
    safe: Safe | None = None,
) -> Rendered:
    """`version` of `component` as it would be in `environment`; problems stand in the result.

    Raises UsageError for a component, version or environment that the catalog does not have.
    """
    part, target, place = _found(catalog, component, version, environment)
    namespace = part.namespace or place.namespace
    context = template_context(catalog, part, target, place)
    inputs = Inputs({file.path: file.data for file in target.files}, context)
    tools = tools or Tools()
    vault = Vault(
        catalog, effective_parameters(catalog, component, environment), safe or Safe(tools), part.types
    )
    output = output_of(part, target, inputs, vault, workers, tools)
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
        problems += shown_secrets(item, output.secrets) if item.document.seal else ()
    manifests = tuple(sorted(map(_manifest, found), key=lambda manifest: apply_key(manifest.ref)))
    return Rendered(
        component=part.name,
        version=target.name,
        environment=place.name,
        namespace=namespace,
        manifests=manifests,
        digest=digest_of(manifests),
        problems=tuple(sorted({without_secrets(problem, output.secrets) for problem in problems})),
        reads=inputs.digests(output.reads if output.reads is not None else _everything(target, context)),
        lasting=output.reads is not None and not output.secrets,
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


def _manifest(found: Found) -> Manifest:
    place = found.at()
    return Manifest(
        found.ref, found.object, Origin(place.file, place.line, place.column), found.document.seal
    )


def digest_of(manifests: Iterable[Manifest]) -> str:
    """`sha256:` over one line of JSON with sorted keys per manifest, in their order.

    The journal is public, and a digest of a short secret could be tried against guesses: of a sealed
    manifest the seal is covered, which changes with the ciphertext and with all else that it was made from.
    """
    digest = hashlib.sha256()
    for manifest in manifests:
        content = {"seal": manifest.seal} if manifest.seal else manifest.object
        digest.update(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"
