"""gitrel releases software to many Kubernetes clusters, region by region, from files in Git."""

__version__ = "0.1.0"
