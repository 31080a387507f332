"""Storage and ingress: default classes, protection while in use, and growth."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.storageprotection.controller import StorageProtectionController
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, mark, pod
from tests.cluster.kinds.tables import of

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def claim(name: str = "data", **spec: Any) -> Object:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return of("PersistentVolumeClaim", name=name, spec=body)


def storage_class(name: str, *, default: bool = False, **more: Any) -> Object:
    found = of("StorageClass", "storage.k8s.io/v1", name=name, namespace="", provisioner="a.b/c", **more)
    if default:
        found["metadata"]["annotations"] = {DEFAULT: "true"}
    return found


def using(name: str, claim_name: str) -> Object:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}
    return pod(name, volumes=[volume], containers=[container()])


def test_a_claim_gets_the_default_class() -> None:
    """Proves that the newest default counts, and that an empty class is a class."""
    made = cluster()
    assert "storageClassName" not in made.api.create(claim("before"))["spec"]
    made.api.create(storage_class("slow", default=True))
    assert made.api.create(claim("a"))["spec"]["storageClassName"] == "slow"
    assert made.api.create(claim("b", storageClassName=""))["spec"]["storageClassName"] == ""


def test_an_ingress_gets_the_default_class() -> None:
    """Proves that an ingress without a class or its old annotation gets the default one."""
    made = cluster()
    found = of("IngressClass", "networking.k8s.io/v1", name="nginx", namespace="",
               spec={"controller": "a.b/c"})  # fmt: skip
    found["metadata"]["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    made.api.create(found)
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = of("Ingress", "networking.k8s.io/v1", spec={"defaultBackend": backend})
    assert made.api.create(ingress)["spec"]["ingressClassName"] == "nginx"


def protected() -> WatchedCluster:
    made = cluster(StorageProtectionController)
    made.api.create(claim())
    return made


def test_a_claim_in_use_stays() -> None:
    """Proves that a deleted claim is held while a pod uses it, and goes when the pod ends."""
    made = protected()
    made.api.create({**using("x", "data"), "spec": {**using("x", "data")["spec"], "nodeName": "n"}})
    assert made.api.get("persistentvolumeclaims", "data", "default")["metadata"]["finalizers"] == [
        "kubernetes.io/pvc-protection"
    ]
    made.api.delete("persistentvolumeclaims", "data", "default")
    made.settle()
    assert made.reader.get("persistentvolumeclaims", "default", "data") is not None
    mark(made, "default", "x", phase="Succeeded", ready=False)
    made.settle()
    assert made.reader.get("persistentvolumeclaims", "default", "data") is None


def test_a_claim_nobody_uses_goes_at_once() -> None:
    """Proves that protection delays nothing without a reason."""
    made = protected()
    made.api.delete("persistentvolumeclaims", "data", "default")
    made.settle()
    assert made.reader.get("persistentvolumeclaims", "default", "data") is None


def test_a_claim_grows_where_its_class_allows_it() -> None:
    """Proves that only a bound claim of an expandable class grows, and that none shrinks."""
    made = cluster()
    made.api.create(storage_class("fixed"))
    made.api.create(storage_class("elastic", allowVolumeExpansion=True))
    path = ("spec", "resources", "requests", "storage")
    for name in ("fixed", "elastic"):
        found = made.api.create(claim(name, storageClassName=name, volumeName="v"))
        status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
        made.writer.update_status("persistentvolumeclaims", {**found, "status": status})
    grown = replaced(made.api.get("persistentvolumeclaims", "elastic", "default"), path, "2Gi")
    assert made.api.update(grown)
    fixed = made.api.get("persistentvolumeclaims", "fixed", "default")
    with pytest.raises(ApiError, match="only dynamically provisioned pvc can be resized"):
        made.api.update(replaced(fixed, path, "2Gi"))
    with pytest.raises(ApiError, match=r"field can not be less than status\.capacity"):
        made.api.update(replaced(fixed, path, "1Mi"))
