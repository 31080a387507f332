"""From a remembered release back to its manifests: render at the commit it was decided on.

A digest is a promise: what is applied is exactly what was decided. Where rendering no longer gives that
digest (another gitrel, a rewritten history) nothing is applied.
"""

from __future__ import annotations

from gitrel.errors import GitrelError, InvalidRepository
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Judgement, Rendered
from gitrel.repo.model import Catalog
from gitrel.rollout.seen import Release


class NotReproducible(GitrelError):
    """A release that was decided on renders to something else now."""

    exit_code = 5


def judged_version(
    world: World, catalog: Catalog, component: str, version: str, environment: str
) -> tuple[Judgement, Release]:
    """One version as it would be in one environment, without its manifests: nearly every pass needs no more.

    Problems stay in the result for the caller to weigh.
    """
    judged = world.render.judge(catalog, component, version, environment)
    return judged, Release(version, judged.digest, catalog.commit)


def rendered_release(
    world: World, catalog: Catalog, component: str, environment: str, release: Release
) -> Rendered:
    """The manifests of exactly `release`. `catalog` is tried first, because it is usually the same.

    Raises `NotReproducible` where no commit gives that digest any more.
    """
    for candidate in _places(world, catalog, component, environment, release):
        rendered = world.render(candidate, component, release.version, environment)
        if rendered.digest == release.digest:
            if errors := [p for p in rendered.problems if p.severity == "error"]:
                raise InvalidRepository(errors)
            return rendered
    raise NotReproducible(
        f"{component} {release.version} in {environment} no longer renders to {release.digest[:19]} "
        f"at commit {release.commit[:12]}: promote it again to decide on what it renders to now"
    )


def _places(
    world: World, catalog: Catalog, component: str, environment: str, release: Release
) -> list[Catalog]:
    """The catalogs in which the release may be found: today's, then the one it was decided on."""
    places = [catalog]
    if release.commit and release.commit != catalog.commit:
        places.append(world.source.catalog(release.commit)[0])
    return [place for place in places if _has(place, component, release.version, environment)]


def _has(catalog: Catalog, component: str, version: str, environment: str) -> bool:
    found = catalog.components.get(component)
    return found is not None and version in found.versions and environment in catalog.environments
