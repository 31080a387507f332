"""Which objects a controller takes as its own: keep, adopt or release.

The rules of Kubernetes' `ControllerRefManager`: an object of another controller is never touched, one of
ours that no longer matches is let go, and an orphan that matches is taken, unless either is being deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.controller import Change, Key, Reader, Writer
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube import selectors
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, controller_of, labels_of


@dataclass(frozen=True, slots=True)
class Claim:
    """What to do with each candidate; those left alone appear nowhere."""

    keep: tuple[Object, ...]
    adopt: tuple[Object, ...] = ()
    release: tuple[Object, ...] = ()


def label_selector(owner: Object) -> Mapping[str, Any]:
    """The LabelSelector in an owner's spec; empty where there is none."""
    selector: Mapping[str, Any] = owner["spec"].get("selector") or {}
    return selector


def matcher(selector: Mapping[str, Any]) -> Callable[[Mapping[str, str]], bool]:
    """A LabelSelector as a test of labels; plain labels alone, the usual case, are one comparison of sets."""
    wanted = (selector.get("matchLabels") or {}).items()
    if not selector.get("matchExpressions"):
        return lambda labels: wanted <= labels.items()
    compiled = selectors.from_object(selector)
    return lambda labels: selectors.matches(compiled, labels)


def calculate_claim(owner: Object, selector: Mapping[str, Any], candidates: Iterable[Object]) -> Claim:
    """`selector` is a LabelSelector; one that is empty claims nothing."""
    matches = matcher(selector)
    uid, leaving = owner["metadata"]["uid"], is_deleting(owner)
    keep: list[Object] = []
    adopt: list[Object] = []
    release: list[Object] = []
    for candidate in candidates:
        reference = controller_of(candidate)
        match = bool(selector) and matches(labels_of(candidate))
        if reference is None:
            if match and not leaving and not is_deleting(candidate):
                adopt.append(candidate)
        elif reference["uid"] == uid:
            if match:
                keep.append(candidate)
            elif not leaving:
                release.append(candidate)
    return Claim(tuple(keep), tuple(adopt), tuple(release))


def controller_reference(api_version: str, kind: str, owner: Object) -> dict[str, Any]:
    """The owner reference that makes `owner` the one controller of an object (`NewControllerRef`)."""
    metadata = owner["metadata"]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def sync_claim(resource: str, claim: Claim, reference: Mapping[str, Any], write: Writer) -> list[Object]:
    """Carries the claim out; returns what is owned afterwards, in the candidates' order, adopted last.

    An object that is refused or gone meanwhile is simply not ours: the change that caused it wakes us.
    """
    owned = list(claim.keep)
    for orphan in claim.adopt:
        references = [*(orphan["metadata"].get("ownerReferences") or ()), dict(reference)]
        adopted = _update_references(resource, orphan, references, write)
        if adopted is not None:
            owned.append(adopted)
    for stranger in claim.release:
        others = [r for r in stranger["metadata"]["ownerReferences"] if r["uid"] != reference["uid"]]
        _update_references(resource, stranger, others, write)
    return owned


def _update_references(
    resource: str, obj: Object, references: list[dict[str, Any]], write: Writer
) -> Object | None:
    try:
        return write.update(resource, replaced(obj, ("metadata", "ownerReferences"), references))
    except ApiError as error:
        if error.code not in (404, 409, 422):
            raise
        return None


def candidates(
    resource: str, owner: Object, match_labels: Mapping[str, str], read: Reader
) -> Iterator[Object]:
    """Everything that is ours already or could be adopted, by two index look-ups and no scan."""
    metadata = owner["metadata"]
    seen: set[str] = set()
    for obj in read.owned_by(resource, metadata["uid"]):
        seen.add(obj["metadata"]["uid"])
        yield obj
    for obj in read.selected(resource, metadata["namespace"], match_labels):
        if obj["metadata"]["uid"] not in seen:
            yield obj


def keys_of_matching(
    resource: str, kind: str, selector_of: Callable[[Object], Mapping[str, Any]]
) -> Callable[[Change, Reader], Iterable[Key]]:
    """Wakes the controlling owner of `kind`; for an orphan, every owner in `resource` that could adopt it."""

    def wake(change: Change, read: Reader) -> Iterable[Key]:
        new, old = change.new, change.old
        owner = controller_of(new)
        keys = _keys_of(owner, new, kind)
        if old is not None and old["metadata"].get("ownerReferences") != new["metadata"].get(
            "ownerReferences"
        ):
            keys += _keys_of(controller_of(old), old, kind)
        if owner is None and change.type != "DELETED" and labels_of(new):
            keys += _matching_keys(new, read)
        return keys

    def _matching_keys(orphan: Object, read: Reader) -> Iterator[Key]:
        namespace = orphan["metadata"]["namespace"]
        for owner in read.list(resource, namespace):
            selector = selector_of(owner)
            if selector and matcher(selector)(labels_of(orphan)):
                yield Key(namespace, owner["metadata"]["name"])

    return wake


def _keys_of(owner: Mapping[str, Any] | None, obj: Object, kind: str) -> list[Key]:
    if owner is None or owner["kind"] != kind:
        return []
    return [Key(obj["metadata"]["namespace"], owner["name"])]
