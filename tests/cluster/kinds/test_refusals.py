"""What is refused of the kinds that no other table has, in Kubernetes' own words."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.kube.identity import Object
from tests.cluster.kinds.tables import of, on, refusal, refused_change
from tests.cluster.kinds.test_families import CASES as MINIMAL
from tests.cluster.kinds.test_families import CLAIM, HOOK, POD, RBAC, RULE, SELECTOR, cron_job, wide

SET = MINIMAL["a StatefulSet"][0]
DAEMON = MINIMAL["a DaemonSet"][0]
REPLICATION = MINIMAL["a ReplicationController selects by its template"][0]
VOLUME = MINIMAL["a PersistentVolume"][0]
REQUEST = MINIMAL["a CertificateSigningRequest is not approved by being made"][0]
HOOKS = MINIMAL["a ValidatingWebhookConfiguration"][0]
POLICY = MINIMAL["a ValidatingAdmissionPolicy"][0]
BINDING = MINIMAL["a RoleBinding: groups of what can have one"][0]
LEVEL = MINIMAL["a PriorityLevelConfiguration"][0]


def cron(**spec: Any) -> Object:
    return of("CronJob", "batch/v1", spec={"schedule": "0 0 * * *", "jobTemplate": cron_job(POD), **spec})


def quota(**spec: Any) -> Object:
    return of("ResourceQuota", spec=spec)


def limits(**limit: Any) -> Object:
    return of("LimitRange", spec={"limits": [{"type": "Container", **limit}]})


def claim(**spec: Any) -> Object:
    return of("PersistentVolumeClaim", spec={**CLAIM, **spec})


def network(**rule: Any) -> Object:
    return of("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [rule]})


REFUSED: dict[str, tuple[Object, str]] = {
    "a StatefulSet without a selector": (
        on(SET, ("spec.selector", None)),
        'StatefulSet.apps "x" is invalid: [spec.selector: Required value, '
        'spec.template.metadata.labels: Invalid value: {"app":"x"}: '
        "`selector` does not match template `labels`]",
    ),
    "a StatefulSet with a policy nobody knows": (
        on(SET, ("spec.podManagementPolicy", "Never")),
        'StatefulSet.apps "x" is invalid: spec.podManagementPolicy: Invalid value: "Never": '
        "must be 'OrderedReady' or 'Parallel'",
    ),
    "a StatefulSet that deletes by hand and rolls": (
        on(SET, ("spec.updateStrategy", {"type": "OnDelete", "rollingUpdate": {"partition": 1}})),
        'StatefulSet.apps "x" is invalid: spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: '
        "only allowed for updateStrategy 'RollingUpdate'",
    ),
    "a StatefulSet that counts backwards": (
        on(SET, ("spec.updateStrategy", {"rollingUpdate": {"partition": -1}})),
        'StatefulSet.apps "x" is invalid: spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: '
        "must be greater than or equal to 0",
    ),
    "a DaemonSet that may not move": (
        on(DAEMON, ("spec.updateStrategy", {"rollingUpdate": {"maxUnavailable": 0}})),
        'DaemonSet.apps "x" is invalid: spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: '
        "cannot be 0 when maxSurge is 0",
    ),
    "a DaemonSet that surges and loses": (
        on(DAEMON, ("spec.updateStrategy", {"rollingUpdate": {"maxSurge": 1}})),
        'DaemonSet.apps "x" is invalid: spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: '
        "may not be set when maxUnavailable is non-zero",
    ),
    "a ReplicationController that misses its pods": (
        on(REPLICATION, ("spec.selector", {"app": "y"})),
        'ReplicationController "x" is invalid: spec.template.metadata.labels: Invalid value: {"app":"x"}: '
        "`selector` does not match template `labels`",
    ),
    "a ControllerRevision of nothing": (
        of("ControllerRevision", "apps/v1", revision=1),
        'ControllerRevision.apps "x" is invalid: data: Required value: data is mandatory',
    ),
    "a schedule of one field": (
        cron(schedule="hourly"),
        'CronJob.batch "x" is invalid: spec.schedule: Invalid value: "hourly": '
        "expected exactly 5 fields, found 1: [hourly]",
    ),
    "a schedule in the 61st minute": (
        cron(schedule="60 * * * *"),
        'CronJob.batch "x" is invalid: spec.schedule: Invalid value: "60 * * * *": '
        "end of range (60) above maximum (59): 60",
    ),
    "a schedule with its own zone": (
        cron(schedule="TZ=UTC 0 0 * * *"),
        'CronJob.batch "x" is invalid: spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": '
        "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
    ),
    "a zone nobody lives in": (
        cron(timeZone="Mars/Olympus"),
        'CronJob.batch "x" is invalid: spec.timeZone: Invalid value: "Mars/Olympus": '
        "unknown time zone Mars/Olympus",
    ),
    "a CronJob with a selector": (
        cron(jobTemplate={"spec": {**cron_job(POD)["spec"], "selector": SELECTOR}}),
        'CronJob.batch "x" is invalid: spec.jobTemplate.spec.selector: Invalid value: '
        '{"matchLabels":{"app":"x"}}: `selector` will be auto-generated',
    ),
    "a CronJob with too long a name": (
        {**cron(), "metadata": {"name": "x" * 53, "namespace": "default"}},
        f'CronJob.batch "{"x" * 53}" is invalid: metadata.name: Invalid value: "{"x" * 53}": '
        "must be no more than 52 characters",
    ),
    "a claim without modes": (
        claim(accessModes=[]),
        'PersistentVolumeClaim "x" is invalid: spec.accessModes: Required value: '
        "at least 1 access mode is required",
    ),
    "a claim of one pod and many": (
        claim(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]),
        'PersistentVolumeClaim "x" is invalid: spec.accessModes: Forbidden: '
        "may not use ReadWriteOncePod with other access modes",
    ),
    "a claim of nothing": (
        claim(resources={"requests": {"storage": "0"}}),
        'PersistentVolumeClaim "x" is invalid: spec.resources[storage]: Invalid value: "0": '
        "must be greater than zero",
    ),
    "a volume without a source": (
        on(VOLUME, ("spec.hostPath", None)),
        'PersistentVolume "x" is invalid: spec: Required value: must specify a volume type',
    ),
    "a volume with two sources": (
        on(VOLUME, ("spec.nfs", {"server": "s", "path": "/p"})),
        'PersistentVolume "x" is invalid: spec.nfs: Forbidden: may not specify more than 1 volume type',
    ),
    "a local volume anywhere": (
        on(VOLUME, ("spec.hostPath", None), ("spec.local", {"path": "/d"})),
        'PersistentVolume "x" is invalid: spec.nodeAffinity: Required value: '
        "Local volume requires node affinity",
    ),
    "a class without a provisioner": (
        wide("StorageClass", "storage.k8s.io/v1", provisioner=""),
        'StorageClass.storage.k8s.io "x" is invalid: provisioner: Required value',
    ),
    "a quota of what cannot be counted": (
        quota(hard={"horses": "3"}),
        'ResourceQuota "x" is invalid: spec.hard[horses]: Invalid value: "horses": '
        "must be a standard resource for quotas",
    ),
    "a quota of half a pod": (
        quota(hard={"pods": "500m"}),
        'ResourceQuota "x" is invalid: spec.hard[pods]: Invalid value: "500m": must be an integer',
    ),
    "a quota with scopes that exclude each other": (
        quota(hard={"pods": "1"}, scopes=["BestEffort", "NotBestEffort"]),
        'ResourceQuota "x" is invalid: spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: '
        "conflicting scopes",
    ),
    "limits upside down": (
        limits(min={"cpu": "2"}, max={"cpu": "1"}),
        'LimitRange "x" is invalid: [spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater '
        'than default request value 1, spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater '
        'than default value 1, spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max '
        "value 1]",
    ),
    "defaults for a whole pod": (
        of("LimitRange", spec={"limits": [{"type": "Pod", "default": {"cpu": "1"}}]}),
        'LimitRange "x" is invalid: spec.limits[0].default: Forbidden: '
        "may not be specified when `type` is 'Pod'",
    ),
    "a rule without verbs": (
        of("Role", f"{RBAC}/v1", rules=[{"verbs": [], "apiGroups": [""], "resources": ["pods"]}]),
        f'Role.{RBAC} "x" is invalid: rules[0].verbs: Required value: verbs must contain at least one value',
    ),
    "URLs in a namespace": (
        of("Role", f"{RBAC}/v1", rules=[{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]),
        f'Role.{RBAC} "x" is invalid: rules[0].nonResourceURLs: Invalid value: ["/healthz"]: '
        "namespaced rules cannot apply to non-resource URLs",
    ),
    "a binding to what is no role": (
        on(BINDING, ("roleRef.kind", "Pod")),
        f'RoleBinding.{RBAC} "x" is invalid: roleRef.kind: Unsupported value: "Pod": '
        'supported values: "Role", "ClusterRole"',
    ),
    "a subject of no kind": (
        on(BINDING, ("subjects", [{"kind": "Robot", "name": "r"}])),
        f'RoleBinding.{RBAC} "x" is invalid: subjects[0].kind: Unsupported value: "Robot": '
        'supported values: "ServiceAccount", "User", "Group"',
    ),
    "a peer that is nobody": (
        network(**{"from": [{}]}),
        'NetworkPolicy.networking.k8s.io "x" is invalid: spec.ingress[0].from[0]: Required value: '
        "must specify a peer",
    ),
    "an exception outside": (
        network(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.1.0/28"]}}]}),
        'NetworkPolicy.networking.k8s.io "x" is invalid: spec.ingress[0].from[0].ipBlock.except[0]: '
        'Invalid value: "10.0.1.0/28": must be a strict subset of `cidr`',
    ),
    "ports that run backwards": (
        network(ports=[{"port": 90, "endPort": 80}]),
        'NetworkPolicy.networking.k8s.io "x" is invalid: spec.ingress[0].ports[0].endPort: '
        "Invalid value: 80: must be greater than or equal to `port`",
    ),
    "a controller without a domain": (
        wide("IngressClass", "networking.k8s.io/v1", spec={"controller": "nginx"}),
        'IngressClass.networking.k8s.io "x" is invalid: spec.controller: Invalid value: "nginx": '
        'must be a domain-prefixed path (such as "acme.io/foo")',
    ),
    "an address that is none": (
        wide("IPAddress", "networking.k8s.io/v1", spec={"parentRef": {"resource": "services", "name": "x"}}),
        'IPAddress.networking.k8s.io "x" is invalid: metadata.name: Invalid value: "x": '
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    ),
    "a budget of both kinds": (
        of("PodDisruptionBudget", "policy/v1", spec={"minAvailable": 1, "maxUnavailable": 1}),
        'PodDisruptionBudget.policy "x" is invalid: spec: Invalid value: '
        '{"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
    ),
    "more than everything": (
        of("PodDisruptionBudget", "policy/v1", spec={"minAvailable": "101%"}),
        'PodDisruptionBudget.policy "x" is invalid: spec.minAvailable: Invalid value: "101%": '
        "must not be greater than 100%",
    ),
    "a priority of the system": (
        wide("PriorityClass", "scheduling.k8s.io/v1", value=1_000_000_001),
        'PriorityClass.scheduling.k8s.io "x" is invalid: value: Forbidden: '
        "maximum allowed value of a user defined priority is 1000000000",
    ),
    "a class that calls itself the system's": (
        of("PriorityClass", "scheduling.k8s.io/v1", name="system-mine", namespace="", value=1),
        'PriorityClass.scheduling.k8s.io "system-mine" is invalid: metadata.name: Forbidden: priority class '
        "names with 'system-' prefix are reserved for system use only. error: system-mine is not a known "
        "system priority class",
    ),
    "an endpoint that is here": (
        of("Endpoints", subsets=[{"addresses": [{"ip": "127.0.0.1"}]}]),
        'Endpoints "x" is invalid: subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": '
        "may not be in the loopback range (127.0.0.0/8, ::1/128)",
    ),
    "a request that is none": (
        on(REQUEST, ("spec.request", "YQ==")),
        'CertificateSigningRequest.certificates.k8s.io "x" is invalid: spec.request: Invalid value: "YQ==": '
        "PEM block type must be CERTIFICATE REQUEST",
    ),
    "a certificate for a minute": (
        on(REQUEST, ("spec.expirationSeconds", 60)),
        'CertificateSigningRequest.certificates.k8s.io "x" is invalid: spec.expirationSeconds: '
        "Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)",
    ),
    "a flow without a level": (
        on(MINIMAL["a FlowSchema"][0], ("spec.priorityLevelConfiguration.name", "")),
        'FlowSchema.flowcontrol.apiserver.k8s.io "x" is invalid: spec.priorityLevelConfiguration.name: '
        "Required value: must reference a priority level",
    ),
    "a hand larger than the deck": (
        on(LEVEL, ("spec.limited.limitResponse.queuing", {"queues": 4, "handSize": 5})),
        'PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io "x" is invalid: '
        "spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues "
        "(4)",
    ),
    "a hook without a domain": (
        on(HOOKS, ("webhooks", [{**HOOK, "name": "mine"}])),
        'ValidatingWebhookConfiguration.admissionregistration.k8s.io "x" is invalid: webhooks[0].name: '
        'Invalid value: "mine": should be a domain with at least three segments separated by dots',
    ),
    "a hook with side effects": (
        on(HOOKS, ("webhooks", [{**HOOK, "sideEffects": "Some"}])),
        'ValidatingWebhookConfiguration.admissionregistration.k8s.io "x" is invalid: '
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ),
    "a hook over plain HTTP": (
        on(HOOKS, ("webhooks", [{**HOOK, "clientConfig": {"url": "http://a.b/c"}}])),
        'ValidatingWebhookConfiguration.admissionregistration.k8s.io "x" is invalid: '
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
        "desired format: https://host[/path]",
    ),
    "a rule for everything and more": (
        on(HOOKS, ("webhooks", [{**HOOK, "rules": [{**RULE, "operations": ["*", "CREATE"]}]}])),
        'ValidatingWebhookConfiguration.admissionregistration.k8s.io "x" is invalid: '
        'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not '
        "specify other operations",
    ),
    "a policy that says nothing": (
        on(POLICY, ("spec.validations", None)),
        'ValidatingAdmissionPolicy.admissionregistration.k8s.io "x" is invalid: [spec.validations: '
        "Required value: validations or auditAnnotations must contain at least one item, "
        "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one "
        "item]",
    ),
    "a review of no attributes": (
        wide("SelfSubjectAccessReview", "authorization.k8s.io/v1", spec={}),
        'SelfSubjectAccessReview.authorization.k8s.io "x" is invalid: spec.resourceAttributes: Invalid '
        "value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
    ),
    "a scaler by nothing": (
        of("HorizontalPodAutoscaler", "autoscaling/v2",
           spec={"maxReplicas": 1, "metrics": [{"type": "Pods"}],
                 "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}),
        'HorizontalPodAutoscaler.autoscaling "x" is invalid: spec.metrics[0].pods: Required value: '
        "must populate information for the given metric source",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_objects_are_refused_in_kubernetes_words(case: str) -> None:
    """Proves that what is wrong is found, and told in the sentences that people search for."""
    obj, message = REFUSED[case]
    assert refusal(obj) == message


UNCHANGING: dict[str, tuple[Object, tuple[str, Any], str]] = {
    "a StatefulSet's service": (
        SET, ("spec.serviceName", "y"),
        'StatefulSet.apps "x" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
    "a DaemonSet's selector": (
        on(DAEMON, ("spec.template.metadata.labels", {"app": "x", "b": "c"})),
        ("spec.selector", {"matchLabels": {"b": "c"}}),
        'DaemonSet.apps "x" is invalid: spec.selector: Invalid value: {"matchLabels":{"b":"c"}}: '
        "field is immutable",
    ),
    "a revision's data": (
        of("ControllerRevision", "apps/v1", revision=1, data={"a": 1}), ("data", {"a": 2}),
        'ControllerRevision.apps "x" is invalid: data: Invalid value: {"a":2}: field is immutable',
    ),
    "a claim's class": (
        claim(storageClassName="slow"), ("spec.storageClassName", "fast"),
        'PersistentVolumeClaim "x" is invalid: spec: Forbidden: spec is immutable after creation except '
        "resources.requests and volumeAttributesClassName for bound claims",
    ),
    "a volume's source": (
        VOLUME, ("spec.hostPath", {"path": "/e"}),
        'PersistentVolume "x" is invalid: spec.persistentvolumesource: Forbidden: '
        "spec.persistentvolumesource is immutable after creation",
    ),
    "a class's provisioner": (
        wide("StorageClass", "storage.k8s.io/v1", provisioner="a.b/c"), ("provisioner", "a.b/d"),
        'StorageClass.storage.k8s.io "x" is invalid: provisioner: Forbidden: '
        "updates to provisioner are forbidden.",
    ),
    "a quota's scopes": (
        quota(hard={"pods": "1"}), ("spec.scopes", ["BestEffort"]),
        'ResourceQuota "x" is invalid: spec.scopes: Invalid value: ["BestEffort"]: field is immutable',
    ),
    "a binding's role": (
        BINDING, ("roleRef.name", "other"),
        f'RoleBinding.{RBAC} "x" is invalid: roleRef: Invalid value: {{"kind":"Role","name":"other",'
        f'"apiGroup":"{RBAC}"}}: cannot change roleRef',
    ),
    "a priority": (
        wide("PriorityClass", "scheduling.k8s.io/v1", value=5), ("value", 6),
        'PriorityClass.scheduling.k8s.io "x" is invalid: value: Forbidden: may not be changed in an update.',
    ),
    "a runtime's handler": (
        wide("RuntimeClass", "node.k8s.io/v1", handler="a"), ("handler", "b"),
        'RuntimeClass.node.k8s.io "x" is invalid: handler: Invalid value: "b": field is immutable',
    ),
    "an ingress class's controller": (
        wide("IngressClass", "networking.k8s.io/v1", spec={"controller": "a.b/c"}),
        ("spec.controller", "a.b/d"),
        'IngressClass.networking.k8s.io "x" is invalid: spec.controller: Invalid value: "a.b/d": '
        "field is immutable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNCHANGING)
def test_what_may_not_change_does_not(case: str) -> None:
    """Proves that immutable fields stay as they were created."""
    obj, change, message = UNCHANGING[case]
    assert refused_change(obj, change) == message
