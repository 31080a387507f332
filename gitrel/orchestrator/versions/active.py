"""Which versions matter to somebody now: pointed at, in force, or on their way.

Pure. These are the versions that a point fix has to reach; one that is forgotten brings the fault back.
"""

from __future__ import annotations

from gitrel.repo.model import Component
from gitrel.rollout.state import ACTIVE, Rollout


def where_it_runs(component: Component, record: Rollout | None) -> dict[str, tuple[str, ...]]:
    """Version → the environments that point at it, have it in force, or are getting it; sorted names.

    A version of the journal that the repository no longer holds is there too.
    """
    found: dict[str, set[str]] = {}
    for environment, pointer in component.pointers.items():
        found.setdefault(pointer.version, set()).add(environment)
    if record is not None:
        for environment, release in record.in_force.items():
            found.setdefault(release.version, set()).add(environment)
        for environment, progress in record.environments.items():
            if progress.phase in ACTIVE:
                found.setdefault(progress.target.version, set()).add(environment)
        if record.version and record.status in ("running", "paused"):
            found.setdefault(record.version, set()).update(record.scope)
    return {version: tuple(sorted(environments)) for version, environments in found.items()}
