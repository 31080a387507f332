"""Five words for a change, nothing deleted that is not ours, and no surprise deletions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.backends.backend import Refused
from gitrel.delivery.classify import sorts_of
from gitrel.delivery.conflicts import Trial
from gitrel.delivery.inventory import Inventory, empty
from gitrel.delivery.labels import with_ownership
from gitrel.delivery.plan import Plan, PlanRefused, desired_objects, plan
from gitrel.delivery.prune import allowance
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.ordering import apply_key
from tests.delivery.support import by_ref, diff, release

NOTHING: Inventory = empty("web", "eu", "shop")


def config(name: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop"},
        "data": data,
    }


def applied(obj: Object, **metadata: Any) -> Object:
    """The object as the cluster has it after gitrel applied it."""
    live = with_ownership(obj, "web", "eu", NOTHING.set_id)
    server = {"uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-01-31T11:00:00Z"}
    return {**live, "metadata": {**live["metadata"], **server, **metadata}}


def labelled(component: str, environment: str) -> Object:
    return with_ownership(config("gone"), component, environment, "applyset-x-v1")


def planned(
    wanted: list[Object],
    live: list[Object],
    inventory: Inventory = NOTHING,
    limit: int | str = "50%",
    dry_run: Mapping[Ref, Object | Refused | Trial] | None = None,
    adopt: bool = False,
) -> Plan:
    answers = dry_run or {}
    return plan(release(*wanted), inventory, by_ref(*live), answers, prune_limit=limit, adopt=adopt)


AT = "apps/web/v1/a.yaml:1: "
TODO = ": leave it out, or say what to do with gitrel.dev/conflicts: force or yield"


def asking(obj: Object, **directives: str) -> Object:
    """The object with annotations of gitrel's."""
    notes = {f"gitrel.dev/{key.replace('_', '-')}": text for key, text in directives.items()}
    return {**obj, "metadata": {**obj["metadata"], "annotations": notes}}


def words(made: Plan) -> list[str]:
    return [str(entry) for entry in made.entries]


def test_the_five_words() -> None:
    """New, changed, same, gone and kept objects each get their word, applies before deletions."""
    kept = applied(config("kept"), annotations={"gitrel.dev/prune": "disabled"})
    live = [applied(config("same", a="1")), applied(config("changed", a="1")), applied(config("gone")), kept]
    inventory = NOTHING.holding("v0", "sha256:0", "c", live)
    made = planned([config("new"), config("same", a="1"), config("changed", a="2")], live, inventory)
    assert words(made) == [
        "ConfigMap shop/changed configured",
        "ConfigMap shop/new created",
        "ConfigMap shop/same unchanged",
        "ConfigMap shop/kept skipped (left the release, kept by gitrel.dev/prune: disabled)",
        "ConfigMap shop/gone deleted",
    ]
    assert made.counts == {"created": 1, "configured": 1, "unchanged": 1, "skipped": 1, "deleted": 1}
    assert [str(e.ref) for e in made.to_apply] == ["ConfigMap shop/changed", "ConfigMap shop/new"]
    assert [str(e.ref) for e in made.to_delete] == ["ConfigMap shop/gone"]
    made.check()


def test_a_dry_run_decides_what_is_unchanged() -> None:
    """The server's own answer counts: it also shows fields that were removed from the manifest."""
    wanted = config("a", x="1")
    live = applied(config("a", x="1", more="2"))
    ref = ref_of(wanted)
    same = {**live, "metadata": {**live["metadata"], "resourceVersion": "8", "managedFields": [{}]}}
    assert words(planned([wanted], [live], dry_run={ref: same})) == ["ConfigMap shop/a unchanged"]
    removed = {**same, "data": {"x": "1"}}
    made = planned([wanted], [live], dry_run={ref: removed})
    assert words(made) == ["ConfigMap shop/a configured"]
    assert "-  more: '2'" in diff((one.before, one.after) for one in made.entries)


def test_an_object_that_nobody_owns_is_adopted_only_where_that_is_allowed() -> None:
    """An object that is there already is left to whoever made it, unless somebody says otherwise."""
    live = {**config("a"), "metadata": {"name": "a", "namespace": "shop", "uid": "1"}}
    live["metadata"]["managedFields"] = [{"manager": "kubectl-create", "operation": "Update"}]
    with pytest.raises(PlanRefused) as refused:
        planned([config("a")], [live]).check()
    assert str(refused.value) == (
        f"{AT}ConfigMap shop/a is there already and is not gitrel's, made by kubectl-create: "
        "take it over with gitrel.dev/adopt: allowed or --adopt-objects, or name it otherwise"
    )
    made = planned([config("a")], [live], adopt=True)
    made.check()
    assert words(made) == ["ConfigMap shop/a configured (adopted)"]
    assert made.entries[0].force
    allowed = asking(config("a"), adopt="allowed")
    made = planned([allowed], [live])
    made.check()
    assert words(made) == ["ConfigMap shop/a configured (adopted)"]


def test_what_gitrel_applied_is_its_own_without_labels() -> None:
    """A label that somebody removed, and a crash before the inventory was written, make nothing foreign."""
    bare = {**config("a"), "metadata": {"name": "a", "namespace": "shop", "uid": "1"}}
    planned([config("a")], [bare], NOTHING.growing_by([config("a")])).check()
    bare["metadata"]["managedFields"] = [{"manager": "gitrel", "operation": "Apply", "fieldsV1": {}}]
    planned([config("a")], [bare]).check()


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        (
            {
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {
                    "meta.helm.sh/release-name": "web",
                    "meta.helm.sh/release-namespace": "shop",
                },
            },
            "the Helm release shop/web",
        ),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "app:v1/ConfigMap:shop/a"}}, "Argo CD's app:"),
        ({"labels": {"argocd.argoproj.io/instance": "app"}}, "Argo CD's application app"),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "k",
                    "kustomize.toolkit.fluxcd.io/namespace": "n",
                }
            },
            "Flux's Kustomization n/k",
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "h"}}, "Flux's HelmRelease h"),
        ({"labels": {"applyset.kubernetes.io/part-of": "applyset-x-v1"}}, "the ApplySet applyset-x-v1"),
        (
            {"ownerReferences": [{"kind": "Gadget", "name": "g", "controller": True}]},
            "Gadget g",
        ),
    ],
)
def test_what_belongs_to_others_is_never_adopted(metadata: dict[str, Any], owner: str) -> None:
    """The owner is named, whatever is allowed."""
    live = {**config("a"), "metadata": {"name": "a", "namespace": "shop", "uid": "1", **metadata}}
    with pytest.raises(PlanRefused) as refused:
        planned([asking(config("a"), adopt="allowed")], [live], adopt=True).check()
    assert f"ConfigMap shop/a belongs to {owner}" in str(refused.value)


def test_a_mark_that_the_release_writes_itself_is_no_other_owner() -> None:
    """A chart that was made for another tool carries that tool's marks."""
    marked = config("a")
    marked["metadata"]["annotations"] = {"meta.helm.sh/release-name": "web", "gitrel.dev/adopt": "allowed"}
    planned([marked], [{**marked, "metadata": {**marked["metadata"], "uid": "1"}}]).check()


def test_create_only_objects_are_left_alone() -> None:
    """Made where it is missing; afterwards nothing about it is gitrel's business, not even whose it is."""
    seed = asking(config("a", x="1"), apply="create-only")
    assert words(planned([seed], [])) == ["ConfigMap shop/a created"]
    made = planned([seed], [{**config("a", x="2"), "metadata": {"name": "a", "namespace": "shop"}}])
    made.check()
    assert words(made) == ["ConfigMap shop/a unchanged (is made once, and left alone)"]


def test_an_object_of_another_component_is_refused() -> None:
    """Two components must not fight over one object."""
    live = with_ownership(config("a"), "api", "eu", "applyset-x-v1")
    with pytest.raises(PlanRefused, match="ConfigMap shop/a belongs to api in eu"):
        planned([config("a")], [live]).check()


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(config("gone"), "its labels say it is not ours", id="label removed"),
        pytest.param(
            with_ownership(config("gone"), "api", "eu", "x"), "its labels say it is not ours", id="another's"
        ),
        pytest.param(
            with_ownership(config("gone"), "web", "us", "x"), "its labels say it is not ours", id="elsewhere"
        ),
        pytest.param(
            applied(config("gone"), deletionTimestamp="x", finalizers=["example.com/wait"]),
            "is being deleted, waits for example.com/wait",
            id="being deleted",
        ),
    ],
)
def test_what_is_not_ours_is_never_deleted(live: Object, expected: str) -> None:
    """The inventory alone is no licence to delete: the labels must agree."""
    made = planned([], [live], NOTHING.growing_by([live]))
    assert made.to_delete == ()
    assert expected in str(made.entries[0])


def test_what_the_inventory_does_not_hold_is_never_deleted() -> None:
    """Labels alone are no licence either."""
    assert planned([], [applied(config("gone"))]).entries == ()


def test_a_desired_object_that_is_being_deleted_is_skipped() -> None:
    """An apply would be lost with the object: the plan waits and says for what."""
    live = applied(config("a"), deletionTimestamp="x", finalizers=["f"])
    made = planned([config("a", new="1")], [live])
    assert words(made) == ["ConfigMap shop/a skipped (is being deleted, waits for f)"]


def test_too_many_deletions_are_refused() -> None:
    """A release that lost its files does not empty the cluster; every object at stake is named."""
    live = [applied(config(f"c{i}")) for i in range(10)]
    inventory = NOTHING.growing_by(live)
    wanted = [config(f"c{i}") for i in range(4)]
    with pytest.raises(PlanRefused) as caught:
        planned(wanted, live, inventory).check()
    assert str(caught.value) == (
        "6 of 10 objects would be deleted, and pruneLimit 50% allows 5 at once: "
        "raise pruneLimit for this release, or bring the objects back: ConfigMap shop/c9, "
        "ConfigMap shop/c8, ConfigMap shop/c7, ConfigMap shop/c6, ConfigMap shop/c5, ConfigMap shop/c4"
    )
    planned(wanted, live, inventory, limit=6).check()


@pytest.mark.parametrize(
    ("limit", "size", "allowed"),
    [
        ("50%", 10, 5),
        ("50%", 3, 1),
        ("10%", 5, 1),
        ("100%", 7, 7),
        ("0%", 9, 1),
        (0, 9, 0),
        (3, 9, 3),
        ("10, 30%", 100, 10),
        ("10, 30%", 20, 6),
        ("5, 10%", 3, 1),
        ("0, 50%", 9, 0),
    ],
)
def test_prune_allowance(limit: int | str, size: int, allowed: int) -> None:
    """A count as it is; a percentage rounded down, at least 1; of both the smaller."""
    assert allowance(limit, size) == allowed


def test_conflicts_name_manager_and_field() -> None:
    """A field that somebody else manages is told, never taken over."""
    ref = ref_of(config("a"))
    message = (
        'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using v1:\n- .data.x\n- .data.y\n'
        'conflicts with "helm" using v1:\n- .metadata.labels.app'
    )
    made = planned([config("a")], [], dry_run={ref: Refused(ref, "Conflict", message)})
    assert list(map(str, made.conflicts)) == [
        f"{AT}ConfigMap shop/a: data.x is managed by kubectl-edit{TODO}",
        f"{AT}ConfigMap shop/a: data.y is managed by kubectl-edit{TODO}",
        f"{AT}ConfigMap shop/a: metadata.labels.app is managed by helm{TODO}",
    ]
    with pytest.raises(PlanRefused, match="managed by helm"):
        made.check()


def test_a_single_conflict() -> None:
    """The message for one conflict has another shape."""
    ref = ref_of(config("a"))
    message = 'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas'
    made = planned([config("a")], [], dry_run={ref: Refused(ref, "Conflict", message)})
    assert list(map(str, made.conflicts)) == [f"{AT}ConfigMap shop/a: spec.replicas is managed by hpa{TODO}"]


def test_a_refusal_of_the_server_is_an_objection() -> None:
    """What the server would refuse is told before anything is applied."""
    ref = ref_of(config("a"))
    made = planned([config("a")], [], dry_run={ref: Refused(ref, "Invalid", "data: too long")})
    assert made.objections == ("apps/web/v1/a.yaml:1: ConfigMap shop/a: data: too long",)


def test_every_applied_object_carries_ownership() -> None:
    """Labels of ours win over the manifest's, and the manifest itself is not touched."""
    obj = config("a")
    obj["metadata"]["labels"] = {"app": "web", "gitrel.dev/component": "forged"}
    (wanted,) = desired_objects(release(obj), NOTHING)
    assert wanted["metadata"]["labels"] == {
        "app": "web",
        "app.kubernetes.io/managed-by": "gitrel",
        "gitrel.dev/component": "web",
        "gitrel.dev/environment": "eu",
        "applyset.kubernetes.io/part-of": NOTHING.set_id,
    }
    assert obj["metadata"]["labels"]["gitrel.dev/component"] == "forged"


NAMES = st.sets(st.sampled_from([f"c{i}" for i in range(8)]), max_size=8)


@settings(max_examples=120, deadline=None)
@given(wanted=NAMES, recorded=NAMES, there=NAMES, ours=NAMES)
def test_deletions_are_always_licensed(
    wanted: set[str], recorded: set[str], there: set[str], ours: set[str]
) -> None:
    """In any situation: deleted is exactly what is there, recorded, labelled ours and no longer wanted; the
    order is that of applying, then that of applying backwards."""
    live = [applied(config(name)) if name in ours else config(name) for name in sorted(there)]
    inventory = NOTHING.growing_by([config(name) for name in recorded])
    made = planned([config(name) for name in sorted(wanted)], live, inventory, limit="100%")
    assert {e.ref.name for e in made.to_delete} == (there & recorded & ours) - wanted
    assert {e.ref.name for e in made.entries if e.word == "created"} == wanted - there
    keys = [apply_key(e.ref) for e in made.entries]
    count = len(wanted)
    assert keys[:count] == sorted(keys[:count])
    assert keys[count:] == sorted(keys[count:], reverse=True)


def workload(image: str = "web:1", replicas: int = 1, env: str = "a") -> Object:
    container = {"name": "web", "image": image, "env": [{"name": "A", "value": env}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }


ROLE: Object = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "r"},
    "rules": [],
}


PAUSED: Object = {**workload(), "spec": {**workload()["spec"], "paused": True}}


@pytest.mark.parametrize(
    ("old", "new", "sorts"),
    [
        pytest.param(workload(), workload("web:2"), {"image"}, id="image"),
        pytest.param(workload(), workload(replicas=2), {"replicas"}, id="replicas"),
        pytest.param(workload(), workload(env="b"), {"configuration"}, id="environment variable"),
        pytest.param(workload(), workload("web:2", 2), {"image", "replicas"}, id="two sorts"),
        pytest.param(config("a"), config("a", b="c"), {"configuration"}, id="config map"),
        pytest.param(ROLE, {**ROLE, "rules": [{}]}, {"rbac"}, id="rbac"),
        pytest.param(ROLE, None, {"deletes", "rbac"}, id="deleted role"),
        pytest.param(workload(), None, {"deletes"}, id="deleted"),
        pytest.param(None, workload(), {"other"}, id="new"),
        pytest.param(workload(), PAUSED, {"other"}, id="anything else"),
        pytest.param(workload(), workload(), set(), id="nothing"),
    ],
)
def test_classification(old: Object | None, new: Object | None, sorts: set[str]) -> None:
    """A reviewer sees what sort of change it is."""
    assert set(sorts_of(old, new)) == sorts


def test_a_diff_reads_like_a_diff() -> None:
    """Unified, with the object's name, and without what only the server writes."""
    old = applied(config("a", x="1", text="one\ntwo\n"), generation=3)
    new = applied(config("a", x="2", text="one\nthree\n"), generation=4, resourceVersion="9")
    same = config("d")
    text = diff([(old, new), (None, config("b")), (config("c"), None), (same, same)])
    assert text.startswith("ConfigMap shop/a\n@@")
    assert "-    two\n-  x: '1'\n+    three\n+  x: '2'\n" in text
    assert "ConfigMap shop/b\n@@ -0,0 +1," in text
    assert "ConfigMap shop/c\n@@ -1,6 +0,0 @@\n" in text
    assert "generation" not in text
    assert "resourceVersion" not in text
