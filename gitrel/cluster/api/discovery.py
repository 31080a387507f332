"""Discovery: what a server offers, in the old documents (one a version) and in the aggregated ones.

All of it follows from the scheme, so a kind that is added is found at once. The shapes are those of
apiserver `pkg/endpoints/discovery` and `discovery/aggregated`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

_NOT_COLLECTIVELY = frozenset(("namespaces",))
"""Resources that the API server does not delete as a collection."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """One path below an object: what it takes or gives, and how. An empty `api_version` is the parent's."""

    name: str
    kind: str
    verbs: Sequence[str]
    api_version: str = ""


_CHANGED = ("get", "patch", "update")
_STREAMED = ("create", "get")
_PROXIED = ("create", "delete", "get", "patch", "update")
_OF = {
    "pods": (
        Subresource("attach", "PodAttachOptions", _STREAMED),
        Subresource("binding", "Binding", ("create",)),
        Subresource("eviction", "Eviction", ("create",), "policy/v1"),
        Subresource("exec", "PodExecOptions", _STREAMED),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", _STREAMED),
        Subresource("proxy", "PodProxyOptions", _PROXIED),
    ),
    "serviceaccounts": (Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io/v1"),),
    "nodes": (Subresource("proxy", "NodeProxyOptions", _PROXIED),),
    "services": (Subresource("proxy", "ServiceProxyOptions", _PROXIED),),
    "namespaces": (Subresource("finalize", "Namespace", ("update",)),),
}


def subresources(kind: Kind) -> Sequence[Subresource]:
    """In order of their names."""
    found = list(_OF.get(kind.resource, ()))
    found += [Subresource(name, kind.kind, _CHANGED) for name in kind.subresources if name != "status"]
    if kind.scale:
        found.append(Subresource("scale", "Scale", _CHANGED, "autoscaling/v1"))
    if kind.status:
        found.append(Subresource("status", kind.kind, _CHANGED))
    return sorted(found, key=lambda sub: sub.name)


def verbs(kind: Kind) -> Sequence[str]:
    if kind.resource in _NOT_COLLECTIVELY:
        return [verb for verb in kind.verbs if verb != "deletecollection"]
    return kind.verbs


def versions(kinds: Iterable[Kind]) -> Mapping[str, Sequence[Kind]]:
    """apiVersion → its kinds in order of their names; the core first, then groups, newest versions first.

    A kind that is read in several versions stands under each of them, as it is called there.
    """
    seen = [face for kind in kinds for face in _faces(kind)]
    found: dict[str, list[Kind]] = {}
    for kind in sorted(seen, key=lambda kind: (kind.group, _age(kind.api_version), kind.plural)):
        found.setdefault(kind.api_version, []).append(kind)
    return found


def _faces(kind: Kind) -> Iterator[Kind]:
    yield kind
    for version in kind.served:
        yield replace(kind, resource=version.resource, api_version=version.api_version, served=())


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?\Z", re.ASCII)


def _age(api_version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions: stable before beta before alpha, the higher number first."""
    name = api_version.rpartition("/")[2]
    found = _VERSION.match(name)
    if found is None:
        return (3, 0, 0, name)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0), name)


def core_versions() -> Object:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [],
    }


def groups(kinds: Iterable[Kind]) -> Object:
    """`/apis`."""
    found = [_group(name, of) for name, of in _by_group(kinds).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(kinds: Iterable[Kind], name: str) -> Object | None:
    """`/apis/<name>`; None for a group that is not served."""
    of = _by_group(kinds).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, of)} if name and of else None


def _by_group(kinds: Iterable[Kind]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for api_version, of in versions(kinds).items():
        found.setdefault(of[0].group, []).append(api_version)
    return found


def _group(name: str, api_versions: Sequence[str]) -> dict[str, Any]:
    rows = [{"groupVersion": v, "version": v.rpartition("/")[2]} for v in api_versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def resources(kinds: Iterable[Kind], api_version: str) -> Object | None:
    """`/apis/<group>/<version>`; None for a version that is not served."""
    of = versions(kinds).get(api_version)
    if of is None:
        return None
    rows = [row for kind in of for row in _rows(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": rows}


def _rows(kind: Kind) -> Iterator[dict[str, Any]]:
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(verbs(kind)),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    yield {**row, "storageVersionHash": _storage_hash(kind)}
    for sub in subresources(kind):
        below = {"name": f"{kind.plural}/{sub.name}", "singularName": "", "namespaced": kind.namespaced}
        yield {**below, **_version_of(sub), "kind": sub.kind, "verbs": list(sub.verbs)}


def _version_of(sub: Subresource) -> dict[str, str]:
    if not sub.api_version:
        return {}
    group_name, _, version = sub.api_version.rpartition("/")
    return {"group": group_name, "version": version}


def _storage_hash(kind: Kind) -> str:
    version = kind.api_version.rpartition("/")[2]
    return b64encode(sha256(f"{kind.group}/{version}/{kind.kind}".encode()).digest()[:8]).decode()


def aggregated(kinds: Iterable[Kind], *, core: bool, version: str = "v2") -> Object:
    """Everything at once: `/api` (the core) or `/apis` (the groups), as apidiscovery.k8s.io."""
    by_version = versions(kinds)
    items = []
    for name, api_versions in _by_group(kinds).items():
        if core == (not name):
            rows = [
                {
                    "version": v.rpartition("/")[2],
                    "resources": [_aggregated_row(kind) for kind in by_version[v]],
                    "freshness": "Current",
                }
                for v in api_versions
            ]
            metadata = {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None}
            items.append({"metadata": metadata, "versions": rows})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated_row(kind: Kind) -> dict[str, Any]:
    row: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind.api_version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(verbs(kind)),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    below = [
        {
            "subresource": sub.name,
            "responseKind": _response_kind(sub.api_version or kind.api_version, sub.kind),
            "verbs": list(sub.verbs),
        }
        for sub in subresources(kind)
    ]
    return {**row, "subresources": below} if below else row


def _response_kind(api_version: str, kind: str) -> dict[str, str]:
    group_name, _, version = api_version.rpartition("/")
    return {"group": group_name, "version": version, "kind": kind}
