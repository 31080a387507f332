"""The clusters of a world: each connected on first use and kept, with what was last seen of it.

The memory saves work and decides nothing: a sighting is reused only while the cluster itself says that
nothing has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gitrel.backends.backend import Backend, Exclusive
from gitrel.errors import GitrelError
from gitrel.repo.model import Environment
from gitrel.rollout.seen import Health


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of one component in one cluster when its mark was `mark`.

    `wanted` is the digest for which health was judged, `drifted` whether its fields no longer hold.
    """

    mark: str
    wanted: str
    applied: str | None
    health: Health | None
    drifted: bool


class Clusters:
    """`of` raises `Unreachable` where a connection cannot be made; the next call tries again."""

    def __init__(self, connect: Callable[[Environment], Backend]) -> None:
        self._connect = connect
        self._backends: dict[str, Backend] = {}
        self._sightings: dict[tuple[str, str], Sighting] = {}

    def of(self, environment: Environment) -> Backend:
        if environment.name not in self._backends:
            self._backends[environment.name] = self._connect(environment)
        return self._backends[environment.name]

    def connected(self) -> Iterator[Backend]:
        yield from self._backends.values()

    def recall(self, component: str, environment: str) -> Sighting | None:
        return self._sightings.get((component, environment))

    def remember(self, component: str, environment: str, sighting: Sighting) -> None:
        self._sightings[component, environment] = sighting

    def forget(self, component: str, environment: str) -> None:
        """After an apply: what was seen before it is no longer true."""
        self._sightings.pop((component, environment), None)

    def let_go(self) -> None:
        """Before a sleep: closes what only one process at a time can have, so that others may act meanwhile.

        What was seen of it is forgotten: it may be another cluster of that name when it is opened next.
        """
        for name in [name for name, backend in self._backends.items() if isinstance(backend, Exclusive)]:
            with suppress(GitrelError):
                self._backends.pop(name).close()
            for key in [key for key in self._sightings if key[1] == name]:
                del self._sightings[key]

    def close(self) -> None:
        """Closes every connection; one that fails to close does not keep the others open."""
        for backend in self._backends.values():
            with suppress(GitrelError):
                backend.close()
        self._backends.clear()
