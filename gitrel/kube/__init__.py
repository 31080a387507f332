"""Pure helpers on Kubernetes-shaped dicts. Nothing here reads time, files or the network."""
