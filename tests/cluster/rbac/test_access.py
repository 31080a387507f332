"""Authorization in a cluster: refusals as Kubernetes words them, bindings, escalation, reviews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.client import Client
from gitrel.cluster.api.rbac import policy
from gitrel.cluster.api.rbac.attributes import Attributes, for_resource, refusal
from gitrel.cluster.api.rbac.authorizer import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, GROUP, ROLES
from gitrel.cluster.api.rbac.impersonation import Wanted
from gitrel.cluster.api.rbac.rules import allows
from gitrel.cluster.api.rbac.user import ANONYMOUS, AUTHENTICATED, User, service_account
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.clusterroleaggregation.controller import ClusterRoleAggregationController
from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import UsageError
from tests.cluster import harness
from tests.cluster.harness import WatchedCluster, cluster

JANE = User("jane", ("dev", AUTHENTICATED))


def secured() -> WatchedCluster:
    c = cluster(ClusterRoleAggregationController, authorization="RBAC")
    c.settle()
    return c


def acting(c: WatchedCluster, user: User = JANE) -> Client:
    return c.api.acting_as("test", user=user)


def refused(act: Callable[[], Any]) -> str:
    """The message of a refusal for want of a right."""
    error = harness.refusal(act)
    assert error.code == 403
    return error.message


def bind(
    c: WatchedCluster, role: str, subject: dict[str, str], namespace: str = "", kind: str = "ClusterRole"
) -> None:
    """Binds the role to the subject, cluster-wide where there is no namespace."""
    binding: dict[str, Any] = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": f"{role}-{subject['name']}", **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [subject],
    }
    c.api.create(binding)


def role(name: str, *rules: dict[str, Any], namespace: str = "default") -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": list(rules),
    }


PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
USER = {"kind": "User", "apiGroup": GROUP, "name": "jane"}

WORDS = {
    "a list": (
        for_resource("list", "pods", "default"),
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace '
        '"default"',
    ),
    "a named one of a group": (
        for_resource("get", "deployments.apps", "default", "web"),
        'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group '
        '"apps" in the namespace "default"',
    ),
    "a subresource": (
        for_resource("get", "pods", "default", "x", "log"),
        'pods "x" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace '
        '"default"',
    ),
    "at the cluster's scope": (
        for_resource("delete", "nodes", "", "n"),
        'nodes "n" is forbidden: User "jane" cannot delete resource "nodes" in API group "" at the cluster '
        "scope",
    ),
    "a namespace itself": (
        for_resource("get", "namespaces", "", "shop"),
        'namespaces "shop" is forbidden: User "jane" cannot get resource "namespaces" in API group "" in the '
        'namespace "shop"',
    ),
    "a path": (
        Attributes("get", path="/metrics"),
        'forbidden: User "jane" cannot get path "/metrics"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_refusals_have_kubernetes_words(case: str) -> None:
    """People and tools read them; the status has the reason and the details."""
    attributes, says = WORDS[case]
    error = refusal(JANE, attributes)
    assert (error.code, error.reason, error.message) == (403, "Forbidden", says)


def test_nothing_is_allowed_that_nobody_granted() -> None:
    """Every verb of the client asks first; the administrator is not asked."""
    c = secured()
    c.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}})
    jane = acting(c)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}}
    place = ("configmaps", "x", "default")
    acts: dict[str, Callable[[], Any]] = {
        "get": lambda: jane.get(*place),
        "list": lambda: jane.list("configmaps", "default"),
        "watch": lambda: jane.watch("configmaps", "default"),
        "create": lambda: jane.create(config),
        "update": lambda: jane.update(config),
        "patch": lambda: jane.patch("configmaps", "x", {}, "default"),
        "delete": lambda: jane.delete(*place),
        "deletecollection": lambda: jane.delete_all("configmaps", "default"),
    }
    for verb, act in acts.items():
        assert f'User "jane" cannot {verb} resource "configmaps"' in refused(act)
    assert 'cannot patch resource "configmaps"' in refused(lambda: jane.apply(config))
    assert 'cannot update resource "deployments/scale"' in refused(
        lambda: jane.scale("deployments.apps", "web", 1, "default")
    )
    assert 'cannot update resource "pods/status"' in refused(
        lambda: jane.update({**config, "kind": "Pod"}, "status")
    )
    assert c.api.get(*place)


def test_bindings_reach_as_far_as_they_say() -> None:
    """A RoleBinding gives a ClusterRole in its namespace alone; users, groups and accounts are told apart."""
    c = secured()
    bind(c, "view", USER, "default")
    jane = acting(c)
    assert list(jane.list("pods", "default")) == []
    assert "at the cluster scope" in refused(lambda: jane.list("pods"))
    assert 'in the namespace "kube-system"' in refused(lambda: jane.list("pods", "kube-system"))
    assert "secrets is forbidden" in refused(lambda: jane.list("secrets", "default"))
    bind(c, "view", {"kind": "Group", "apiGroup": GROUP, "name": "dev"})
    assert list(jane.list("pods")) == []
    robot = service_account("default", "robot")
    assert refused(lambda: acting(c, robot).list("nodes"))
    account = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
    bind(c, "cluster-admin", account)
    assert list(acting(c, robot).list("nodes")) == []
    assert refused(lambda: acting(c, service_account("other", "robot")).list("nodes"))


def test_decisions_change_with_the_policy() -> None:
    """What is remembered is forgotten when a role changes or goes; a missing role is told."""
    c = secured()
    jane = acting(c)
    c.api.create(role("reader", PODS))
    bind(c, "reader", USER, "default", "Role")
    assert list(jane.list("pods", "default")) == []
    c.api.update(role("reader", {**PODS, "verbs": ["get"]}))
    assert refused(lambda: jane.list("pods", "default"))
    c.api.delete(ROLES, "reader", "default")
    assert refused(lambda: jane.list("pods", "default")).endswith(
        ': RBAC: role.rbac.authorization.k8s.io "reader" not found'
    )


def test_aggregated_roles_follow_their_parts() -> None:
    """admin holds edit's rules and edit view's; a labelled role joins in, and leaves again."""
    c = secured()
    names = ("admin", "edit", "view")
    rules = {name: c.api.get(CLUSTER_ROLES, name)["rules"] for name in names}
    assert rules["view"]
    assert all(row in rules["edit"] for row in rules["view"])
    assert all(row in rules["admin"] for row in rules["edit"])
    extra = {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    new = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": "x", "labels": label}}
    c.api.create({**new, "rules": [extra]})
    c.settle()
    assert all(extra in c.api.get(CLUSTER_ROLES, name)["rules"] for name in names)
    c.api.delete(CLUSTER_ROLES, "x")
    c.settle()
    assert not any(extra in c.api.get(CLUSTER_ROLES, name)["rules"] for name in names)
    c.verify()


def test_nobody_gives_away_what_he_does_not_have() -> None:
    """Roles and bindings are checked against one's own rules, unless `escalate` or `bind` is held."""
    c = secured()
    bind(c, "admin", USER, "default")
    jane = acting(c)
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}
    assert jane.create(role("mine", PODS))
    assert refused(lambda: jane.create(role("theirs", nodes))) == (
        'roles.rbac.authorization.k8s.io "theirs" is forbidden: user "jane" (groups=["dev" '
        '"system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}'
    )
    refused(lambda: jane.update(role("mine", PODS, nodes)))
    # What does not change is not asked about again.
    c.api.update(role("mine", nodes))
    labelled = role("mine", nodes)
    labelled["metadata"]["labels"] = {"a": "b"}
    assert jane.update(labelled)
    binding = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [USER],
    }
    assert "attempting to grant RBAC permissions" in refused(lambda: jane.create(binding))
    c.api.create(role("binder", {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"],
                                 "resourceNames": ["cluster-admin"]}))  # fmt: skip
    bind(c, "binder", USER, "default", "Role")
    assert jane.create(binding)


def test_reviews_answer_as_requests_would_be() -> None:
    """Four reviews about access, one about oneself; none is stored."""
    c = secured()
    bind(c, "view", USER, "default")
    jane, may = acting(c), "authorization.k8s.io/v1"
    asked = {"verb": "list", "resource": "pods", "namespace": "default"}
    bind(c, "system:basic-user", USER)
    own = jane.create(
        {"apiVersion": may, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
    )
    assert own["status"] == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "view-jane/default" of ClusterRole "view" to User "jane"',
    }
    other = {"user": "joe", "groups": ["dev"], "resourceAttributes": asked}
    said = c.api.create({"apiVersion": may, "kind": "SubjectAccessReview", "spec": other})
    assert said["status"] == {"allowed": False}
    assert "cannot create resource" in refused(
        lambda: jane.create({"apiVersion": may, "kind": "SubjectAccessReview", "spec": other})
    )
    local = {"apiVersion": may, "kind": "LocalSubjectAccessReview", "metadata": {"namespace": "default"}}
    assert c.api.create({**local, "spec": {**other, "user": "jane"}})["status"]["allowed"]
    listed = jane.create(
        {"apiVersion": may, "kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}}
    )["status"]
    assert any("pods" in row["resources"] for row in listed["resourceRules"])
    assert any("/healthz" in row["nonResourceURLs"] for row in listed["nonResourceRules"])
    me = jane.create({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    assert me["status"]["userInfo"] == {"username": "jane", "groups": ["dev", AUTHENTICATED]}


def test_acting_as_somebody_else_has_to_be_allowed() -> None:
    """User, groups, uid and extra are each asked for; service accounts by their own name."""
    c = secured()
    boss = User("boss", (AUTHENTICATED,))
    api = acting(c, boss)
    assert refused(lambda: api.impersonating(Wanted("jane"))) == (
        'users "jane" is forbidden: User "boss" cannot impersonate resource "users" in API group "" at the '
        "cluster scope"
    )
    rules = [
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["jane"]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"]},
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["userextras/scopes"],
            "verbs": ["impersonate"],
        },
    ]
    new = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": "mime"}, "rules": rules}
    c.api.create(new)
    bind(c, "mime", {**USER, "name": "boss"})
    bind(c, "view", USER, "default")
    assert list(api.impersonating(Wanted("jane")).list("pods", "default")) == []
    assert refused(lambda: api.impersonating(Wanted("joe")))
    assert 'impersonate resource "uids" in API group "authentication.k8s.io"' in refused(
        lambda: api.impersonating(Wanted("jane", uid="1"))
    )
    me = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    acted = api.impersonating(Wanted("jane", ("dev",), extra={"scopes": ("a",)})).create(me)
    assert acted["status"]["userInfo"] == {
        "username": "jane", "groups": ["dev", AUTHENTICATED], "extra": {"scopes": ["a"]},
    }  # fmt: skip
    robot = api.impersonating(Wanted("system:serviceaccount:default:robot")).create(me)
    assert robot["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts", "system:serviceaccounts:default", AUTHENTICATED,
    ]  # fmt: skip


def test_the_policy_is_restored_but_not_against_an_opt_out(tmp_path: Path) -> None:
    """At every start what is missing comes back, what was added stays, and who opts out is left alone."""
    spec = ClusterSpec(nodes=(), authorization="RBAC")
    with Cluster.open(tmp_path / "c", spec) as c:
        view = c.api.get(CLUSTER_ROLES, "system:aggregate-to-view")
        mine = {"apiGroups": ["x"], "resources": ["y"], "verbs": ["get"]}
        c.api.update({**view, "rules": [mine]})
        c.api.delete(CLUSTER_ROLE_BINDINGS, "system:discovery")
        edit = c.api.get(CLUSTER_ROLES, "system:aggregate-to-edit")
        metadata = {**edit["metadata"], "annotations": {policy.AUTOUPDATE: "false"}}
        c.api.update({**edit, "metadata": metadata, "rules": []})
        c.settle()
    with Cluster.open(tmp_path / "c") as c:
        restored = c.api.get(CLUSTER_ROLES, "system:aggregate-to-view")["rules"]
        assert restored == [mine, *view["rules"]]
        assert c.api.get(CLUSTER_ROLE_BINDINGS, "system:discovery")
        assert c.api.get(CLUSTER_ROLES, "system:aggregate-to-edit")["rules"] is None
        revision = c.revision
    with Cluster.open(tmp_path / "c") as c:
        assert c.revision == revision


def test_the_modes_are_those_of_the_api_server() -> None:
    """AlwaysAllow makes no policy; two modes ask one after the other; others are not known."""
    assert not cluster().reader.list(CLUSTER_ROLES)
    both = cluster(authorization="RBAC,AlwaysAllow")
    assert list(acting(both).list("pods")) == [] and both.reader.list(CLUSTER_ROLES)
    with pytest.raises(UsageError, match="authorization mode 'ABAC' is not known"):
        cluster(authorization="ABAC")


def test_strangers_may_look_at_the_version_and_nothing_else() -> None:
    """The built-in policy for those who did not say who they are."""
    decide = secured().authorizer.decide
    for path, allowed in (("/version", True), ("/healthz", True), ("/api", False), ("/metrics", False)):
        assert decide(ANONYMOUS, Attributes("get", path=path)).allowed is allowed
    assert decide(JANE, Attributes("get", path="/apis/apps")).allowed
    assert not decide(ANONYMOUS, for_resource("get", "namespaces", "", "default")).allowed


VERBS = st.sampled_from(["get", "list", "create", "*"])
RULE = st.fixed_dictionaries(
    {
        "verbs": st.lists(VERBS, min_size=1, max_size=2),
        "apiGroups": st.lists(st.sampled_from(["", "apps", "*"]), min_size=1, max_size=2),
        "resources": st.lists(st.sampled_from(["pods", "deployments", "*"]), min_size=1, max_size=2),
    }
)
SUBJECT = st.sampled_from([USER, {**USER, "name": "joe"}, {**USER, "kind": "Group", "name": "dev"}])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(RULE, SUBJECT, st.sampled_from(["default", "kube-system"])), max_size=4),
       st.sampled_from(["get", "list", "create"]), st.sampled_from(["pods", "deployments.apps"]),
       st.sampled_from(["default", "kube-system", ""]))  # fmt: skip
def test_allowed_is_what_some_bound_rule_allows(
    grants: list[Any], verb: str, resource: str, namespace: str
) -> None:
    """Never more than the rules bound to jane or her groups there, and never less."""
    c = cluster(authorization="RBAC")
    for number, (granted, subject, place) in enumerate(grants):
        name = f"r{number}"
        c.writer.create(ROLES, role(name, granted, namespace=place))
        binding = {"metadata": {"name": name, "namespace": place}, "subjects": [subject],
                   "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name}}  # fmt: skip
        c.writer.create(f"rolebindings.{GROUP}", binding)
    asked = for_resource(verb, resource, namespace)
    expected = any(
        allows(granted, asked) and place == namespace and subject["name"] in ("jane", "dev")
        for granted, subject, place in grants
    )
    assert c.authorizer.decide(JANE, asked).allowed is expected
