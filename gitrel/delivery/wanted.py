"""What is applied for a manifest beside what is there already: ignored fields are left as they are.

An ignored field is written when the object is made. Afterwards it is nobody's business here: it is left out
of what is applied, or, while gitrel is its only owner, applied as it is, because leaving it out would let
the server reset it. So are the replicas of a workload that an autoscaler of the same release scales, whether
its manifest has them or had them once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.kube.autoscaling import autoscaled
from gitrel.kube.directives import directives_of
from gitrel.kube.fieldpaths import Path, owners, value_at, with_value, without
from gitrel.kube.identity import Object, Ref, ref_of

REPLICAS: Path = ("spec", "replicas")


@dataclass(frozen=True, slots=True)
class Ignored:
    """Which fields of a release's objects are written once. `scaled` are the workloads with an autoscaler."""

    scaled: frozenset[Ref] = frozenset()

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]]) -> Ignored:
        """By all objects of one release."""
        return cls(frozenset(autoscaled(objects)))

    def paths(self, obj: Mapping[str, Any]) -> tuple[Path, ...]:
        said = directives_of(obj).ignore
        return (*said, REPLICAS) if ref_of(obj) in self.scaled and REPLICAS not in said else said


def as_applied(obj: Object, live: Mapping[str, Any] | None, ignored: Ignored) -> Object:
    """The object to apply over `live`."""
    if live is None:
        return obj
    for path in ignored.paths(obj):
        ours = {manager for manager, _ in owners(live, path)} == {FIELD_OWNER}
        there = value_at(live, path)
        obj = with_value(obj, path, there) if ours and there is not None else without(obj, path)
    return obj


def compared(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part of a manifest in which an applied object may drift; None where it may as a whole."""
    directives = directives_of(obj)
    if directives.create_only:
        return None
    for path in directives.ignore:
        obj = without(obj, path)
    return obj
