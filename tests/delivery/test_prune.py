"""What becomes of objects that left the release: whose they are, what they say, and what they hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from gitrel.delivery.inventory import Inventory, empty
from gitrel.delivery.labels import PART_OF, with_ownership
from gitrel.delivery.plan import Plan, plan
from gitrel.delivery.prune import leavers, owned_part
from gitrel.kube.identity import Object, ref_of
from tests.delivery.support import by_ref, load, release

NOTHING: Inventory = empty("web", "eu", "shop")
CONFIG: Object = load(
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}, data: {a: b}}"
)
CLAIM = load("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: shop}}")
VOLUME = load("{apiVersion: v1, kind: PersistentVolume, metadata: {name: data}}")
SPACE = load("{apiVersion: v1, kind: Namespace, metadata: {name: tools}}")
KIND = load(
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a.example.com}}"
)
CLUSTER_ROLE = load("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: web}}")
ELSEWHERE = load("{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: tools}}")


def member(obj: Object, prune: str = "", labels: dict[str, str | None] | None = None) -> Object:
    """The object as the cluster has it after gitrel applied it; a label that is None is gone."""
    live = with_ownership(obj, "web", "eu", NOTHING.set_id)
    kept = {k: v for k, v in {**live["metadata"]["labels"], **(labels or {})}.items() if v is not None}
    metadata: dict[str, Any] = {**live["metadata"], "labels": kept, "uid": "1"}
    if prune:
        metadata["annotations"] = {"gitrel.dev/prune": prune}
    return {**live, "metadata": metadata}


def judged(live: Object, allowed: Collection[str] = ()) -> tuple[str, str]:
    (found,) = leavers(NOTHING.growing_by([live]), set(), by_ref(live), allowed)
    return found.fate, found.reason


@pytest.mark.parametrize(
    ("live", "fate", "reason"),
    [
        pytest.param(member(CONFIG), "deleted", "", id="a member"),
        pytest.param(member(CLUSTER_ROLE), "deleted", "", id="a member without a namespace"),
        pytest.param(member(ELSEWHERE), "deleted", "", id="a member in another namespace"),
        pytest.param(
            member(CONFIG, labels={PART_OF: None}), "kept", f"label {PART_OF} was removed", id="removed"
        ),
        pytest.param(
            member(CONFIG, labels={PART_OF: "applyset-x-v1"}), "kept", "part of another set, applyset-x-v1",
            id="another set",
        ),
        pytest.param(
            member(CONFIG, labels={"gitrel.dev/component": "api"}), "kept", "not ours", id="another component"
        ),
        pytest.param(member(CONFIG, "keep"), "kept", "kept by gitrel.dev/prune: keep", id="keep"),
        pytest.param(member(CONFIG, "disabled"), "kept", "kept by gitrel.dev/prune: disabled", id="disabled"),
        pytest.param(
            member(CONFIG, "Keep"), "kept", "is 'Keep': write keep or orphan or delete", id="typo"
        ),
        pytest.param(
            member(CONFIG, "orphan"), "kept", "does not say which of its fields are ours", id="no record"
        ),
        pytest.param(member(CLAIM, "delete"), "deleted", "", id="a claim that says it may go"),
    ],
)  # fmt: skip
def test_one_object(live: Object, fate: str, reason: str) -> None:
    """Each situation, and the sentence that people read; whatever is in doubt stays."""
    found = judged(live)
    assert found[0] == fate
    assert reason in found[1]


@pytest.mark.parametrize("obj", [CLAIM, VOLUME, SPACE, KIND], ids=lambda obj: str(obj["kind"]))
def test_what_holds_other_things_is_never_deleted_unasked(obj: Object) -> None:
    """A claim, a volume, a namespace and a definition take data with them: only by their kind's name."""
    kind = obj["kind"]
    assert judged(member(obj)) == ("kept", f"left the release, kept because pruneKinds does not name {kind}")
    assert judged(member(obj), [kind]) == ("deleted", "")


def applied(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    entry = {"manager": "gitrel", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    return {**entry, **more}


def test_an_orphan_is_let_go_without_our_labels() -> None:
    """It keeps everything that gitrel wrote but the labels, and the inventory forgets it."""
    ours: dict[str, Any] = {
        key: {} for key in (*[f"f:{k}" for k in member(CONFIG)["metadata"]["labels"]], "f:app")
    }
    fields = {
        "f:metadata": {"f:labels": {".": {}, **ours}, "f:annotations": {"f:gitrel.dev/prune": {}}},
        "f:data": {"f:a": {}},
    }
    live = member(CONFIG, "orphan", {"app": "web"})
    live["metadata"]["managedFields"] = [applied(fields)]
    live["data"] = {"a": "b", "theirs": "c"}
    made = planned([], [live])
    (entry,) = made.entries
    assert (
        str(entry) == "ConfigMap shop/old configured (left the release, let go by gitrel.dev/prune: orphan)"
    )
    assert entry.object == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "old",
            "namespace": "shop",
            "labels": {"app": "web"},
            "annotations": {"gitrel.dev/prune": "orphan"},
        },
        "data": {"a": "b"},
    }
    assert made.to_delete == ()


def planned(wanted: list[Object], live: list[Object], kinds: Collection[str] = ()) -> Plan:
    inventory = NOTHING.growing_by([*wanted, *live])
    return plan(release(*wanted), inventory, by_ref(*live), {}, prune_limit="100%", prune_kinds=kinds)


def test_the_plan_names_everything_that_goes() -> None:
    """One line per object, in the order in which they go: backwards, so that nothing loses what it needs."""
    service = load("{apiVersion: v1, kind: Service, metadata: {name: old, namespace: shop}}")
    made = planned([], [member(obj) for obj in (CONFIG, service, CLUSTER_ROLE, ELSEWHERE, CLAIM)])
    assert made.deletions == (
        "Service shop/old",
        "ClusterRole.rbac.authorization.k8s.io web",
        "ConfigMap tools/old",
        "ConfigMap shop/old",
    )
    assert made.counts == {"deleted": 4, "skipped": 1}


def test_what_we_wrote_is_told_from_what_others_wrote() -> None:
    """Keyed lists, sets, whole values and empty maps, as `fieldsV1` names them."""
    live = load(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: p, namespace: shop, finalizers: [a/x, b/y], labels: {app: p, theirs: t}}
        spec:
          nodeName: n1
          containers:
          - {name: app, image: a:1, ports: [{containerPort: 80, protocol: TCP}, {containerPort: 90}]}
          - {name: sidecar, image: s:1}
          volumes: [{name: v, emptyDir: {}}]
        """
    )
    port: Object = {".": {}, "f:containerPort": {}, "f:protocol": {}}
    fields = {
        "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"b/y"': {}}},
        "f:spec": {
            "f:containers": {
                'k:{"name":"app"}': {
                    ".": {}, "f:name": {}, "f:image": {},
                    "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': port},
                }
            },
            "f:volumes": {'k:{"name":"v"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
            "f:gone": {},
        },
    }  # fmt: skip
    live["metadata"]["managedFields"] = [applied(fields, subresource="status"), applied(fields)]
    assert owned_part(live) == load(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: p, namespace: shop, finalizers: [b/y], labels: {app: p}}
        spec:
          containers: [{name: app, image: a:1, ports: [{containerPort: 80, protocol: TCP}]}]
          volumes: [{name: v, emptyDir: {}}]
        """
    )


def test_fields_recorded_in_another_version_are_not_guessed_at() -> None:
    """A conversion may have moved them: then it is said that they are not known."""
    live = member(CONFIG, "orphan")
    live["metadata"]["managedFields"] = [applied({"f:data": {}}, apiVersion="v2")]
    assert owned_part(live) is None
    assert judged(live)[0] == "kept"


def test_a_member_that_is_wanted_stays() -> None:
    """Only what left the release is judged at all."""
    live = member(CONFIG)
    assert list(leavers(NOTHING.growing_by([live]), {ref_of(live)}, by_ref(live), ())) == []
