"""What gitrel has put into one namespace for one component: an ApplySet that also remembers the release.

The inventory is a ConfigMap beside the objects. It grows before anything is applied and shrinks after
pruning, so that a crash between the two loses track of nothing. `digest` moves only when everything of a
release has been applied. A ConfigMap holds 1 MiB, so a long list of objects is kept compressed.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gitrel import __version__
from gitrel.delivery.labels import TOOL, applyset_id, ownership
from gitrel.errors import GitrelError
from gitrel.kube.identity import Object, Ref, labels_of, ref_of
from gitrel.kube.ordering import apply_key

FORMAT, PACKED_FORMAT = "1", "2"
"""As people can read it, and with its objects compressed; a gitrel that knows only the first says so."""
PLAIN_BYTES_MAX = 64 * 1024
PACKED_BYTES_MAX = 700 * 1024
"""ConfigMaps end at 1 MiB (core/v1 MaxSecretSize), counted in base64 on the wire, with room for the rest."""
HOOKS_MAX = 64
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
ID = "applyset.kubernetes.io/id"
TOOLING = "applyset.kubernetes.io/tooling"
GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"


class InventoryUnreadable(GitrelError):
    """The inventory in the cluster is not one that this gitrel can read; nothing is applied over it."""

    exit_code = 5


class InventoryTooLarge(GitrelError):
    """The release has more objects than one inventory can name."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Inventory:
    """`digest`, `version` and `commit` tell the last release that was applied completely; `digest` is None
    while the first one is still on its way.

    `objects` are the objects that may be there, as apiVersion, kind and metadata alone, in apply order.
    """

    component: str
    environment: str
    namespace: str
    version: str = ""
    digest: str | None = None
    commit: str = ""
    objects: tuple[Object, ...] = ()
    hooks: tuple[str, ...] = ()
    """The hooks that are over, by `Hook.key`, the latest last: they are remembered longer than their Jobs."""
    coming: str = ""
    """The digest of another release of which some of the objects may be applied already; empty for none."""

    @property
    def applied(self) -> str | None:
        """The digest of the release that is there whole; None while that cannot be said of any."""
        return None if self.coming else self.digest

    @property
    def refs(self) -> frozenset[Ref]:
        return frozenset(map(ref_of, self.objects))

    @property
    def set_id(self) -> str:
        """The ApplySet's id, carried by every member as the label `applyset.kubernetes.io/part-of`."""
        return applyset_id(name_of(self.component), self.namespace)

    def growing_by(self, objects: Iterable[Mapping[str, Any]], digest: str = "") -> Inventory:
        """The inventory to write before applying the `objects` of the release `digest`: old and new members,
        the old release, and whether that is no longer whole then."""
        coming = digest if digest and digest != self.applied else ""
        return replace(self, objects=_identities([*self.objects, *objects]), coming=coming)

    def remembering(self, hooks: Iterable[str]) -> Inventory:
        """The inventory that knows that these hooks are over; the latest `HOOKS_MAX` are kept."""
        kept = dict.fromkeys((*self.hooks, *hooks))
        return replace(self, hooks=tuple(kept)[-HOOKS_MAX:])

    def holding(
        self, version: str, digest: str, commit: str, objects: Iterable[Mapping[str, Any]]
    ) -> Inventory:
        """The inventory to write when all of a release is applied and what left it is gone."""
        whole = _identities(objects)
        return replace(self, version=version, digest=digest, commit=commit, objects=whole, coming="")


def empty(component: str, environment: str, namespace: str) -> Inventory:
    """The inventory of a component that has never been applied there."""
    return Inventory(component, environment, namespace)


def name_of(component: str) -> str:
    """The name of the ConfigMap; one per component and namespace."""
    return f"{TOOL}-{component}"


def parent(component: str, namespace: str) -> Object:
    """The identity of the ConfigMap, to read it by."""
    metadata = {"name": name_of(component), "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def to_object(inventory: Inventory) -> Object:
    """The ConfigMap to apply. Raises InventoryTooLarge."""
    refs = [ref_of(obj) for obj in inventory.objects]
    group_kinds = {f"{ref.kind}.{ref.group}" if ref.group else ref.kind for ref in refs}
    namespaces = {ref.namespace for ref in refs} - {inventory.namespace, ""}
    identity = parent(inventory.component, inventory.namespace)
    identity["metadata"] |= {
        "labels": {**ownership(inventory.component, inventory.environment), ID: inventory.set_id},
        "annotations": {
            TOOLING: f"{TOOL}/v{__version__}",
            GROUP_KINDS: ",".join(sorted(group_kinds)),
            NAMESPACES: ",".join(sorted(namespaces)),
        },
    }
    listed = orjson.dumps(inventory.objects)
    packed = len(listed) > PLAIN_BYTES_MAX
    identity["data"] = {
        "format": PACKED_FORMAT if packed else FORMAT,
        "component": inventory.component,
        "environment": inventory.environment,
        "version": inventory.version,
        "digest": inventory.digest or "",
        "commit": inventory.commit,
    }
    if inventory.coming:
        identity["data"]["coming"] = inventory.coming
    if inventory.hooks:
        identity["data"]["hooks"] = "\n".join(inventory.hooks)
    if packed:
        identity["binaryData"] = {"objects": _packed(inventory, listed)}
    else:
        identity["data"]["objects"] = listed.decode()
    return identity


def _packed(inventory: Inventory, listed: bytes) -> str:
    """The list as zlib's bytes in base64; the same list always gives the same text."""
    packed = zlib.compress(listed, 9)
    if len(packed) > PACKED_BYTES_MAX:
        raise InventoryTooLarge(
            f"{inventory.component} in {inventory.environment} has {len(inventory.objects):,} objects, "
            "more than one inventory can name: split it into several components"
        )
    return base64.b64encode(packed).decode()


def from_object(obj: Mapping[str, Any], environment: str) -> Inventory:
    """Reads back what `to_object` wrote.

    Raises InventoryUnreadable for one of another environment, of a later format, or damaged: it is never
    taken for "nothing is deployed".
    """
    ref = ref_of(obj)
    data = obj.get("data") or {}
    if data.get("format") not in (FORMAT, PACKED_FORMAT):
        raise InventoryUnreadable(
            f"{ref}: the inventory has the format {data.get('format')!r}, this gitrel reads "
            f"{FORMAT!r} and {PACKED_FORMAT!r}: use the gitrel that wrote it, or a newer one"
        )
    if data.get("environment") != environment:
        raise InventoryUnreadable(
            f"{ref}: this namespace already holds the environment {data.get('environment')!r}: "
            f"give {environment!r} a cluster or a namespace of its own"
        )
    inventory = Inventory(
        component=str(data.get("component")),
        environment=environment,
        namespace=ref.namespace,
        version=data.get("version", ""),
        digest=data.get("digest") or None,
        commit=data.get("commit", ""),
        objects=_read_objects(ref, obj),
        coming=data.get("coming", ""),
        hooks=tuple(data.get("hooks", "").split("\n")) if data.get("hooks") else (),
    )
    if ref.name != name_of(inventory.component) or labels_of(obj).get(ID) != inventory.set_id:
        raise InventoryUnreadable(f"{ref}: the inventory was copied or renamed: restore it, or delete it")
    return inventory


def _read_objects(ref: Ref, obj: Mapping[str, Any]) -> tuple[Object, ...]:
    try:
        if obj["data"]["format"] == FORMAT:
            return _identities(orjson.loads(obj["data"].get("objects", "")))
        packed = base64.b64decode(obj["binaryData"]["objects"], validate=True)
        reader = zlib.decompressobj()
        listed = reader.decompress(packed, UNPACKED_BYTES_MAX)
        if not reader.eof:
            raise ValueError("cut off, or larger than anything that is written here")
        return _identities(orjson.loads(listed))
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error, binascii.Error) as error:
        raise InventoryUnreadable(
            f"{ref}: the list of objects is damaged: restore the ConfigMap, or delete it and adopt again"
        ) from error


def _identities(objects: Iterable[Mapping[str, Any]]) -> tuple[Object, ...]:
    """One identity per object, in apply order; of two apiVersions of one object the later stays."""
    by_ref = {ref_of(obj): obj for obj in objects}
    return tuple(_identity(by_ref[ref]) for ref in sorted(by_ref, key=apply_key))


def _identity(obj: Mapping[str, Any]) -> Object:
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace") if obj["metadata"].get(key)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
