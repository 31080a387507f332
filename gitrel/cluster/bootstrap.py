"""What stands in a cluster before anybody asks: namespaces, system priorities, the `kubernetes` Service and
nodes.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from gitrel.cluster.controllers.controller import Writer
from gitrel.cluster.kinds.scheduling import SYSTEM_CLASSES
from gitrel.cluster.spec import KUBERNETES_VERSION, ClusterSpec, NodePool
from gitrel.kube.identity import Object

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def furnish(write: Writer, spec: ClusterSpec) -> None:
    """Creates them in a fixed order, so that their uids follow from the seed."""
    for name in NAMESPACES:
        write.create("namespaces", {"metadata": {"name": name}})
    for name, (value, description) in SYSTEM_CLASSES.items():
        found = {"metadata": {"name": name}, "value": value, "description": description}
        write.create("priorityclasses.scheduling.k8s.io", found)
    write.create("services", kubernetes_service(spec))
    for pool in spec.nodes:
        for number in range(pool.count):
            write.create("nodes", node(pool, f"{pool.name}-{number}"))


def kubernetes_service(spec: ClusterSpec) -> Object:
    """The API server's own Service has the first address of the range."""
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": str(IPv4Network(spec.service_cidr)[1]),
            "ports": [{"name": "https", "port": 443, "targetPort": 6443}],
        },
    }


def node(pool: NodePool, name: str) -> Object:
    """A Node as its kubelet registers it; conditions and addresses are the kubelet's to report."""
    amounts = {
        "cpu": pool.cpu,
        "memory": pool.memory,
        "ephemeral-storage": pool.ephemeral_storage,
        "pods": str(pool.pods),
    }
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**labels, **pool.labels}},
        "spec": {"taints": [dict(taint) for taint in pool.taints]} if pool.taints else {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            # Every field is required by the API; those that tell one machine from another tell its name.
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": name,
                "containerRuntimeVersion": "gitrel://1",
                "kernelVersion": "gitrel",
                "kubeProxyVersion": "",
                "kubeletVersion": f"v{KUBERNETES_VERSION}.0",
                "machineID": name,
                "operatingSystem": "linux",
                "osImage": "gitrel",
                "systemUUID": name,
            },
        },
    }
