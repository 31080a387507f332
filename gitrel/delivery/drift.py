"""Which applied fields no longer hold in the cluster, and who changed them as far as the cluster tells.

Replicas that an autoscaler of the same release sets are not drift, and neither is anything that the release
does not write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.clock import parse_instant
from gitrel.delivery.fields import Path, Step, differences
from gitrel.delivery.wanted import compared
from gitrel.kube.autoscaling import autoscaled
from gitrel.kube.directives import directives_of
from gitrel.kube.fields import get
from gitrel.kube.fieldsets import names_item
from gitrel.kube.identity import Object, Ref
from gitrel.render.manifest import Manifest
from gitrel.rollout.seen import Drifted

FIELDS_MAX = 5
"""Fields of one object that are named; more tell nothing more."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One field of one object. `path` is dotted, and empty where the whole object is gone.

    `managers` are the others who own the field now, and `since` is when the last of them wrote; empty where
    the cluster does not say. Values are not kept: they may be secret.
    """

    ref: Ref
    path: str
    managers: tuple[str, ...] = ()
    since: datetime | None = None

    def __str__(self) -> str:
        if not self.path:
            return f"{self.ref} is gone"
        by = f" by {', '.join(self.managers)}" if self.managers else ""
        return f"{self.ref}: {self.path} was changed{by}"


def drifted_objects(manifests: Iterable[Manifest], live: Mapping[Ref, Object]) -> tuple[Drifted, ...]:
    """What has drifted, object by object in the order of the manifests. `live` comes with its managers."""
    found: dict[Ref, list[Drift]] = {}
    for one in drift(manifests, live):
        found.setdefault(one.ref, []).append(one)
    return tuple(
        Drifted(
            object=str(ref),
            fields=tuple(one.path for one in drifts if one.path)[:FIELDS_MAX],
            managers=tuple(sorted({manager for one in drifts for manager in one.managers})),
            since=max((one.since for one in drifts if one.since), default=None),
        )
        for ref, drifts in found.items()
    )


def drift(manifests: Iterable[Manifest], live: Mapping[Ref, Object]) -> Iterator[Drift]:
    """Every field of the release that does not hold, in the order of the manifests."""
    manifests = tuple(manifests)
    scaled = frozenset(autoscaled(manifest.object for manifest in manifests))
    for manifest in manifests:
        found = live.get(manifest.ref)
        if found is None:
            yield Drift(manifest.ref, "")
            continue
        if (written := compared(manifest.object)) is None:
            continue
        yields = directives_of(manifest.object).conflicts == "yield"
        for path, _, _ in differences(written, found):
            if path == ("spec", "replicas") and manifest.ref in scaled:
                continue
            owners = _other_owners(found, manifest.object, path)
            if yields and owners:
                continue
            yield Drift(manifest.ref, dotted(path), tuple(sorted(owners)), _latest(owners.values()))


def _other_owners(live: Mapping[str, Any], manifest: Mapping[str, Any], path: Path) -> dict[str, str]:
    """The field managers besides gitrel that own the field → when each last wrote, as the cluster has it.

    Items of lists are found by the manifest's own keys: in the live object they may stand elsewhere.
    """
    found: dict[str, str] = {}
    for entry in get(live, "metadata", "managedFields") or ():
        manager = entry.get("manager") if isinstance(entry, Mapping) else None
        if (
            isinstance(manager, str)
            and manager != FIELD_OWNER
            and _owns(entry.get("fieldsV1"), manifest, path)
        ):
            found[manager] = max(found.get(manager, ""), str(entry.get("time") or ""))
    return found


def _latest(times: Iterable[str]) -> datetime | None:
    try:
        return max((parse_instant(time) for time in times if time), default=None)
    except ValueError:
        return None


def _owns(fields: Any, value: Any, path: Path) -> bool:
    """Walks `fieldsV1` beside the object: `f:name` for fields, `k:{…}` for items of keyed lists."""
    for step in path:
        if not isinstance(fields, Mapping):
            return False
        if not fields or set(fields) == {"."}:
            return True  # an atomic value is owned as a whole
        key, value = _field_key(fields, value, step)
        if key is None:
            return False
        fields = fields[key]
    return isinstance(fields, Mapping)


def _field_key(fields: Mapping[str, Any], value: Any, step: Step) -> tuple[str | None, Any]:
    if isinstance(step, str):
        child = value.get(step) if isinstance(value, Mapping) else None
        return (f"f:{step}" if f"f:{step}" in fields else None), child
    item = value[step] if isinstance(value, list) and step < len(value) else None
    if not isinstance(item, Mapping):
        return None, None
    for key in fields:
        if names_item(key, item, as_written=True):
            return key, item
    return None, item


def dotted(path: Path) -> str:
    """`("spec", "containers", 0, "image")` → `spec.containers[0].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text
