"""The clusters of a world: each connected on first use, known by its identity, and kept with what was seen.

The memory saves work and decides nothing: a sighting is reused only while the cluster itself says that
nothing has changed since. A cluster that is not the recorded one is refused, whatever its name is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gitrel.backends.backend import Backend, Exclusive, Following, OwnClock, Refused, Remembering
from gitrel.errors import GitrelError, Unreachable, UsageError
from gitrel.orchestrator.lookahead import Ahead, Lookahead
from gitrel.repo.model import ClusterRef, Environment
from gitrel.repo.suggest import unknown
from gitrel.rollout.identities import recorded
from gitrel.rollout.seen import Drifted, Health
from gitrel.rollout.state import Rollout

SKEW_TOLD = timedelta(minutes=1)
"""Clocks that differ by less are nobody's trouble; one that was told is told again when it moved that far."""


class WrongCluster(Unreachable):
    """Somebody answers, and is not the cluster that the environment has been so far."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of one component in one cluster when its mark was `mark`.

    `wanted` is the digest for which health was judged, `drift` what of it no longer holds.
    """

    mark: str
    wanted: str
    applied: str | None
    health: Health | None
    drift: tuple[Drifted, ...] = ()


@dataclass(slots=True)
class _Place:
    """A connection. `identity` is asked for once a pass; None where it may not be known."""

    ref: ClusterRef
    backend: Backend
    identity: str | None = None
    is_asked: bool = False
    skew: timedelta = timedelta()
    """Of its clock, as it was told last."""
    namespaces: set[str] = field(default_factory=set)
    """Those that are known to be there, in this pass."""


class Clusters:
    """`of` raises `Unreachable` where a connection cannot be made; the next pass tries again.

    `adopt` names environments whose cluster is right although another one is recorded: a person's word.
    """

    def __init__(
        self,
        connect: Callable[[Environment], Backend],
        *,
        adopt: Iterable[str] = (),
        lookahead: Lookahead | None = None,
    ) -> None:
        self._connect = connect
        self._adopt = frozenset(adopt)
        self._lookahead = lookahead or Lookahead()
        self._places: dict[str, _Place] = {}
        self._sightings: dict[tuple[str, str], Sighting] = {}
        self._recorded: Mapping[str, str] = {}
        self._gave_up: dict[str, str] = {}

    # ── At the beginning of a pass ──────────────────────────────────────────────────────────────────────

    def expect(self, records: Iterable[Rollout]) -> None:
        """A pass or a command begins: these clusters are recorded, and everybody may answer again."""
        self._recorded = recorded(records)
        self._gave_up.clear()
        for place in self._places.values():
            place.is_asked = False
            place.namespaces.clear()

    def expect_adopted(self, environments: Iterable[str]) -> None:
        """Raises UsageError where a cluster is to be taken on for an environment that does not exist."""
        known = sorted(environments)
        for name in sorted(self._adopt.difference(known)):
            raise UsageError(f"--adopt: there is no environment {unknown(name, known)}")

    def look_ahead(self, wanted: Iterable[Ahead], now: datetime) -> None:
        """Connects to all clusters, and reads at once and side by side what the pass is going to ask.

        Those that do not answer in time are given up for this pass. Raises UsageError with every
        environment whose cluster cannot even be looked for: before anything is written anywhere.
        """
        wrong: list[str] = []
        asked: list[tuple[Ahead, Backend]] = []
        for ahead in wanted:
            try:
                asked.append((ahead, self._place(ahead.environment).backend))
            except UsageError as error:
                wrong.append(f"{ahead.environment.name}: {error}")
            except Unreachable as error:
                self._gave_up[ahead.environment.name] = str(error)
        if wrong:
            raise UsageError("\n".join(wrong))
        places = dict(self._places)
        self._gave_up |= self._lookahead.read(
            asked, now, lambda ahead: self._identity(places[ahead.environment.name])
        )

    def give_up(self, environment: str, why: str) -> None:
        """It did not answer: nobody asks it again in this pass, and waits as long once more."""
        self._gave_up.setdefault(environment, why)

    # ── In a pass ───────────────────────────────────────────────────────────────────────────────────────

    def of(self, environment: Environment) -> Backend:
        """Raises Unreachable, and WrongCluster with both UIDs where another cluster is recorded."""
        name = environment.name
        if name in self._gave_up:
            raise Unreachable(self._gave_up[name])
        place = self._place(environment)
        known = self._recorded.get(name)
        if known is not None and name not in self._adopt:
            found = self._identity(place)
            if found is None:
                raise WrongCluster(
                    f"cluster {name}: it does not say which cluster it is, and {known} is recorded: "
                    "allow gitrel to get the namespace kube-system"
                )
            if found != known:
                raise WrongCluster(
                    f"cluster {name}: this is {found} and not {known}, which is recorded for {name}: "
                    f"mend the kubeconfig or the context, or say --adopt {name} if the cluster was replaced"
                )
        return place.backend

    def ensure_namespace(self, environment: Environment, name: str) -> None:
        """Creates the namespace where it is missing, and asks for it once a pass. It is nobody's after that:
        gitrel never deletes one. Raises as `of` does."""
        backend, known = self.of(environment), self._place(environment).namespaces
        if name not in known:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            if not backend.read([namespace], coming=True):
                backend.apply(namespace)
            known.add(name)

    def identity(self, environment: Environment) -> str | None:
        """The UID of the environment's cluster; None where gitrel may not ask. Raises as `of` does."""
        self.of(environment)
        return self._identity(self._place(environment))

    def _place(self, environment: Environment) -> _Place:
        place = self._places.get(environment.name)
        if place is not None and place.ref != environment.cluster:
            self._drop(environment.name)  # the repository names another cluster now
            place = None
        if place is None:
            place = _Place(environment.cluster, self._connect(environment))
            self._places[environment.name] = place
        return place

    def _identity(self, place: _Place) -> str | None:
        if not place.is_asked:
            try:
                place.identity = place.backend.identity()
            except Refused:
                place.identity = None
            place.is_asked = True
        return place.identity

    def skewed(self) -> Iterator[tuple[str, timedelta]]:
        """Environments whose cluster's clock has moved away from this machine's, or back to it, since they
        were last named here: by how much it is ahead."""
        for name, place in sorted(self._places.items()):
            if isinstance(place.backend, OwnClock):
                skew = place.backend.skew()
                if abs(skew - place.skew) >= SKEW_TOLD:
                    place.skew = skew
                    yield name, skew

    def watch_troubles(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        """(environment, what its watches have met and survived since it was connected, by word)."""
        for name, place in sorted(self._places.items()):
            if isinstance(place.backend, Following):
                yield name, place.backend.troubles()

    def connected(self) -> Iterator[Backend]:
        yield from (place.backend for place in self._places.values())

    def recall(self, component: str, environment: str) -> Sighting | None:
        return self._sightings.get((component, environment))

    def remember(self, component: str, environment: str, sighting: Sighting) -> None:
        self._sightings[component, environment] = sighting

    def forget(self, component: str, environment: str) -> None:
        """After an apply: what was seen before it is no longer true."""
        self._sightings.pop((component, environment), None)

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────

    def leave(self) -> None:
        """The pass under way is the last one: no cluster that keeps silent is waited for any more."""
        self._lookahead.leave()

    def let_go(self) -> None:
        """Before a sleep: closes what only one process at a time can have, so that others may act meanwhile.

        What was seen of it is forgotten: it may be another cluster of that name when it is opened next.
        """
        for name in [name for name, place in self._places.items() if isinstance(place.backend, Exclusive)]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        with suppress(GitrelError):
            self._places.pop(name).backend.close()
        for key in [key for key in self._sightings if key[1] == name]:
            del self._sightings[key]

    def close(self) -> None:
        """Closes every connection; one that fails to close does not keep the others open."""
        backends = [place.backend for place in self._places.values()]
        self._places.clear()
        self._lookahead.close([backend for backend in backends if isinstance(backend, Remembering)])
        for backend in backends:
            if not isinstance(backend, Remembering):
                with suppress(GitrelError):
                    backend.close()
