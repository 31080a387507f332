"""Who owns a member's claims: by the retention policy the set, the pod that is scaled away, or nobody.

Pure. Kubernetes `isClaimOwnerUpToDate` and `updateClaimOwnerRefForSetAndPod`
(`pkg/controller/statefulset/stateful_set_utils.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.controllers.claiming import controller_reference
from gitrel.cluster.controllers.statefulset.members import ordinal_of, ordinals
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

References = Sequence[Mapping[str, Any]]


def policy(set_: Object) -> tuple[bool, bool]:
    """Whether claims go when their pod is scaled away, and when the set is deleted."""
    found = get(set_, "spec", "persistentVolumeClaimRetentionPolicy") or {}
    return found.get("whenScaled") == "Delete", found.get("whenDeleted") == "Delete"


def references(claim: Object) -> References:
    found: References = claim["metadata"].get("ownerReferences") or ()
    return found


def is_stale(claim: Object, pod: Object | None, pod_name: str) -> bool:
    """Whether the claim still goes with an earlier pod of that name."""
    uid = pod["metadata"]["uid"] if pod else None
    return any(_is_pod(ref, pod_name) and ref["uid"] != uid for ref in references(claim))


def has_stranger(claim: Object, set_: Object, pod: Object) -> bool:
    """Whether somebody else is to manage the claim, though a policy says that we do."""
    if not any(policy(set_)):
        return False
    return any(
        ref["uid"] != owner["metadata"]["uid"] if (owner := _named(ref, set_, pod)) else ref.get("controller")
        for ref in references(claim)
    )


def wanted_references(claim: Object, set_: Object, pod: Object) -> References:
    """The claim's owners as they should be; the very same where nothing is to change."""
    have = references(claim)
    if any((owner := _named(ref, set_, pod)) and ref["uid"] != owner["metadata"]["uid"] for ref in have):
        return have  # it belongs to a set or a pod that was there before: the collector will see to it
    ours = {set_["metadata"]["uid"], pod["metadata"]["uid"]}
    owned = [ref for ref in have if ref["uid"] in ours]
    others = [ref for ref in have if ref["uid"] not in ours]
    if has_stranger(claim, set_, pod):
        return others if owned else have
    owners = _owners(set_, pod)
    right = [ref["uid"] for ref in owned] == [owner["uid"] for owner in owners]
    return have if right and all(ref.get("controller") for ref in owned) else [*others, *owners]


def _owners(set_: Object, pod: Object) -> list[Mapping[str, Any]]:
    when_scaled, when_deleted = policy(set_)
    ordinal = ordinal_of(pod["metadata"]["name"], set_)
    scaled_away = ordinal is None or ordinal not in ordinals(set_)
    if when_scaled and scaled_away:
        return [controller_reference("v1", "Pod", pod)]
    return [controller_reference("apps/v1", "StatefulSet", set_)] if when_deleted else []


def _named(ref: Mapping[str, Any], set_: Object, pod: Object) -> Object | None:
    """The one of the two that the reference names, whatever its uid."""
    if ref["apiVersion"] == "apps/v1" and ref["kind"] == "StatefulSet":
        return set_ if ref["name"] == set_["metadata"]["name"] else None
    return pod if _is_pod(ref, pod["metadata"]["name"]) else None


def _is_pod(ref: Mapping[str, Any], name: str) -> bool:
    return bool(ref["apiVersion"] == "v1" and ref["kind"] == "Pod" and ref["name"] == name)
