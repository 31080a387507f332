"""The printed rights follow the kinds of the releases, and hold nothing that is not used."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.delivery.rbac import CLUSTER, READ, WRITE, Rights, Rule, objects, rights
from gitrel.kube.identity import Object
from gitrel.kube.resources import defined, guessed
from tests.delivery.support import load, release

ALL = (*READ, *WRITE, "delete")
RBAC = "rbac.authorization.k8s.io"


def obj(kind: str, api_version: str = "v1", name: str = "web", **fields: Any) -> Object:
    metadata = {"name": name, "namespace": "shop", **fields.pop("metadata", {})}
    metadata = {key: value for key, value in metadata.items() if value}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def needed(*items: Object, kinds: tuple[str, ...] = (), escalate: bool = False) -> Rights:
    return rights("eu", [release(*items)], {"web": kinds}, defined(items), escalate=escalate)


def verbs(found: Rights, scope: str, resource: str) -> set[str]:
    return {verb for rule in found.rules.get(scope, ()) if resource in rule.resources for verb in rule.verbs}


def test_nothing_but_what_is_released() -> None:
    """A Service: its rule, the inventory, the events, and the two namespaces that are looked at."""
    found = needed(obj("Service"))
    assert found.rules == {
        CLUSTER: (Rule(("",), ("namespaces",), ("get",), ("kube-system", "shop")),),
        "shop": (
            Rule(("",), ("configmaps",), (*READ, *WRITE)),
            Rule(("",), ("events",), ("list",)),
            Rule(("",), ("services",), ALL),
        ),
    }


def test_pods_are_read_for_workloads_only() -> None:
    """Their pods say why they are not well; where no template is, no pod is looked at."""
    assert verbs(needed(obj("Service")), "shop", "pods") == set()
    workload = obj("Deployment", "apps/v1", spec={"template": {}})
    assert verbs(needed(workload), "shop", "pods") == set(READ)
    assert verbs(needed(workload), "shop", "deployments") == set(ALL)


def test_what_is_protected_cannot_be_deleted() -> None:
    """The right is left out too, unless pruneKinds or the object itself says that it may go."""
    claim = obj("PersistentVolumeClaim")
    assert "delete" not in verbs(needed(claim), "shop", "persistentvolumeclaims")
    allowed = needed(claim, kinds=("PersistentVolumeClaim",))
    assert "delete" in verbs(allowed, "shop", "persistentvolumeclaims")
    says = obj("PersistentVolumeClaim", metadata={"annotations": {"gitrel.dev/prune": "delete"}})
    assert "delete" in verbs(needed(says), "shop", "persistentvolumeclaims")


def test_a_cluster_wide_kind_needs_a_cluster_role() -> None:
    """And only it: what has a namespace stays in a Role."""
    found = needed(obj("StorageClass", "storage.k8s.io/v1", metadata={"namespace": ""}), obj("Service"))
    assert verbs(found, CLUSTER, "storageclasses") == set(ALL)
    assert verbs(found, CLUSTER, "services") == set()


def test_a_custom_kind_is_called_as_its_definition_says() -> None:
    """The plural comes from the CustomResourceDefinition; without one it is a guess, and said to be."""
    definition = load(
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: oxen.example.com}
        spec: {group: example.com, names: {kind: Ox, plural: oxen}}
        """
    )
    ox = obj("Ox", "example.com/v1")
    assert verbs(needed(definition, ox), "shop", "oxen") == set(ALL)
    assert needed(definition, ox).guessed == ()
    assert needed(ox).guessed == ("Ox.example.com",)
    assert verbs(needed(ox), "shop", "oxes") == set()


ROLE = obj("Role", f"{RBAC}/v1", rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}])
SELECTORS: Object = {"clusterRoleSelectors": []}
AGGREGATED = obj(
    "ClusterRole", f"{RBAC}/v1", name="sum", metadata={"namespace": ""}, aggregationRule=SELECTORS
)


def binding(kind: str, name: str) -> Object:
    return obj("RoleBinding", f"{RBAC}/v1", roleRef={"apiGroup": RBAC, "kind": kind, "name": name})


def test_rights_that_are_handed_on_are_held() -> None:
    """Kubernetes lets nobody grant what they do not hold: they are among the rules, word for word, and a
    binding to the release's own role needs no more."""
    found = needed(ROLE, binding("Role", "web"))
    assert Rule(("",), ("secrets",), ("get",)) in found.rules["shop"]
    assert not {"bind", "escalate"} & {verb for rule in found.rules["shop"] for verb in rule.verbs}
    assert found.handed_on == (
        "Role.rbac.authorization.k8s.io shop/web hands on the rights in it, so gitrel holds them",
    )


def test_a_role_that_others_brought_may_be_bound_by_name() -> None:
    """`bind` on that one role, and in that one namespace."""
    found = needed(binding("ClusterRole", "view"))
    assert Rule((RBAC,), ("clusterroles",), ("bind",), ("view",)) in found.rules["shop"]
    assert "may be bound" in found.handed_on[0]


def test_the_verbs_instead_of_the_rights() -> None:
    """With --escalate, and for an aggregated role in any case: nobody can hold what it will come to grant."""
    found = needed(ROLE, binding("Role", "web"), escalate=True)
    assert Rule((RBAC,), ("roles",), ("bind", "escalate"), ("web",)) in found.rules["shop"]
    assert Rule(("",), ("secrets",), ("get",)) not in found.rules["shop"]
    always = needed(AGGREGATED)
    assert Rule((RBAC,), ("clusterroles",), ("escalate",), ("sum",)) in always.rules[CLUSTER]


def test_the_objects_bind_the_account_to_each_role() -> None:
    """Namespaces first, then the account, then a role and its binding for each scope."""
    made = list(objects(needed(obj("Service")), ("ops", "deployer")))
    names = [(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in made]
    assert names == [
        ("Namespace", "", "ops"),
        ("Namespace", "", "shop"),
        ("ServiceAccount", "ops", "deployer"),
        ("ClusterRole", "", "gitrel-eu"),
        ("ClusterRoleBinding", "", "gitrel-eu"),
        ("Role", "shop", "gitrel-eu"),
        ("RoleBinding", "shop", "gitrel-eu"),
    ]
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": "ops"}
    assert all(o["subjects"] == [subject] for o in made if o["kind"].endswith("Binding"))


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Ingress", "ingresses"), ("NetworkPolicy", "networkpolicies"), ("Endpoints", "endpoints"),
        ("StorageClass", "storageclasses"), ("CSIDriver", "csidrivers"), ("IPAddress", "ipaddresses"),
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers"), ("ServiceCIDR", "servicecidrs"),
    ],
)  # fmt: skip
def test_kinds_become_resources(kind: str, resource: str) -> None:
    """As `kubectl api-resources` lists them."""
    assert guessed(kind) == resource
