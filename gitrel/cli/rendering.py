"""Releases that verbs may show: rendered, without errors, and with their Secrets known to the masker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gitrel.cli.lookup import refuse_errors
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog
from gitrel.telemetry.masking import MASKER


@contextmanager
def renderings() -> Iterator[Callable[[Catalog, str, str, str], Rendered]]:
    """`f(catalog, component, version, environment)`; raises InvalidRepository for errors in it."""
    from gitrel.app import renderer

    with renderer() as render:

        def release(catalog: Catalog, component: str, version: str, environment: str) -> Rendered:
            rendered = render(catalog, component, version, environment)
            refuse_errors(rendered.problems)
            for manifest in rendered.manifests:
                MASKER.learn_object(manifest.object)
            return rendered

        yield release
