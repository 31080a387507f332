"""Container runtimes: what happens inside a container, as the kubelet sees it from outside."""
