"""DefaultStorageClass and DefaultIngressClass: who names no class gets the one that is marked as default.

`plugin/pkg/admission/storage/storageclass/setdefault`, `plugin/pkg/admission/network/defaultingressclass`.
"""

from __future__ import annotations

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.kinds.claims import class_of
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, annotations_of

STORAGE = "storageclasses.storage.k8s.io"
INGRESS = "ingressclasses.networking.k8s.io"
_MARKS = {
    STORAGE: (
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ),
    INGRESS: ("ingressclass.kubernetes.io/is-default-class",),
}
_INGRESS_ANNOTATION = "kubernetes.io/ingress.class"


def default_class(read: Reader, resource: str) -> str | None:
    """The newest of those that are marked; of equally new ones the first by name."""
    marks = _MARKS[resource]
    marked = [found for found in read.list(resource) if _is_marked(found, marks)]
    marked.sort(key=lambda found: str(found["metadata"]["name"]))
    marked.sort(key=lambda found: str(found["metadata"]["creationTimestamp"]), reverse=True)
    return marked[0]["metadata"]["name"] if marked else None


def _is_marked(obj: Object, marks: tuple[str, ...]) -> bool:
    annotations = annotations_of(obj)
    return any(annotations.get(mark) == "true" for mark in marks)


def _admit_claim(attributes: Attributes, claim: Object) -> Object:
    if class_of(claim) is not None:
        return claim
    name = default_class(attributes.read, STORAGE)
    return claim if name is None else replaced(claim, ("spec", "storageClassName"), name)


def _admit_ingress(attributes: Attributes, ingress: Object) -> Object:
    spec = ingress.get("spec") or {}
    if spec.get("ingressClassName") is not None or _INGRESS_ANNOTATION in annotations_of(ingress):
        return ingress
    name = default_class(attributes.read, INGRESS)
    return ingress if name is None else replaced(ingress, ("spec", "ingressClassName"), name)


STORAGE_PLUGINS = (
    Plugin("DefaultStorageClass", {"persistentvolumeclaims": ("CREATE",)}, admit=_admit_claim),
)
INGRESS_PLUGINS = (
    Plugin("DefaultIngressClass", {"ingresses.networking.k8s.io": ("CREATE",)}, admit=_admit_ingress),
)
