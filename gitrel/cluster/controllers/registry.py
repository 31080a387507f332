"""Every controller of the bundled cluster, in the one order in which they take their turns.

What makes pods stands before what only watches them, so that a watcher finds the work already done.
"""

from __future__ import annotations

from gitrel.cluster.controllers.admissionpolicystatus.controller import AdmissionPolicyStatusController
from gitrel.cluster.controllers.certificates.cleaning import CleaningController
from gitrel.cluster.controllers.clusterroleaggregation.controller import ClusterRoleAggregationController
from gitrel.cluster.controllers.controller import Controller
from gitrel.cluster.controllers.customresources.controller import CustomResourceController
from gitrel.cluster.controllers.deployment.controller import DeploymentController
from gitrel.cluster.controllers.disruption.controller import DisruptionController
from gitrel.cluster.controllers.endpointslice.controller import EndpointSliceController
from gitrel.cluster.controllers.garbagecollector.controller import GarbageCollector
from gitrel.cluster.controllers.job.controller import JobController
from gitrel.cluster.controllers.namespace.controller import NamespaceController
from gitrel.cluster.controllers.nodelifecycle.controller import NodeLifecycleController
from gitrel.cluster.controllers.podgc.controller import PodGarbageCollector
from gitrel.cluster.controllers.replicaset.controller import ReplicaSetController
from gitrel.cluster.controllers.resourcequota.controller import ResourceQuotaController
from gitrel.cluster.controllers.serviceaccount.controller import ServiceAccountController
from gitrel.cluster.controllers.statefulset.controller import StatefulSetController
from gitrel.cluster.controllers.storageprotection.controller import StorageProtectionController
from gitrel.cluster.controllers.ttlafterfinished.controller import TtlAfterFinishedController


def controllers() -> tuple[Controller, ...]:
    """New ones: none keeps anything between two syncs, but a cluster owns its own."""
    return (
        ServiceAccountController(),
        ResourceQuotaController(),
        ReplicaSetController(),
        DeploymentController(),
        StatefulSetController(),
        JobController(),
        TtlAfterFinishedController(),
        EndpointSliceController(),
        DisruptionController(),
        NodeLifecycleController(),
        PodGarbageCollector(),
        StorageProtectionController(),
        NamespaceController(),
        CustomResourceController(),
        ClusterRoleAggregationController(),
        AdmissionPolicyStatusController(),
        CleaningController(),
        GarbageCollector(),
    )
