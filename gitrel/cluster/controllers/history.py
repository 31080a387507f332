"""ControllerRevisions: what a StatefulSet or DaemonSet was told to run, numbered, equal ones only once.

Kubernetes `pkg/controller/history` and `getPatch`: a revision's data is a patch that puts the template back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import claiming
from gitrel.cluster.controllers.controller import Context
from gitrel.cluster.controllers.deployment.hashing import calculate_hash
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, annotations_of, controller_of

REVISIONS = "controllerrevisions.apps"
HASH_LABEL = "controller.kubernetes.io/hash"
_NAME_MAX = 223


def data_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that restores this template."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: Object) -> dict[str, Any]:
    """The template that a revision restores."""
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def ordered(revisions: Iterable[Object]) -> list[Object]:
    """By number, then age, then name."""
    return sorted(
        revisions,
        key=lambda one: (
            one["revision"],
            one["metadata"]["creationTimestamp"],
            one["metadata"]["name"],
        ),
    )


def next_number(revisions: Sequence[Object]) -> int:
    """One more than the highest; `revisions` are ordered."""
    number: int = revisions[-1]["revision"] if revisions else 0
    return number + 1


def sync_claims(owner: Object, reference: Mapping[str, Any], context: Context) -> list[Object]:
    """Takes what is ours or nobody's; ordered."""
    selector = claiming.label_selector(owner)
    labels = selector.get("matchLabels") or {}
    found = claiming.candidates(REVISIONS, owner, labels, context.read)
    claim = claiming.calculate_claim(owner, selector, found)
    adopted = claiming.sync_claim(
        REVISIONS, claiming.Claim(claim.keep, claim.adopt), reference, context.write
    )
    return ordered(adopted)


def find_equal(revisions: Iterable[Object], data: Mapping[str, Any]) -> Object | None:
    """The newest that says the same."""
    return next((one for one in reversed([*revisions]) if one["data"] == data), None)


def renumbered(revision: Object, number: int, context: Context) -> Object:
    if revision["revision"] == number:
        return revision
    return context.write.update(REVISIONS, replaced(revision, ("revision",), number))


def create(
    owner: Object, data: Mapping[str, Any], number: int, reference: Mapping[str, Any], context: Context,
    collisions: int = 0,
) -> tuple[Object, int]:  # fmt: skip
    """A new one, and how many names were taken by others. Raises ApiError."""
    metadata = owner["metadata"]
    labels = data["spec"]["template"].get("metadata", {}).get("labels") or {}
    while True:
        hash_ = calculate_hash(data, collisions)
        name = f"{metadata['name'][:_NAME_MAX]}-{hash_}"
        own = {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**labels, HASH_LABEL: hash_},
            "ownerReferences": [dict(reference)],
        }
        if annotations := annotations_of(owner):
            own["annotations"] = annotations
        try:
            return context.write.create(
                REVISIONS, {"metadata": own, "data": data, "revision": number}
            ), collisions
        except ApiError as error:
            there = context.read.get(REVISIONS, metadata["namespace"], name)
            if error.reason != "AlreadyExists" or there is None:
                raise
            if there["data"] == data and (controller_of(there) or {}).get("uid") == metadata["uid"]:
                return there, collisions
            collisions += 1


def truncate(revisions: Sequence[Object], live: set[str], limit: int, context: Context) -> None:
    """Deletes the oldest beyond `limit` of those that nothing uses; `live` are names."""
    past = [one for one in revisions if one["metadata"]["name"] not in live]
    for one in past[: max(0, len(past) - limit)]:
        metadata = one["metadata"]
        context.write.delete(REVISIONS, metadata["namespace"], metadata["name"], uid=metadata["uid"])
