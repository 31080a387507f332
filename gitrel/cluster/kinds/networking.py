"""Services, their endpoints, Ingresses and autoscalers."""

from __future__ import annotations

from gitrel.cluster.kinds.kind import Kind, spec_of

KINDS = (
    Kind(
        "services", "v1", "Service", short_names=("svc",), categories=("all",), status=True,
        name_rule="service",
    ),
    Kind("endpointslices.discovery.k8s.io", "discovery.k8s.io/v1", "EndpointSlice"),
    Kind(
        "ingresses.networking.k8s.io", "networking.k8s.io/v1", "Ingress", short_names=("ing",), status=True,
        counted=spec_of,
    ),
    Kind(
        "horizontalpodautoscalers.autoscaling", "autoscaling/v2", "HorizontalPodAutoscaler",
        short_names=("hpa",), categories=("all",), status=True,
    ),
)  # fmt: skip
