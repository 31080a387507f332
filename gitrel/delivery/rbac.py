"""The rights that gitrel needs on one environment's cluster, computed from what is released there.

Nothing is asked for that is not used: a kind that no release has gets no rule, protected kinds get no right
to be deleted where they may not be pruned, and the rights that a release's own roles hand on are asked for as
they are, because Kubernetes lets nobody grant what they do not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitrel.delivery.hooks import is_hook
from gitrel.delivery.prune import DELETE, PROTECTED
from gitrel.kube import resources
from gitrel.kube.directives import PRUNE, directives_of
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, Ref, annotations_of
from gitrel.render.manifest import Manifest, Rendered

GROUP = "rbac.authorization.k8s.io"
CLUSTER = ""
"""Stands for the whole cluster where a namespace is asked for."""
READ = ("get", "list", "watch")
WRITE = ("create", "patch")
"""Server-side apply patches, and creates what is not there; a dry run needs the same."""
_VERBS = (*READ, *WRITE, "delete", "bind", "escalate")
_ROLES = {"Role": "roles", "ClusterRole": "clusterroles"}
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One rule of a role. `names` are resource names, empty for all; `urls` are non-resource URLs."""

    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def to_object(self) -> dict[str, list[str]]:
        fields = {
            "apiGroups": self.groups,
            "resources": self.resources,
            "nonResourceURLs": self.urls,
            "verbs": self.verbs,
            "resourceNames": self.names,
        }
        return {key: list(values) for key, values in fields.items() if values}


@dataclass(frozen=True, slots=True)
class Rights:
    """What one environment needs: rules by namespace, `CLUSTER` for those of the whole cluster.

    `guessed` are kinds whose resource is not known from any definition; `handed_on` says which roles' rights
    are among the rules, and which roles may be bound or written without holding their rights.
    """

    environment: str
    rules: Mapping[str, tuple[Rule, ...]]
    guessed: tuple[str, ...] = ()
    handed_on: tuple[str, ...] = ()

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(name for name in self.rules if name != CLUSTER)


@dataclass(slots=True)
class _Wanted:
    """Rights while they are collected: (scope, group, resource, names) → verbs, and rules as they stand."""

    verbs: dict[tuple[str, str, str, tuple[str, ...]], set[str]] = field(default_factory=dict)
    as_written: dict[str, list[Rule]] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    handed_on: set[str] = field(default_factory=set)

    def add(
        self, scope: str, group: str, resource: str, verbs: Iterable[str], names: tuple[str, ...] = ()
    ) -> None:
        self.verbs.setdefault((scope, group, resource, names), set()).update(verbs)


def rights(
    environment: str,
    releases: Iterable[Rendered],
    prune_kinds: Mapping[str, Iterable[str]],
    definitions: Mapping[tuple[str, str], str],
    *,
    escalate: bool = False,
) -> Rights:
    """The rights for applying, watching and pruning all of `releases` in one environment.

    `prune_kinds` are the protected kinds that each component may delete; `definitions` names the resources of
    custom kinds (`kube.resources.defined`). With `escalate`, roles are granted by the verbs `escalate` and
    `bind`, by name, instead of by holding what they grant.
    """
    releases = tuple(releases)
    wanted = _Wanted()
    namespaces = sorted({release.namespace for release in releases})
    wanted.add(CLUSTER, "", "namespaces", ("get",), ("kube-system", *namespaces))
    for namespace in namespaces:
        # The inventories, and what explains why something is not well.
        wanted.add(namespace, "", "configmaps", (*READ, *WRITE))
        wanted.add(namespace, "", "events", ("list",))
    manifests = [(release, manifest) for release in releases for manifest in release.manifests]
    known = {manifest.ref for _, manifest in manifests}
    for release, manifest in manifests:
        allowed = frozenset(prune_kinds.get(release.component, ()))
        _for_object(wanted, manifest, allowed, definitions)
        if manifest.ref.group == GROUP:
            _for_roles(wanted, manifest, known, escalate)
    return _settled(environment, wanted)


def _for_object(
    wanted: _Wanted,
    manifest: Manifest,
    allowed: frozenset[str],
    definitions: Mapping[tuple[str, str], str],
) -> None:
    ref, obj = manifest.ref, manifest.object
    resource = definitions.get((ref.group, ref.kind))
    if resource is None:
        resource = resources.guessed(ref.kind)
        if not resources.is_built_in(ref.group):
            wanted.guessed.add(f"{ref.kind}.{ref.group}")
    verbs = [*READ, *WRITE]
    if _may_go(ref, obj, allowed):
        verbs.append("delete")
    wanted.add(ref.namespace, ref.group, resource, verbs)
    if isinstance(get(obj, "spec", "template"), Mapping) or get(obj, "spec", "jobTemplate"):
        wanted.add(ref.namespace, "", "pods", READ)
    if is_hook(obj):
        wanted.add(ref.namespace, "batch", "jobs", ("delete",))


def _may_go(ref: Ref, obj: Mapping[str, Any], allowed: frozenset[str]) -> bool:
    """Whether gitrel may ever delete the object: to prune it, or to make it anew."""
    if (ref.group, ref.kind) not in PROTECTED:
        return True
    says = annotations_of(obj).get(PRUNE) == DELETE or directives_of(obj).recreate
    return says or ref.kind in allowed


def _for_roles(wanted: _Wanted, manifest: Manifest, known: set[Ref], escalate: bool) -> None:
    """What writing a role or a binding takes beyond writing an object."""
    ref, obj = manifest.ref, manifest.object
    if ref.kind in _ROLES:
        if escalate or obj.get("aggregationRule"):
            # Nobody can hold what an aggregated role will come to grant.
            wanted.add(ref.namespace, GROUP, _ROLES[ref.kind], ("escalate",), (ref.name,))
            wanted.handed_on.add(f"{ref} may be given any rights (escalate)")
            return
        for rule in obj.get("rules") or ():
            wanted.as_written.setdefault(ref.namespace, []).append(_rule(rule))
        wanted.handed_on.add(f"{ref} hands on the rights in it, so gitrel holds them")
    if ref.kind in _BINDINGS:
        kind, name = str(get(obj, "roleRef", "kind")), str(get(obj, "roleRef", "name"))
        role = Ref(GROUP, kind, ref.namespace if kind == "Role" else "", name)
        if kind in _ROLES and (escalate or role not in known):
            wanted.add(ref.namespace, GROUP, _ROLES[kind], ("bind",), (name,))
            wanted.handed_on.add(f"{role} may be bound without holding its rights (bind), for {ref}")


def _rule(written: Mapping[str, Any]) -> Rule:
    def texts(key: str) -> tuple[str, ...]:
        return tuple(map(str, written.get(key) or ()))

    return Rule(
        texts("apiGroups"),
        texts("resources"),
        texts("verbs"),
        texts("resourceNames"),
        texts("nonResourceURLs"),
    )


def _settled(environment: str, wanted: _Wanted) -> Rights:
    """Resources with the same verbs share a rule; everything in an order of its own."""
    by_scope: dict[str, dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]]] = {}
    for (scope, group, resource, names), verbs in wanted.verbs.items():
        ordered = tuple(verb for verb in _VERBS if verb in verbs)
        by_scope.setdefault(scope, {}).setdefault((group, ordered, names), []).append(resource)
    rules = {}
    for scope in sorted(by_scope.keys() | wanted.as_written.keys()):
        own = [
            Rule((group,), tuple(sorted(found)), verbs, names)
            for (group, verbs, names), found in by_scope.get(scope, {}).items()
        ]
        rules[scope] = (*sorted(own), *dict.fromkeys(wanted.as_written.get(scope, ())))
    return Rights(environment, rules, tuple(sorted(wanted.guessed)), tuple(sorted(wanted.handed_on)))


def objects(needed: Rights, account: tuple[str, str]) -> Iterator[Object]:
    """What to apply so that the service account (namespace, name) has these rights and no others.

    Namespaces are made by it too: a role can only be where its namespace is.
    """
    space, user = account
    name = f"gitrel-{needed.environment}"
    for namespace in sorted({space, *needed.namespaces}):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": user, "namespace": space}}
    subjects = [{"kind": "ServiceAccount", "name": user, "namespace": space}]
    for scope, rules in needed.rules.items():
        kind = "Role" if scope else "ClusterRole"
        metadata = {"name": name, "namespace": scope} if scope else {"name": name}
        yield {
            "apiVersion": f"{GROUP}/v1",
            "kind": kind,
            "metadata": metadata,
            "rules": [rule.to_object() for rule in rules],
        }
        yield {
            "apiVersion": f"{GROUP}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
            "subjects": subjects,
        }
