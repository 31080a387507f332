"""The members of a StatefulSet: ordinals, what a member's pod and claims look like, and how one is doing.

Pure. Kubernetes `pkg/controller/statefulset/stateful_set_utils.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitrel.cluster.controllers import podstate, podtemplate
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object, labels_of

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"
_MEMBER = re.compile(r"(.*)-([0-9]+)")


def ordinal_of(name: str, set_: Object) -> int | None:
    """`web-2` → 2 for the set `web`; None for the name of no member."""
    found = _MEMBER.fullmatch(name)
    return int(found[2]) if found and found[1] == set_["metadata"]["name"] else None


def ordinals(set_: Object) -> range:
    """The ordinals that there should be."""
    start = get(set_, "spec", "ordinals", "start", default=0)
    return range(start, start + set_["spec"].get("replicas", 1))


def is_parallel(set_: Object) -> bool:
    return bool(set_["spec"].get("podManagementPolicy") == "Parallel")


def claim_templates(set_: Object) -> Sequence[Object]:
    found: Sequence[Object] = set_["spec"].get("volumeClaimTemplates") or ()
    return found


def claim_name(set_: Object, template: Object, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{set_['metadata']['name']}-{ordinal}"


def new_claim(set_: Object, template: Object, ordinal: int) -> Object:
    metadata = template["metadata"]
    labels = {**(metadata.get("labels") or {}), **(get(set_, "spec", "selector", "matchLabels") or {})}
    own = {
        **metadata,
        "name": claim_name(set_, template, ordinal),
        "namespace": set_["metadata"]["namespace"],
        "labels": labels,
    }
    return {**template, "metadata": own}


def new_pod(
    set_: Object, template: Mapping[str, Any], ordinal: int, revision: str, reference: Mapping[str, Any]
) -> Object:
    """Member `ordinal`, from the template of the revision of that name."""
    pod = with_identity(podtemplate.new_pod(template, set_, reference), set_, ordinal)
    metadata = {**pod["metadata"], "labels": {**labels_of(pod), REVISION: revision}}
    spec = {**pod["spec"], "hostname": metadata["name"]}
    if service := set_["spec"].get("serviceName"):
        spec["subdomain"] = service
    return with_storage({**pod, "metadata": metadata, "spec": spec}, set_, ordinal)


def with_identity(pod: Object, set_: Object, ordinal: int) -> Object:
    name = f"{set_['metadata']['name']}-{ordinal}"
    labels = {**labels_of(pod), POD_NAME: name, POD_INDEX: str(ordinal)}
    return {**pod, "metadata": {**pod["metadata"], "name": name, "labels": labels}}


def has_identity(pod: Object) -> bool:
    return bool(labels_of(pod).get(POD_NAME) == pod["metadata"]["name"])


def with_storage(pod: Object, set_: Object, ordinal: int) -> Object:
    """The claims' volumes first, then the template's own that have other names."""
    templates = claim_templates(set_)
    if not templates:
        return pod
    claimed = [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(set_, template, ordinal)},
        }
        for template in templates
    ]
    names = {volume["name"] for volume in claimed}
    others = [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in names]
    return replaced(pod, ("spec", "volumes"), [*claimed, *others])


def has_storage(pod: Object, set_: Object, ordinal: int) -> bool:
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    return all(
        get(volumes.get(template["metadata"]["name"], {}), "persistentVolumeClaim", "claimName")
        == claim_name(set_, template, ordinal)
        for template in claim_templates(set_)
    )


def revision_of(pod: Object) -> str:
    return str(labels_of(pod).get(REVISION, ""))


def is_running_and_ready(pod: Object) -> bool:
    return podstate.phase(pod) == "Running" and podstate.is_ready(pod)


def is_available(pod: Object, min_ready_seconds: int, now: datetime) -> bool:
    at = podstate.available_at(pod, min_ready_seconds)
    return at is not None and (not min_ready_seconds or at <= now)


def is_unavailable(pod: Object | None, min_ready_seconds: int, now: datetime) -> bool:
    """One that is not there, not available, or going."""
    return pod is None or podstate.is_deleting(pod) or not is_available(pod, min_ready_seconds, now)
