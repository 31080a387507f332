"""A real repository, a real journal and virtual clusters, driven pass by pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gitrel.app import read_catalog, world
from gitrel.backends.backend import Backend
from gitrel.orchestrator.wait import reconcile_retrying
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rehearsal.faults import Fault
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.play import play
from gitrel.repo.edit import Delete, FileChange, PutFile, PutLink
from gitrel.repo.git import GitRepository, RefUpdate
from tests import small


@dataclass
class Town:
    """`world` and `fleet` share one virtual clock."""

    folder: Path
    world: World
    fleet: Fleet

    def once(self) -> PassReport:
        return reconcile_retrying(self.world)

    def settle(self, *components: str) -> PassReport:
        """Passes and virtual time until nothing is left to wait for."""
        return play(self.world, self.fleet, Scope(frozenset(components)))

    def wait(self, by: timedelta) -> None:
        self.fleet.advance_to(self.fleet.clock.now() + by)

    def cluster(self, name: str) -> Backend:
        catalog, _ = self.world.source.catalog(self.world.source.head())
        return self.world.clusters.of(catalog.environments[name])

    def image(self, name: str) -> str:
        """What the environment's Deployment runs."""
        (deployment,) = self.cluster(name).list("apps/v1", "Deployment", "shop")
        image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def image_of(self, environment: str, name: str) -> str:
        """What the Deployment of that name runs there."""
        found = self.cluster(environment).list("apps/v1", "Deployment", "shop")
        (deployment,) = (one for one in found if one["metadata"]["name"] == name)
        image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def commit(self, *changes: FileChange, message: str = "By hand") -> str:
        """A person's commit on the branch."""
        with GitRepository(self.folder) as repository:
            head = repository.head()
            commit = repository.commit_tree(
                head.commit, changes, message=message, author=small.AUTHOR, at=self.fleet.clock.now()
            )
            repository.update_refs([RefUpdate(head.ref, commit, head.commit)])
        return commit

    def point(self, environment: str, version: str) -> str:
        return self.commit(PutLink(f"apps/web/{environment}", version))

    def write(self, path: str, text: str) -> str:
        return self.commit(PutFile(path, text.encode()))

    def remove(self, path: str) -> str:
        return self.commit(Delete(path))

    def pointers(self) -> dict[str, str]:
        catalog, _ = self.world.source.catalog(self.world.source.head())
        return {name: p.version for name, p in catalog.components["web"].pointers.items()}

    def messages(self) -> list[str]:
        """Commit messages on the branch, oldest first."""
        with GitRepository(self.folder) as repository:
            return [commit.message for commit in reversed(repository.log(repository.head().commit))]


@contextmanager
def town(folder: Path, *faults: Fault, images: tuple[str, ...] = ()) -> Iterator[Town]:
    """The small repository in `folder`, installed: v1 runs everywhere."""
    small.repository(folder)
    catalog, _ = read_catalog(folder)
    fleet = Fleet(catalog, small.START, faults=faults, images=images)
    with world(folder, actor=small.AUTHOR, clock=fleet.clock, connect=fleet.connect) as it:
        place = Town(folder, it, fleet)
        place.settle()
        fleet.begin()
        yield place
