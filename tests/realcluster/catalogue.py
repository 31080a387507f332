"""A valid object of each built-in kind that is written, with as many of its fields as go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitrel.kube.identity import Object

SELECTOR = {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}
RESOURCES = {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
CONTAINER = {
    "name": "main",
    "image": "example.com/image:1",
    "command": ["run"],
    "args": ["a"],
    "workingDir": "/w",
    "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81, "protocol": "UDP"}],
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}],
    "resources": RESOURCES,
    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
    "readinessProbe": {"tcpSocket": {"port": 80}},
    "startupProbe": {"exec": {"command": ["x"]}, "failureThreshold": 30},
    "lifecycle": {"preStop": {"exec": {"command": ["x"]}}},
    "volumeMounts": [
        {"name": "v1", "mountPath": "/v1"},
        {"name": "v2", "mountPath": "/v2", "readOnly": True},
    ],
    "securityContext": {"runAsUser": 1, "capabilities": {"add": ["CHOWN"]}, "privileged": False},
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "Always",
}
POD_SPEC = {
    "containers": [CONTAINER],
    "initContainers": [
        {"name": "init", "image": "i:1"},
        {"name": "s", "image": "i", "restartPolicy": "Always"},
    ],
    "volumes": [
        {"name": "v1", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "v2", "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
        {"name": "v3", "secret": {"secretName": "s", "defaultMode": 256}},
        {"name": "v4", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "v5", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "v6", "hostPath": {"path": "/h"}},
        {
            "name": "v7",
            "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.labels"}}]},
        },
    ],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 10,
    "nodeSelector": {"disk": "ssd"},
    "serviceAccountName": "default",
    "securityContext": {
        "runAsNonRoot": True,
        "fsGroup": 1,
        "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}],
    },
    "imagePullSecrets": [{"name": "s"}],
    "hostname": "h",
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"labelSelector": SELECTOR, "topologyKey": "zone"}}
            ]
        },
    },
    "tolerations": [
        {"key": "a", "operator": "Equal", "value": "1", "effect": "NoSchedule"},
        {"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1},
    ],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a.example"]}],
    "dnsPolicy": "ClusterFirst",
    "dnsConfig": {"nameservers": ["10.0.0.1"], "options": [{"name": "ndots", "value": "1"}]},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR}
    ],
    "readinessGates": [{"conditionType": "example.com/ready"}],
}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD_SPEC}
SMALL = {"containers": [{"name": "main", "image": "i:1"}]}
SMALL_TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": SMALL}
JOB_TEMPLATE = {"spec": {**SMALL, "restartPolicy": "Never"}}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}]
SUBJECTS = [
    {"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"},
    {"kind": "ServiceAccount", "name": "a", "namespace": "n"},
]
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "c",
}
HOOK = {
    "name": "a.example.com",
    "clientConfig": {"url": "https://example.com/hook"},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "timeoutSeconds": 5,
    "failurePolicy": "Fail",
    "matchConditions": [{"name": "a", "expression": "true"}],
}
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
}

_ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "v1": {
        "pods": {"kind": "Pod", "spec": POD_SPEC},
        "podtemplates": {"kind": "PodTemplate", "template": TEMPLATE},
        "replicationcontrollers": {
            "kind": "ReplicationController",
            "spec": {
                "replicas": 0,
                "minReadySeconds": 1,
                "selector": {"app": "x"},
                "template": SMALL_TEMPLATE,
            },
        },
        "services": {
            "kind": "Service",
            "spec": {
                "selector": {"app": "x"},
                "type": "ClusterIP",
                "ports": [
                    {"name": "http", "port": 80, "targetPort": "http"},
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53, "appProtocol": "a.b/c"},
                ],
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}},
                "internalTrafficPolicy": "Cluster",
                "ipFamilyPolicy": "SingleStack",
                "publishNotReadyAddresses": True,
            },
        },
        "configmaps": {
            "kind": "ConfigMap",
            "data": {"a": "1"},
            "binaryData": {"b": "YQ=="},
            "immutable": True,
        },
        "secrets": {"kind": "Secret", "type": "Opaque", "data": {"a": "YQ=="}, "stringData": {"b": "x"}},
        "serviceaccounts": {
            "kind": "ServiceAccount",
            "automountServiceAccountToken": False,
            "imagePullSecrets": [{"name": "s"}],
            "secrets": [{"name": "s"}],
        },
        "persistentvolumeclaims": {"kind": "PersistentVolumeClaim", "spec": CLAIM},
        "resourcequotas": {
            "kind": "ResourceQuota",
            "spec": {"hard": {"pods": "1", "requests.cpu": "1"}, "scopes": ["NotTerminating"]},
        },
        "limitranges": {
            "kind": "LimitRange",
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "default": {"cpu": "1"},
                        "defaultRequest": {"cpu": "500m"},
                        "max": {"cpu": "2"},
                        "min": {"cpu": "100m"},
                    }
                ]
            },
        },
        "endpoints": {
            "kind": "Endpoints",
            "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80, "name": "a"}]}],
        },
    },
    "apps/v1": {
        "deployments": {
            "kind": "Deployment",
            "spec": {
                "replicas": 0,
                "paused": True,
                "selector": {"matchLabels": {"app": "x"}},
                "template": TEMPLATE,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"},
                },
                "minReadySeconds": 1,
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 60,
            },
        },
        "replicasets": {
            "kind": "ReplicaSet",
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": SMALL_TEMPLATE},
        },
        "statefulsets": {
            "kind": "StatefulSet",
            "spec": {
                "replicas": 0,
                "serviceName": "x",
                "selector": {"matchLabels": {"app": "x"}},
                "template": SMALL_TEMPLATE,
                "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
                "ordinals": {"start": 1},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            },
        },
        "daemonsets": {
            "kind": "DaemonSet",
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "template": SMALL_TEMPLATE,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            },
        },
    },
    "batch/v1": {
        "jobs": {
            "kind": "Job",
            "spec": {
                "template": JOB_TEMPLATE,
                "parallelism": 0,
                "completions": 2,
                "backoffLimit": 1,
                "completionMode": "Indexed",
                "suspend": True,
                "activeDeadlineSeconds": 10,
                "ttlSecondsAfterFinished": 1,
                "podFailurePolicy": {
                    "rules": [
                        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}},
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        },
                    ]
                },
            },
        },
        "cronjobs": {
            "kind": "CronJob",
            "spec": {
                "schedule": "0 * * * *",
                "timeZone": "Etc/UTC",
                "concurrencyPolicy": "Forbid",
                "suspend": True,
                "startingDeadlineSeconds": 10,
                "jobTemplate": {"spec": {"template": JOB_TEMPLATE}},
                "successfulJobsHistoryLimit": 1,
            },
        },
    },
    "autoscaling/v2": {
        "horizontalpodautoscalers": {
            "kind": "HorizontalPodAutoscaler",
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
                "minReplicas": 1,
                "maxReplicas": 3,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 50},
                        },
                    },
                    {
                        "type": "Pods",
                        "pods": {
                            "metric": {"name": "m"},
                            "target": {"type": "AverageValue", "averageValue": "1"},
                        },
                    },
                ],
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": 60,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                    }
                },
            },
        }
    },
    "policy/v1": {
        "poddisruptionbudgets": {
            "kind": "PodDisruptionBudget",
            "spec": {"minAvailable": 1, "selector": SELECTOR, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        }
    },
    "networking.k8s.io/v1": {
        "networkpolicies": {
            "kind": "NetworkPolicy",
            "spec": {
                "podSelector": SELECTOR,
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from": [
                            {"podSelector": {}},
                            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                        ],
                        "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}],
                    }
                ],
                "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}],
            },
        },
        "ingresses": {
            "kind": "Ingress",
            "spec": {
                "ingressClassName": "c",
                "defaultBackend": {"service": {"name": "s", "port": {"number": 80}}},
                "tls": [{"hosts": ["a.example"], "secretName": "s"}],
                "rules": [
                    {
                        "host": "a.example",
                        "http": {
                            "paths": [
                                {
                                    "path": "/a",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "s", "port": {"name": "http"}}},
                                }
                            ]
                        },
                    }
                ],
            },
        },
    },
    "rbac.authorization.k8s.io/v1": {
        "roles": {"kind": "Role", "rules": RULES},
        "rolebindings": {
            "kind": "RoleBinding",
            "subjects": SUBJECTS,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        },
    },
    "discovery.k8s.io/v1": {
        "endpointslices": {
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "zone": "z"}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
    },
    "coordination.k8s.io/v1": {
        "leases": {
            "kind": "Lease",
            "spec": {"holderIdentity": "h", "leaseDurationSeconds": 10, "leaseTransitions": 1},
        }
    },
}
_WIDE: dict[str, dict[str, dict[str, Any]]] = {
    "v1": {
        "namespaces": {"kind": "Namespace"},
        "nodes": {
            "kind": "Node",
            "spec": {
                "taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}],
                "podCIDR": "10.1.0.0/24",
            },
        },
        "persistentvolumes": {
            "kind": "PersistentVolume",
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/p"},
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "c",
            },
        },
    },
    "storage.k8s.io/v1": {
        "storageclasses": {
            "kind": "StorageClass",
            "provisioner": "example.com/p",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
            "parameters": {"a": "b"},
        },
        "csidrivers": {
            "kind": "CSIDriver",
            "spec": {"attachRequired": True, "volumeLifecycleModes": ["Persistent"]},
        },
        "volumeattachments": {
            "kind": "VolumeAttachment",
            "spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}},
        },
    },
    "networking.k8s.io/v1": {
        "ingressclasses": {"kind": "IngressClass", "spec": {"controller": "example.com/c"}},
    },
    "rbac.authorization.k8s.io/v1": {
        "clusterroles": {
            "kind": "ClusterRole",
            "rules": [*RULES, {"nonResourceURLs": ["/a"], "verbs": ["get"]}],
        },
        "clusterrolebindings": {
            "kind": "ClusterRoleBinding",
            "subjects": SUBJECTS,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        },
    },
    "scheduling.k8s.io/v1": {
        "priorityclasses": {
            "kind": "PriorityClass",
            "value": 10,
            "preemptionPolicy": "Never",
            "description": "d",
        }
    },
    "admissionregistration.k8s.io/v1": {
        "validatingwebhookconfigurations": {"kind": "ValidatingWebhookConfiguration", "webhooks": [HOOK]},
        "mutatingwebhookconfigurations": {
            "kind": "MutatingWebhookConfiguration",
            "webhooks": [{**HOOK, "reinvocationPolicy": "IfNeeded"}],
        },
        "validatingadmissionpolicies": {
            "kind": "ValidatingAdmissionPolicy",
            "spec": {
                "matchConstraints": {"resourceRules": HOOK["rules"]},
                "validations": [{"expression": "object.metadata.name != 'x'", "message": "m"}],
                "variables": [{"name": "v", "expression": "1"}],
                "failurePolicy": "Fail",
            },
        },
        "validatingadmissionpolicybindings": {
            "kind": "ValidatingAdmissionPolicyBinding",
            "spec": {"policyName": "p", "validationActions": ["Deny"]},
        },
    },
    "node.k8s.io/v1": {
        "runtimeclasses": {
            "kind": "RuntimeClass",
            "handler": "h",
            "overhead": {"podFixed": {"cpu": "1"}},
            "scheduling": {"nodeSelector": {"a": "b"}},
        }
    },
    "flowcontrol.apiserver.k8s.io/v1": {
        "flowschemas": {
            "kind": "FlowSchema",
            "spec": {
                "priorityLevelConfiguration": {"name": "p"},
                "matchingPrecedence": 10,
                "distinguisherMethod": {"type": "ByUser"},
                "rules": [
                    {
                        "subjects": [{"kind": "Group", "group": {"name": "g"}}],
                        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                    }
                ],
            },
        },
        "prioritylevelconfigurations": {
            "kind": "PriorityLevelConfiguration",
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 1,
                    "limitResponse": {
                        "type": "Queue",
                        "queuing": {"queues": 8, "handSize": 2, "queueLengthLimit": 5},
                    },
                },
            },
        },
    },
    "apiextensions.k8s.io/v1": {
        "customresourcedefinitions": {
            "kind": "CustomResourceDefinition",
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "xs", "kind": "X", "shortNames": ["x"], "categories": ["all"]},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": SCHEMA},
                        "subresources": {"status": {}},
                        "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a"}],
                    }
                ],
            },
        }
    },
}


def entries(namespace: str) -> Iterator[tuple[str, str, Object]]:
    """(resource, path of its collection, object) of each kind, called `x`."""
    for rows, place in ((_ROWS, namespace), (_WIDE, "")):
        for version, kinds in rows.items():
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            for resource, body in kinds.items():
                name = "xs.example.com" if resource == "customresourcedefinitions" else "x"
                metadata: dict[str, Any] = {"name": name, "labels": {"app": "x"}, "annotations": {"a": "b"}}
                middle = f"/namespaces/{place}" if place else ""
                if place:
                    metadata["namespace"] = place
                yield (
                    resource,
                    f"{root}{middle}/{resource}",
                    {"apiVersion": version, **body, "metadata": metadata},
                )
