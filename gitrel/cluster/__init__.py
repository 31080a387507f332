"""The bundled Kubernetes: API, controllers, scheduler and kubelet in one process, on a clock of its own."""
