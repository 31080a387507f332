"""A kubeconfig: all that a client needs to reach a cluster and be trusted by it, in one file."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import yaml

from gitrel.cluster.server.certificates import Pair

ADMIN = "kubernetes-admin"
ADMIN_GROUPS = ("system:masters",)


def document(name: str, url: str, authority: bytes, admin: Pair) -> dict[str, Any]:
    """The cluster, its administrator, and the context of both, all called after the cluster."""
    known_as = f"gitrel-{name}"
    user = {
        "client-certificate-data": b64encode(admin.certificate).decode(),
        "client-key-data": b64encode(admin.key).decode(),
    }
    cluster = {"server": url, "certificate-authority-data": b64encode(authority).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": known_as, "cluster": cluster}],
        "users": [{"name": known_as, "user": user}],
        "contexts": [{"name": known_as, "context": {"cluster": known_as, "user": known_as}}],
        "current-context": known_as,
        "preferences": {},
    }


def text(name: str, url: str, authority: bytes, admin: Pair) -> str:
    written: str = yaml.dump(document(name, url, authority, admin), Dumper=yaml.CSafeDumper, sort_keys=False)
    return written
