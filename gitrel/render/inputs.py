"""Whether two catalogs can differ in what a release renders to, found out without rendering anything.

A repository of a thousand components in ten environments has ten thousand releases, and a change touches few
of them. What rendering reads is compared, not what was written: a comment or a line that moved is no change.
"""

from __future__ import annotations

from collections.abc import Callable

from gitrel.render.release import template_context
from gitrel.repo.model import Catalog, Component

Versions = Callable[[Catalog, str, str], str]
"""(catalog, component, environment) → the version that is wanted there."""


class Inputs:
    """Compares the releases of two catalogs, both of which must have the component and the environment."""

    def __init__(self, before: Catalog, after: Catalog) -> None:
        self._before, self._after = before, after
        self._same_world = (
            before.pipeline.parameters == after.pipeline.parameters
            and before.pipeline.flags == after.pipeline.flags
            and before.pipeline.kubernetes_version == after.pipeline.kubernetes_version
            and before.environments == after.environments
        )

    def same_component(self, name: str) -> bool:
        """Whether nothing at all differs that any of its releases reads."""
        old, new = self._before.components[name], self._after.components[name]
        return self._same_world and _read(old) == _read(new)

    def same(self, component: str, environment: str, was: str, wanted: str) -> bool:
        """Whether version `was` before and version `wanted` after render to the same manifests here."""
        old, new = self._before.components[component], self._after.components[component]
        before, after = old.versions[was], new.versions[wanted]
        if before.source_digest != after.source_digest or old.renderer != new.renderer:
            return False
        places = self._before.environments[environment], self._after.environments[environment]
        return template_context(self._before, old, before, places[0]) == template_context(
            self._after, new, after, places[1]
        )


def _read(component: Component) -> tuple[object, ...]:
    digests = {name: version.source_digest for name, version in component.versions.items()}
    settings = (component.renderer, component.namespace, component.parameters, component.flags)
    return (*settings, component.pointers, digests)
