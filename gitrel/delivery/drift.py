"""Which applied fields no longer hold in the cluster, and who changed them as far as the cluster tells.

Replicas that an autoscaler of the same release sets are not drift, and neither is anything that the release
does not write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.delivery.fields import Path, Step, differences
from gitrel.delivery.wanted import compared
from gitrel.kube.autoscaling import autoscaled
from gitrel.kube.directives import directives_of
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, Ref
from gitrel.render.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Drift:
    """One field of one object. `path` is dotted, and empty where the whole object is gone.

    `managers` are the others who own the field now; empty where the cluster does not say. Values are not
    kept: they may be secret.
    """

    ref: Ref
    path: str
    managers: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.path:
            return f"{self.ref} is gone"
        by = f" by {', '.join(self.managers)}" if self.managers else ""
        return f"{self.ref}: {self.path} was changed{by}"


def has_drifted(manifests: Iterable[Manifest], live: Mapping[Ref, Object]) -> bool:
    """Whether any applied field no longer holds."""
    return next(iter(drift(manifests, live)), None) is not None


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
            managers = other_managers(found, manifest.object, path)
            if yields and managers:
                continue
            yield Drift(manifest.ref, dotted(path), managers)


def other_managers(live: Mapping[str, Any], manifest: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """The field managers besides gitrel that own the field at the manifest's `path`.

    Items of lists are found by the manifest's own keys: in the live object they may stand elsewhere.
    """
    found = set()
    for entry in get(live, "metadata", "managedFields") or ():
        manager = entry.get("manager") if isinstance(entry, Mapping) else None
        if (
            isinstance(manager, str)
            and manager != FIELD_OWNER
            and _owns(entry.get("fieldsV1"), manifest, path)
        ):
            found.add(manager)
    return tuple(sorted(found))


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
        if key.startswith("k:") and all(item.get(k) == v for k, v in _json(key[2:]).items()):
            return key, item
    return None, item


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"": None}
    return value if isinstance(value, dict) else {"": None}


def dotted(path: Path) -> str:
    """`("spec", "containers", 0, "image")` → `spec.containers[0].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text
