"""The policy that every cluster starts with: roles for people, for the system's own parts, and who has them.

What is granted follows Kubernetes' documentation ("Using RBAC Authorization: Default roles and role
bindings"), and was compared with what a 1.36 API server makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.rbac import controllerroles
from gitrel.cluster.api.rbac.authorizer import GROUP
from gitrel.cluster.api.rbac.user import AUTHENTICATED, MASTERS, SERVICE_ACCOUNTS, UNAUTHENTICATED
from gitrel.kube.identity import Object

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"

_CONTROLLER = "system:controller:"
_READ = "get list watch"
_WRITE = "create delete deletecollection patch update"
_ALL = "create delete deletecollection get list patch update watch"
_EVENTS = "create patch update"
_DEVICES = "resource.k8s.io"
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_COORDINATION, _NETWORKING, _STORAGE = "coordination.k8s.io", "networking.k8s.io", "storage.k8s.io"

Rule = dict[str, Any]


def _rule(verbs: str, groups: str, resources: str, names: str = "") -> Rule:
    """Words separated by spaces; `core` is the core group."""
    rule: Rule = {
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
        "verbs": verbs.split(),
    }
    return {**rule, "resourceNames": names.split()} if names else rule


def _urls(*urls: str) -> Rule:
    return {"nonResourceURLs": list(urls), "verbs": ["get"]}


_EVENT_RULE = _rule(_EVENTS, "core events.k8s.io", "events")
_DELEGATED = (
    _rule("create", _AUTHN, "tokenreviews"),
    _rule("create", _AUTHZ, "subjectaccessreviews"),
)

_VIEW = (
    _rule(
        _READ, "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
        "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
    ),
    _rule(
        _READ, "core",
        "bindings events limitranges namespaces/status pods/log pods/status "
        "replicationcontrollers/status resourcequotas resourcequotas/status",
    ),
    _rule(_READ, "core", "namespaces"),
    _rule(_READ, "discovery.k8s.io", "endpointslices"),
    _rule(
        _READ, "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
        "deployments/status replicasets replicasets/scale replicasets/status statefulsets "
        "statefulsets/scale statefulsets/status",
    ),
    _rule(_READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    _rule(_READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    _rule(
        _READ, "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses "
        "ingresses/status networkpolicies replicasets replicasets/scale replicasets/status "
        "replicationcontrollers/scale",
    ),
    _rule(_READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    _rule(_READ, _NETWORKING, "ingresses ingresses/status networkpolicies"),
    _rule(_READ, "events.k8s.io", "events"),
    _rule(_READ, _DEVICES, "resourceclaims resourceclaims/status resourceclaimtemplates"),
)  # fmt: skip
_EDIT = (
    _rule(_READ, "core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    _rule("impersonate", "core", "serviceaccounts"),
    _rule(_WRITE, "core", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    _rule("create", "core", "pods/eviction"),
    _rule(
        _WRITE, "core",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale "
        "secrets serviceaccounts services services/proxy",
    ),
    _rule("create", "core", "serviceaccounts/token"),
    _rule(
        _WRITE, "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale "
        "statefulsets statefulsets/scale",
    ),
    _rule(_WRITE, "autoscaling", "horizontalpodautoscalers"),
    _rule(_WRITE, "batch", "cronjobs jobs"),
    _rule(
        _WRITE, "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies "
        "replicasets replicasets/scale replicationcontrollers/scale",
    ),
    _rule(_WRITE, "policy", "poddisruptionbudgets"),
    _rule(_WRITE, _NETWORKING, "ingresses networkpolicies"),
    _rule(_ALL, _COORDINATION, "leases"),
    _rule(_WRITE, "events.k8s.io", "events"),
    _rule(_WRITE, _DEVICES, "resourceclaims resourceclaimtemplates"),
)  # fmt: skip
_ADMIN = (
    _rule("create", _AUTHZ, "localsubjectaccessreviews"),
    _rule(_ALL, GROUP, "rolebindings roles"),
)

_CONTROLLER_MANAGER = (
    _EVENT_RULE,
    _rule("create", _COORDINATION, "leases"),
    _rule("get update", _COORDINATION, "leases", "kube-controller-manager"),
    _rule("create", "core", "secrets serviceaccounts"),
    _rule("delete", "core", "secrets"),
    _rule("get", "core", "configmaps namespaces secrets serviceaccounts"),
    _rule("update", "core", "secrets serviceaccounts"),
    *_DELEGATED,
    _rule("list watch", "*", "*"),
    _rule("create", "core", "serviceaccounts/token"),
)
_SCHEDULER = (
    _EVENT_RULE,
    _rule("create", _COORDINATION, "leases"),
    _rule(f"{_READ} update", _COORDINATION, "leases", "kube-scheduler"),
    _rule(_ALL, _COORDINATION, "leasecandidates"),
    _rule(_READ, "core", "nodes"),
    _rule(f"delete {_READ}", "core", "pods"),
    _rule("create", "core", "bindings pods/binding"),
    _rule("update", "core", "pods/finalizers"),
    _rule(_READ, _DEVICES, "deviceclasses resourceslices"),
    _rule(f"create delete {_READ} patch update", _DEVICES, "resourceclaims"),
    _rule(f"{_READ} patch update", _DEVICES, "resourceclaims/status"),
    _rule("patch update", _DEVICES, "resourceclaims/binding"),
    _rule("patch update", "core", "pods/status"),
    _rule(_READ, "core", "replicationcontrollers services"),
    _rule(_READ, "apps extensions", "replicasets"),
    _rule(_READ, "apps", "statefulsets"),
    _rule(_READ, "policy", "poddisruptionbudgets"),
    _rule(_READ, "core", "persistentvolumeclaims persistentvolumes"),
    *_DELEGATED,
    _rule(_READ, "core", "namespaces"),
    _rule(_READ, _STORAGE, "csinodes csidrivers csistoragecapacities volumeattachments"),
)
_NODE = (
    _rule("create", _AUTHN, "tokenreviews"),
    _rule("create", _AUTHZ, "localsubjectaccessreviews subjectaccessreviews"),
    _rule(_READ, "core", "services"),
    _rule(f"create {_READ}", "core", "nodes"),
    _rule("patch update", "core", "nodes nodes/status"),
    _EVENT_RULE,
    _rule(f"create delete {_READ}", "core", "pods"),
    _rule("patch update", "core", "pods/status"),
    _rule("create", "core", "pods/eviction serviceaccounts/token"),
    _rule(_READ, "core", "configmaps secrets"),
    _rule("get", "core", "serviceaccounts"),
    _rule("get", _DEVICES, "resourceclaims"),
    _rule("deletecollection", _DEVICES, "resourceslices"),
    _rule("get", "core", "persistentvolumeclaims persistentvolumes endpoints"),
    _rule(f"create {_READ}", "certificates.k8s.io", "certificatesigningrequests"),
    _rule("create delete get patch update", _COORDINATION, "leases"),
    _rule("get", _STORAGE, "volumeattachments"),
    _rule("get patch update", "core", "persistentvolumeclaims/status"),
    _rule(_READ, _STORAGE, "csidrivers"),
    _rule("create delete get patch update", _STORAGE, "csinodes"),
    _rule(_READ, "node.k8s.io", "runtimeclasses"),
)
_PROVISIONER = (
    _rule(f"create delete {_READ}", "core", "persistentvolumes"),
    _rule(f"{_READ} update", "core", "persistentvolumeclaims"),
    _rule(_READ, _STORAGE, "storageclasses"),
    _rule("watch", "core", "events"),
    _EVENT_RULE,
)
_HEALTH = ("/healthz", "/livez", "/readyz")
_CSR = "certificates.k8s.io"
_SIGNERS = {
    "kube-apiserver-client-approver": "kubernetes.io/kube-apiserver-client",
    "kube-apiserver-client-kubelet-approver": "kubernetes.io/kube-apiserver-client-kubelet",
    "kubelet-serving-approver": "kubernetes.io/kubelet-serving",
    "legacy-unknown-approver": "kubernetes.io/legacy-unknown",
}

_SYSTEM: dict[str, Sequence[Rule]] = {
    "auth-delegator": _DELEGATED,
    "basic-user": (
        _rule("create", _AUTHZ, "selfsubjectaccessreviews selfsubjectrulesreviews"),
        _rule("create", _AUTHN, "selfsubjectreviews"),
    ),
    "discovery": (
        _urls("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
              "/readyz", "/version", "/version/"),
    ),
    "kube-aggregator": (_rule(_READ, "core", "endpoints services"),),
    "kube-controller-manager": _CONTROLLER_MANAGER,
    "kube-dns": (_rule("list watch", "core", "endpoints services"),),
    "kube-scheduler": _SCHEDULER,
    "kubelet-api-admin": (
        _rule(_READ, "core", "nodes"),
        _rule("proxy", "core", "nodes"),
        _rule("*", "core",
              "nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats"),
    ),
    "monitoring": (
        _urls(*_HEALTH, *(f"{url}/*" for url in _HEALTH), "/flagz", "/metrics", "/metrics/slis", "/statusz"),
        _rule("get", "core", "nodes/metrics"),
    ),
    "node": _NODE,
    "node-bootstrapper": (_rule(f"create {_READ}", _CSR, "certificatesigningrequests"),),
    "node-problem-detector": (
        _rule("get", "core", "nodes"),
        _rule("patch", "core", "nodes/status"),
        _EVENT_RULE,
    ),
    "node-proxier": (
        _rule("list watch", "core", "endpoints services"),
        _rule(_READ, "core", "nodes"),
        _EVENT_RULE,
        _rule("list watch", "discovery.k8s.io", "endpointslices"),
        _rule("list watch", _NETWORKING, "servicecidrs"),
    ),
    "persistent-volume-provisioner": _PROVISIONER,
    "public-info-viewer": (_urls(*_HEALTH, "/version", "/version/"),),
    "service-account-issuer-discovery": (
        _urls("/.well-known/openid-configuration", "/.well-known/openid-configuration/",
              "/openid/v1/jwks", "/openid/v1/jwks/"),
    ),
    "volume-scheduler": (
        _rule(f"{_READ} patch update", "core", "persistentvolumes"),
        _rule(_READ, _STORAGE, "storageclasses"),
        _rule(f"{_READ} patch update", "core", "persistentvolumeclaims"),
    ),
    "certificates.k8s.io:certificatesigningrequests:nodeclient": (
        _rule("create", _CSR, "certificatesigningrequests/nodeclient"),
    ),
    "certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        _rule("create", _CSR, "certificatesigningrequests/selfnodeclient"),
    ),
    **{
        f"certificates.k8s.io:{name}": (_rule("approve", _CSR, "signers", signer),)
        for name, signer in _SIGNERS.items()
    },
}  # fmt: skip


def _metadata(name: str, **labels: str) -> dict[str, Any]:
    return {"name": name, "labels": {**_LABEL, **labels}, "annotations": {AUTOUPDATE: "true"}}


def _role(name: str, rules: Sequence[Rule], aggregated_to: str = "") -> Object:
    labels = {f"{_AGGREGATE}{aggregated_to}": "true"} if aggregated_to else {}
    return {"metadata": _metadata(name, **labels), "rules": list(rules)}


def _aggregating(name: str, aggregated_to: str = "") -> Object:
    selector = {"matchLabels": {f"{_AGGREGATE}{name}": "true"}}
    role = _role(name, (), aggregated_to)
    return {**role, "rules": None, "aggregationRule": {"clusterRoleSelectors": [selector]}}


def cluster_roles() -> Iterator[Object]:
    everything = [_rule("*", "*", "*"), {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    yield _role("cluster-admin", everything)
    yield _aggregating("admin")
    yield _aggregating("edit", "admin")
    yield _aggregating("view", "edit")
    yield _role("system:aggregate-to-admin", _ADMIN, "admin")
    yield _role("system:aggregate-to-edit", _EDIT, "edit")
    yield _role("system:aggregate-to-view", _VIEW, "view")
    for name, rules in _SYSTEM.items():
        yield _role(f"system:{name}", rules)
    for name, rows in controllerroles.rules():
        yield _role(f"{_CONTROLLER}{name}", [_rule(*row) for row in rows])


def _subject(kind: str, name: str) -> dict[str, str]:
    return {"kind": kind, "apiGroup": GROUP, "name": name}


def _account(name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}


def _binding(name: str, *subjects: dict[str, str], role: str = "") -> Object:
    ref = {"apiGroup": GROUP, "kind": "ClusterRole", "name": role or name}
    return {"metadata": _metadata(name), "roleRef": ref, "subjects": list(subjects)}


def cluster_role_bindings() -> Iterator[Object]:
    everybody, known = _subject("Group", UNAUTHENTICATED), _subject("Group", AUTHENTICATED)
    yield _binding("cluster-admin", _subject("Group", MASTERS))
    yield _binding("system:basic-user", known)
    yield _binding("system:discovery", known)
    yield _binding("system:monitoring", _subject("Group", "system:monitoring"))
    yield _binding("system:public-info-viewer", known, everybody)
    yield _binding("system:kube-controller-manager", _subject("User", "system:kube-controller-manager"))
    yield _binding("system:kube-scheduler", _subject("User", "system:kube-scheduler"))
    yield _binding("system:volume-scheduler", _subject("User", "system:kube-scheduler"))
    yield _binding("system:node-proxier", _subject("User", "system:kube-proxy"))
    yield _binding("system:kube-dns", _account("kube-dns"))
    yield _binding("system:node")
    yield _binding("system:service-account-issuer-discovery", _subject("Group", SERVICE_ACCOUNTS))
    for name, _ in controllerroles.rules():
        yield _binding(f"{_CONTROLLER}{name}", _account(name))


def roles() -> Iterator[Object]:
    reader = _role(
        "extension-apiserver-authentication-reader",
        [_rule(_READ, "core", "configmaps", "extension-apiserver-authentication")],
    )
    yield _placed(reader, "kube-system")
    for name in ("kube-controller-manager", "kube-scheduler"):
        verbs = "create get list update watch"
        rules = [_rule(verbs, _COORDINATION, "leases leasecandidates")]
        yield _placed(_role(f"system::leader-locking-{name}", rules), "kube-system")
    for name, places in _PLACED.items():
        for place, rows in places.items():
            yield _placed(_role(f"{_CONTROLLER}{name}", rows), place)


def role_bindings() -> Iterator[Object]:
    parts = ("kube-controller-manager", "kube-scheduler")
    name = "extension-apiserver-authentication-reader"
    users = [_subject("User", f"system:{part}") for part in parts]
    yield _placed(_namespaced(f"system::{name}", name, *users), "kube-system")
    for part in parts:
        name = f"system::leader-locking-{part}"
        accounts = [part] if part == "kube-scheduler" else [part, "leader-election-controller"]
        user = _subject("User", f"system:{part}")
        yield _placed(_namespaced(name, name, user, *map(_account, accounts)), "kube-system")
    for name, places in _PLACED.items():
        role = f"{_CONTROLLER}{name}"
        for place in places:
            yield _placed(_namespaced(role, role, _account(name)), place)


_PLACED: Mapping[str, Mapping[str, Sequence[Rule]]] = {
    "bootstrap-signer": {
        "kube-public": (
            _rule(_READ, "core", "configmaps"),
            _rule("update", "core", "configmaps", "cluster-info"),
            _EVENT_RULE,
        ),
        "kube-system": (_rule(_READ, "core", "secrets"),),
    },
    "cloud-provider": {"kube-system": (_rule(f"create {_READ}", "core", "configmaps"),)},
    "token-cleaner": {"kube-system": (_rule(f"delete {_READ}", "core", "secrets"), _EVENT_RULE)},
}
"""Controllers that may do something in one namespace alone."""


def _namespaced(name: str, role: str, *subjects: dict[str, str]) -> Object:
    binding = _binding(name, *subjects, role=role)
    return {**binding, "roleRef": {**binding["roleRef"], "kind": "Role"}}


def _placed(obj: Object, namespace: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
