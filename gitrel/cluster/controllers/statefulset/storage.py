"""The claims of a StatefulSet's members: made before their pods, and owned as the retention policy asks.

Kubernetes `pkg/controller/statefulset/stateful_pod_control.go`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.controller import Context
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.cluster.controllers.statefulset import members, retention
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object

CLAIMS = "persistentvolumeclaims"


def claims_of(set_: Object, ordinal: int, context: Context) -> Iterator[Object]:
    """Those that are there."""
    for template in members.claim_templates(set_):
        name = members.claim_name(set_, template, ordinal)
        found = context.read.get(CLAIMS, set_["metadata"]["namespace"], name)
        if found is not None:
            yield found


def has_stale_claim(set_: Object, ordinal: int, context: Context) -> bool:
    """Whether a claim is still to go with the pod that had this name before."""
    when_scaled, _ = retention.policy(set_)
    name = f"{set_['metadata']['name']}-{ordinal}"
    claims = claims_of(set_, ordinal, context) if when_scaled else ()
    return any(retention.is_stale(claim, None, name) for claim in claims)


def sync_claims(set_: Object, ordinal: int, context: Context) -> None:
    """Makes those that are missing. Raises ApiError, also where one is being deleted."""
    namespace, failures = set_["metadata"]["namespace"], list[str]()
    pod_name = f"{set_['metadata']['name']}-{ordinal}"
    for template in members.claim_templates(set_):
        claim = members.new_claim(set_, template, ordinal)
        name = claim["metadata"]["name"]
        found = context.read.get(CLAIMS, namespace, name)
        if found is not None:
            if is_deleting(found):
                failures.append(f"pvc {name} is being deleted")
            continue
        try:
            context.write.create(CLAIMS, claim)
        except ApiError as error:
            failures.append(f"failed to create PVC {name}: {error.message}")
            said = f"Create Claim {name} for Pod {pod_name} in StatefulSet {set_['metadata']['name']} failed"
            context.write.event(set_, "Warning", "FailedCreate", f"{said} error: {error.message}")
            continue
        said = f"Create Claim {name} Pod {pod_name} in StatefulSet {set_['metadata']['name']} success"
        context.write.event(set_, "Normal", "SuccessfulCreate", said)
    if failures:
        text = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
        raise ApiError(500, "InternalError", text)


def owners_are_right(set_: Object, pod: Object, ordinal: int, context: Context) -> bool:
    return all(
        retention.wanted_references(claim, set_, pod) is retention.references(claim)
        for claim in claims_of(set_, ordinal, context)
    )


def sync_owners(set_: Object, pod: Object, ordinal: int, context: Context) -> None:
    """Gives the claims of a pod the owners that the policy asks for."""
    for claim in claims_of(set_, ordinal, context):
        name = claim["metadata"]["name"]
        if retention.has_stranger(claim, set_, pod):
            said = f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging"
            said = f"{said} controller, the retention policy is ignored for this claim"
            context.write.event(set_, "Warning", "ConflictingController", said)
        wanted = retention.wanted_references(claim, set_, pod)
        if wanted is not retention.references(claim):
            path = ("metadata", "ownerReferences")
            context.write.update(CLAIMS, replaced(claim, path, list(wanted)))
