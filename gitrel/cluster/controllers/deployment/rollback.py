"""Rolling back by annotation: which set's template to return to, and what the Deployment then looks like.

`kubectl rollout undo` patches the template itself; this is the older way, asked for by the annotation
`deprecated.deployment.rollback.to` (Kubernetes `pkg/controller/deployment/rollback.go`). The revision number
of the set that is returned to follows with the next sync, as for any other change of the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from gitrel.cluster.controllers.deployment import revisions
from gitrel.cluster.controllers.deployment.hashing import same_template, without_hash
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, annotations_of


class Rollback(NamedTuple):
    """The Deployment without the request, rolled back where that was possible, and the Event that says so."""

    deployment: Object
    event_type: Literal["Normal", "Warning"]
    reason: str
    message: str


def requested_revision(deployment: Object) -> int | None:
    """0 asks for the one before the current; None asks for nothing."""
    text = annotations_of(deployment).get(revisions.ROLLBACK_TO)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return None


def calculate_rollback(deployment: Object, sets: Sequence[Object], revision: int) -> Rollback:
    cleared = _without_request(deployment)
    wanted = revision or revisions.last_revision(sets)
    if not wanted:
        return _not_found(cleared, "Unable to find last revision.")
    target = next((s for s in sets if revisions.revision_of(s) == wanted), None)
    if target is None:
        return _not_found(cleared, "Unable to find the revision to rollback to.")
    name = deployment["metadata"]["name"]
    template = target["spec"]["template"]
    if same_template(deployment["spec"]["template"], template):
        message = f'The rollback revision contains the same template as current deployment "{name}"'
        return Rollback(cleared, "Warning", "DeploymentRollbackTemplateUnchanged", message)
    # The annotations go back too: otherwise the present ones would be copied onto the old set.
    annotations = {
        **revisions.kept(annotations_of(cleared)),
        **revisions.copied(annotations_of(target)),
    }
    rolled = replaced(cleared, ("metadata", "annotations"), annotations)
    rolled = replaced(rolled, ("spec", "template"), without_hash(template))
    message = f'Rolled back deployment "{name}" to revision {wanted}'
    return Rollback(rolled, "Normal", "DeploymentRollback", message)


def _not_found(cleared: Object, message: str) -> Rollback:
    return Rollback(cleared, "Warning", "DeploymentRollbackRevisionNotFound", message)


def _without_request(deployment: Object) -> Object:
    annotations = {k: v for k, v in annotations_of(deployment).items() if k != revisions.ROLLBACK_TO}
    return replaced(deployment, ("metadata", "annotations"), annotations)
