"""Every kind's own table by its resource; any other kind shows its name and its age."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.cluster.kinds.columns import core, network, pods, policy, storage, workloads
from gitrel.cluster.kinds.columns.printing import AGE, NAME, Columns

PLAIN = Columns((NAME, AGE))

COLUMNS: Mapping[str, Columns] = {
    "certificatesigningrequests.certificates.k8s.io": policy.SIGNING_REQUESTS,
    "clusterrolebindings.rbac.authorization.k8s.io": policy.BINDINGS,
    "clusterroles.rbac.authorization.k8s.io": policy.NAMED,
    "configmaps": core.CONFIG_MAPS,
    "controllerrevisions.apps": workloads.CONTROLLER_REVISIONS,
    "cronjobs.batch": workloads.CRON_JOBS,
    "csidrivers.storage.k8s.io": storage.DRIVERS,
    "csinodes.storage.k8s.io": storage.NODES,
    "csistoragecapacities.storage.k8s.io": storage.CAPACITIES,
    "customresourcedefinitions.apiextensions.k8s.io": policy.NAMED,
    "daemonsets.apps": workloads.DAEMON_SETS,
    "deployments.apps": workloads.DEPLOYMENTS,
    "endpoints": network.ENDPOINTS,
    "endpointslices.discovery.k8s.io": network.ENDPOINT_SLICES,
    "events": core.EVENTS,
    "flowschemas.flowcontrol.apiserver.k8s.io": policy.FLOW_SCHEMAS,
    "horizontalpodautoscalers.autoscaling": workloads.AUTOSCALERS,
    "ingressclasses.networking.k8s.io": network.INGRESS_CLASSES,
    "ingresses.networking.k8s.io": network.INGRESSES,
    "ipaddresses.networking.k8s.io": network.ADDRESSES,
    "jobs.batch": workloads.JOBS,
    "leases.coordination.k8s.io": core.LEASES,
    "limitranges": policy.NAMED,
    "mutatingadmissionpolicies.admissionregistration.k8s.io": policy.MUTATING_POLICIES,
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": policy.POLICY_BINDINGS,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": policy.WEBHOOKS,
    "namespaces": core.NAMESPACES,
    "networkpolicies.networking.k8s.io": network.NETWORK_POLICIES,
    "nodes": core.NODES,
    "persistentvolumeclaims": storage.CLAIMS,
    "persistentvolumes": storage.VOLUMES,
    "poddisruptionbudgets.policy": policy.BUDGETS,
    "pods": pods.PODS,
    "podtemplates": workloads.POD_TEMPLATES,
    "priorityclasses.scheduling.k8s.io": policy.PRIORITIES,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": policy.PRIORITY_LEVELS,
    "replicasets.apps": workloads.REPLICA_SETS,
    "replicationcontrollers": workloads.REPLICATION_CONTROLLERS,
    "resourcequotas": policy.QUOTAS,
    "rolebindings.rbac.authorization.k8s.io": policy.BINDINGS,
    "roles.rbac.authorization.k8s.io": policy.NAMED,
    "runtimeclasses.node.k8s.io": policy.RUNTIMES,
    "secrets": core.SECRETS,
    "serviceaccounts": core.SERVICE_ACCOUNTS,
    "servicecidrs.networking.k8s.io": network.SERVICE_CIDRS,
    "services": network.SERVICES,
    "statefulsets.apps": workloads.STATEFUL_SETS,
    "storageclasses.storage.k8s.io": storage.CLASSES,
    "validatingadmissionpolicies.admissionregistration.k8s.io": policy.VALIDATING_POLICIES,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": policy.POLICY_BINDINGS,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": policy.WEBHOOKS,
    "volumeattachments.storage.k8s.io": storage.ATTACHMENTS,
    "volumeattributesclasses.storage.k8s.io": storage.ATTRIBUTE_CLASSES,
}


def columns_of(resource: str) -> Columns:
    return COLUMNS.get(resource, PLAIN)
