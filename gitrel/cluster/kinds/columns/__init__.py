"""What `kubectl get` prints of each kind: a file a family, the shared words in printing.py."""
