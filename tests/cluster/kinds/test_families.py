"""What the server makes of a minimal object: one row per kind, everything that it fills in."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gitrel.cluster.api.schema import type_of
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.kube import openapi
from gitrel.kube.identity import Object
from tests.cluster.harness import cluster, container
from tests.cluster.kinds.tables import of, stored

RBAC = "rbac.authorization.k8s.io"
POD = {"containers": [container()]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD}
FULL_CONTAINER = {
    **container(),
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
FULL_POD = {
    "containers": [FULL_CONTAINER],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
FULL_TEMPLATE = {**TEMPLATE, "spec": FULL_POD}
SELECTOR = {"matchLabels": {"app": "x"}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
REQUEST = base64.b64encode(
    b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
).decode()
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
FULL_RULE = {**RULE, "scope": "*"}
HOOK = {
    "name": "a.b.example",
    "clientConfig": {"service": {"name": "s", "namespace": "n"}},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "rules": [RULE],
}
MATCH = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
FULL_HOOK = {
    **HOOK,
    **MATCH,
    "clientConfig": {"service": {"name": "s", "namespace": "n", "port": 443}},
    "rules": [FULL_RULE],
    "failurePolicy": "Fail",
    "timeoutSeconds": 10,
}


def cron_job(pod: Any) -> Any:
    return {"spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}}


def full_cron_job() -> Any:
    """The two kinds of metadata are written out by the type, empty as they are."""
    pod = {**FULL_POD, "restartPolicy": "Never"}
    return {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": pod}}}


def wide(kind: str, api_version: str, **body: Any) -> Object:
    return of(kind, api_version, namespace="", **body)


CASES: dict[str, tuple[Object, Object]] = {
    "a StatefulSet": (
        of(
            "StatefulSet", "apps/v1",
            spec={"selector": SELECTOR, "serviceName": "x", "template": TEMPLATE,
                  "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}]},
        ),
        {
            "spec": {
                "selector": SELECTOR, "serviceName": "x", "template": FULL_TEMPLATE, "replicas": 1,
                "volumeClaimTemplates": [
                    {
                        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                        "spec": {**CLAIM, "volumeMode": "Filesystem"}, "status": {"phase": "Pending"},
                    }
                ],
                "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
                "updateStrategy": {
                    "type": "RollingUpdate", "rollingUpdate": {"partition": 0}
                },
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
            "status": {"replicas": 0, "availableReplicas": 0},
        },
    ),
    "a DaemonSet": (
        of("DaemonSet", "apps/v1", spec={"selector": SELECTOR, "template": TEMPLATE}),
        {
            "spec": {
                "selector": SELECTOR, "template": FULL_TEMPLATE, "revisionHistoryLimit": 10,
                "updateStrategy": {
                    "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}
                },
            },
            "status": {
                "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
                "numberReady": 0,
            },
        },
    ),
    "a ReplicationController selects by its template": (
        of("ReplicationController", spec={"template": TEMPLATE}),
        {"spec": {"template": FULL_TEMPLATE, "selector": {"app": "x"}, "replicas": 1},
         "status": {"replicas": 0}},
    ),
    "a PodTemplate": (of("PodTemplate", template=TEMPLATE), {"template": FULL_TEMPLATE}),
    "a ControllerRevision": (
        of("ControllerRevision", "apps/v1", revision=1, data={}), {"revision": 1, "data": {}},
    ),
    "a CronJob leaves its Job's own fields alone": (
        of("CronJob", "batch/v1", spec={"schedule": "@hourly", "jobTemplate": cron_job(POD)}),
        {
            "spec": {
                "schedule": "@hourly", "jobTemplate": full_cron_job(), "concurrencyPolicy": "Allow",
                "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            },
            "status": {},
        },
    ),
    "a PersistentVolumeClaim": (
        of("PersistentVolumeClaim", spec=CLAIM),
        {"spec": {**CLAIM, "volumeMode": "Filesystem"}, "status": {"phase": "Pending"}},
    ),
    "a PersistentVolume": (
        wide("PersistentVolume", "v1",
             spec={"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1024Mi"},
                   "hostPath": {"path": "/d"}}),
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
                "hostPath": {"path": "/d", "type": ""}, "persistentVolumeReclaimPolicy": "Retain",
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Pending"},
        },
    ),
    "a StorageClass": (
        wide("StorageClass", "storage.k8s.io/v1", provisioner="example.com/p"),
        {"provisioner": "example.com/p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    ),
    "a CSIDriver": (
        wide("CSIDriver", "storage.k8s.io/v1", spec={}),
        {
            "spec": {
                "attachRequired": True, "fsGroupPolicy": "ReadWriteOnceWithFSType",
                "podInfoOnMount": False, "requiresRepublish": False, "seLinuxMount": False,
                "storageCapacity": False, "volumeLifecycleModes": ["Persistent"],
            }
        },
    ),
    "a CSINode": (wide("CSINode", "storage.k8s.io/v1", spec={"drivers": []}), {"spec": {"drivers": []}}),
    "a CSIStorageCapacity": (
        of("CSIStorageCapacity", "storage.k8s.io/v1", storageClassName="fast"),
        {"storageClassName": "fast"},
    ),
    "a VolumeAttachment": (
        wide("VolumeAttachment", "storage.k8s.io/v1",
             spec={"attacher": "a.b", "nodeName": "n", "source": {"persistentVolumeName": "v"}}),
        {"spec": {"attacher": "a.b", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
         "status": {"attached": False}},
    ),
    "a VolumeAttributesClass": (
        wide("VolumeAttributesClass", "storage.k8s.io/v1", driverName="a.b", parameters={"iops": "1"}),
        {"driverName": "a.b", "parameters": {"iops": "1"}},
    ),
    "a LimitRange: defaults from the maximum, requests from those or the minimum": (
        of("LimitRange",
           spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]}),
        {
            "spec": {
                "limits": [
                    {
                        "type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"},
                        "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2", "memory": "1Mi"},
                    }
                ]
            }
        },
    ),
    "a ResourceQuota": (
        of("ResourceQuota", spec={"hard": {"pods": "3"}}), {"spec": {"hard": {"pods": "3"}}, "status": {}},
    ),
    "a Role": (
        of("Role", f"{RBAC}/v1", rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
        {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    ),
    "a ClusterRole without rules": (wide("ClusterRole", f"{RBAC}/v1"), {"rules": None}),
    "a RoleBinding: groups of what can have one": (
        of("RoleBinding", f"{RBAC}/v1", roleRef={"kind": "Role", "name": "r"},
           subjects=[{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "a"}]),
        {
            "roleRef": {"kind": "Role", "name": "r", "apiGroup": RBAC},
            "subjects": [{"kind": "User", "name": "u", "apiGroup": RBAC},
                         {"kind": "ServiceAccount", "name": "a"}],
        },
    ),
    "a ClusterRoleBinding": (
        wide("ClusterRoleBinding", f"{RBAC}/v1", roleRef={"kind": "ClusterRole", "name": "r"}),
        {"roleRef": {"kind": "ClusterRole", "name": "r", "apiGroup": RBAC}},
    ),
    "a NetworkPolicy with egress has both types": (
        of("NetworkPolicy", "networking.k8s.io/v1",
           spec={"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}),
        {
            "spec": {
                "podSelector": {}, "egress": [{"ports": [{"port": 53, "protocol": "TCP"}]}],
                "policyTypes": ["Ingress", "Egress"],
            }
        },
    ),
    "an IngressClass": (
        wide("IngressClass", "networking.k8s.io/v1",
             spec={"controller": "example.com/c", "parameters": {"kind": "K", "name": "n"}}),
        {"spec": {"controller": "example.com/c",
                  "parameters": {"kind": "K", "name": "n", "scope": "Cluster"}}},
    ),
    "a ServiceCIDR": (
        wide("ServiceCIDR", "networking.k8s.io/v1", spec={"cidrs": ["10.0.0.0/16"]}),
        {"spec": {"cidrs": ["10.0.0.0/16"]}, "status": {}},
    ),
    "a PodDisruptionBudget": (
        of("PodDisruptionBudget", "policy/v1", spec={"minAvailable": 1, "selector": SELECTOR}),
        {
            "spec": {"minAvailable": 1, "selector": SELECTOR},
            "status": {
                "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
            },
        },
    ),
    "a PriorityClass": (
        wide("PriorityClass", "scheduling.k8s.io/v1", value=5),
        {"value": 5, "preemptionPolicy": "PreemptLowerPriority"},
    ),
    "a RuntimeClass": (wide("RuntimeClass", "node.k8s.io/v1", handler="h"), {"handler": "h"}),
    "Endpoints": (
        of("Endpoints", subsets=[{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]),
        {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80, "protocol": "TCP"}]}]},
    ),
    "a CertificateSigningRequest is not approved by being made": (
        wide("CertificateSigningRequest", "certificates.k8s.io/v1",
             spec={"request": REQUEST, "signerName": "example.com/s", "usages": ["client auth"]},
             status={"conditions": [{"type": "Approved", "status": "True"}]}),
        {"spec": {"request": REQUEST, "signerName": "example.com/s", "usages": ["client auth"],
                  "username": "system:admin", "groups": ["system:masters", "system:authenticated"]},
         "status": {}},
    ),
    "a FlowSchema": (
        wide("FlowSchema", "flowcontrol.apiserver.k8s.io/v1",
             spec={"priorityLevelConfiguration": {"name": "p"}}),
        {"spec": {"priorityLevelConfiguration": {"name": "p"}, "matchingPrecedence": 1000}, "status": {}},
    ),
    "a PriorityLevelConfiguration": (
        wide("PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io/v1",
             spec={"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}),
        {
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 30, "lendablePercent": 0,
                    "limitResponse": {
                        "type": "Queue", "queuing": {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
                    },
                },
            },
            "status": {},
        },
    ),
    "a ValidatingWebhookConfiguration": (
        wide("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", webhooks=[HOOK]),
        {"webhooks": [FULL_HOOK]},
    ),
    "a MutatingWebhookConfiguration": (
        wide("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", webhooks=[HOOK]),
        {"webhooks": [{**FULL_HOOK, "reinvocationPolicy": "Never"}]},
    ),
    "a ValidatingAdmissionPolicy": (
        wide("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1",
             spec={"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}]}),
        {
            "spec": {
                "matchConstraints": {**MATCH, "resourceRules": [FULL_RULE]},
                "validations": [{"expression": "true"}], "failurePolicy": "Fail",
            },
            "status": {},
        },
    ),
    "a binding of a policy": (
        wide("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1",
             spec={"policyName": "p", "validationActions": ["Deny"]}),
        {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_minimal_object_is_completed(case: str) -> None:
    """Proves that every default of Kubernetes is filled in, and that nothing else is."""
    sent, wanted = CASES[case]
    assert stored(sent) == wanted


def test_every_kind_has_a_type() -> None:
    """Proves that each built-in kind, in each of its versions, is one that Kubernetes publishes."""
    for kind in BUILTIN:
        assert type_of(kind.api_version, kind.kind)
        for version in kind.served:
            assert type_of(version.api_version, kind.kind)


def test_the_groups_are_complete() -> None:
    """Proves that no kind of the groups that are served in full is left out."""
    served = {(kind.api_version, kind.kind) for kind in BUILTIN}
    served |= {(version.api_version, kind.kind) for kind in BUILTIN for version in kind.served}
    groups = {
        "v1", "apps/v1", "batch/v1", "autoscaling/v1", "autoscaling/v2", "policy/v1",
        "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1", "discovery.k8s.io/v1",
        "coordination.k8s.io/v1", "scheduling.k8s.io/v1", "certificates.k8s.io/v1",
        "admissionregistration.k8s.io/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1",
        "events.k8s.io/v1", "node.k8s.io/v1", "flowcontrol.apiserver.k8s.io/v1",
    }  # fmt: skip
    answers = {"APIGroup", "APIVersions", "Status", "Binding", "ComponentStatus", "Scale", "Eviction",
               "TokenRequest", "DeleteOptions", "WatchEvent"}  # fmt: skip
    missing = [
        row
        for row in openapi.kinds("1.36")
        if row[0] in groups and row not in served and row[1] not in answers and not row[1].endswith("List")
    ]
    assert missing == []


def test_defaults_are_stable() -> None:
    """Proves that an object that is read and written back unchanged is the same, and no new revision."""
    made = cluster()
    for sent, _ in CASES.values():
        obj = made.api.create({**sent, "metadata": {**sent["metadata"], "name": "stable"}})
        before = made.revision
        assert made.api.update(obj) == obj
        assert made.revision == before
    made.verify()
