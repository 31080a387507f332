"""Which writes a rule means: operations, groups, versions, resources, scope, and the selectors beside them.

Webhooks and policies share it (apiserver `pkg/admission/plugin/webhook/predicates`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.plugin import Attributes, Operation
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube import selectors
from gitrel.kube.identity import Object, group_of
from gitrel.kube.selectors import Selector

Rule = Mapping[str, Any]
CONFIGURATION_GROUP = "admissionregistration.k8s.io"
EXEMPT = frozenset(
    f"{plural}.{CONFIGURATION_GROUP}"
    for plural in (
        "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies",
        "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
    )
)  # fmt: skip
"""Never intercepted: else a broken configuration could not be repaired."""


class Place(NamedTuple):
    """A resource in one version, as a rule names it; `kind` is that of its objects."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def place(resource: str, api_version: str, kind: str) -> Place:
    return Place(group_of(api_version), api_version.rpartition("/")[2], resource.partition(".")[0], kind)


def places(kind: Kind) -> Iterator[Place]:
    """Every version in which the same objects are served."""
    if kind.custom:
        yield from (place(kind.resource, version, kind.kind) for version in kind.custom)
        return
    yield place(kind.resource, kind.api_version, kind.kind)
    yield from (place(other.resource, other.api_version, kind.kind) for other in kind.served)


def asked_place(attributes: Attributes) -> Place:
    """The resource as the request named it."""
    kind, version = attributes.kind, attributes.api_version
    resource = next((v.resource for v in kind.served if v.api_version == version), kind.resource)
    return place(resource, version, kind.kind)


@dataclass(frozen=True, slots=True)
class Match:
    """What a configuration says of the writes it is for."""

    rules: Sequence[Rule]
    excluded: Sequence[Rule]
    exact: bool
    namespaces: Selector
    objects: Selector

    @classmethod
    def of(cls, spec: Mapping[str, Any], rules: str = "resourceRules") -> Match:
        """From `matchResources`, or from a webhook, which calls its rules `rules`."""
        return cls(
            spec.get(rules) or (),
            spec.get("excludeResourceRules") or (),
            spec.get("matchPolicy") == "Exact",
            selectors.from_object(spec.get("namespaceSelector")),
            selectors.from_object(spec.get("objectSelector")),
        )

    def may_ask(self, resource: str, subresource: str, operation: Operation) -> bool:
        """Whether any write of this sort could match, whatever its version and labels."""
        plural = resource.partition(".")[0]
        return resource not in EXEMPT and any(
            _operation(rule, operation) and _resource(rule, plural, subresource) for rule in self.rules
        )

    def found(self, attributes: Attributes, obj: Object) -> Place | None:
        """The resource in the version in which it is meant, or None. Raises ApiError for a lost namespace.

        Without rules everything is meant.
        """
        if attributes.kind.resource in EXEMPT or not self._labels_match(attributes, obj):
            return None
        asked = asked_place(attributes)
        candidates = [asked]
        if not self.exact:
            candidates += [other for other in places(attributes.kind) if other != asked]
        if any(_means(rule, one, attributes) for rule in self.excluded for one in candidates):
            return None
        if not self.rules:
            return asked
        for candidate in candidates:
            if any(_means(rule, candidate, attributes) for rule in self.rules):
                return candidate
        return None

    def _labels_match(self, attributes: Attributes, obj: Object) -> bool:
        if self.namespaces and not _in_namespace(self.namespaces, attributes, obj):
            return False
        if not self.objects:
            return True
        seen = [] if attributes.operation == "DELETE" else [obj]
        if attributes.old is not None:
            seen.append(attributes.old)
        return any(selectors.matches(self.objects, _labels(one)) for one in seen if "metadata" in one)


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _in_namespace(selector: Selector, attributes: Attributes, obj: Object) -> bool:
    """Objects of no namespace are always meant; of a namespace itself its own labels count."""
    is_namespace = attributes.kind.resource == "namespaces"
    if is_namespace and not attributes.subresource and attributes.operation in ("CREATE", "UPDATE"):
        return selectors.matches(selector, _labels(obj))
    name = attributes.name if is_namespace else attributes.namespace
    if not name:
        return True
    found = attributes.read.get("namespaces", "", name)
    if found is None:
        raise errors.not_found("namespaces", name)
    return selectors.matches(selector, _labels(found))


def _means(rule: Rule, at: Place, attributes: Attributes) -> bool:
    return (
        _operation(rule, attributes.operation)
        and _any(rule.get("apiGroups"), at.group)
        and _any(rule.get("apiVersions"), at.version)
        and _resource(rule, at.plural, attributes.subresource)
        and _scope(rule.get("scope") or "*", attributes)
        and (not rule.get("resourceNames") or attributes.name in rule["resourceNames"])
    )


def _any(values: Iterable[str] | None, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or ())


def _operation(rule: Rule, operation: Operation) -> bool:
    return _any(rule.get("operations"), operation)


def _resource(rule: Rule, plural: str, subresource: str) -> bool:
    for text in rule.get("resources") or ():
        resource, _, sub = text.partition("/")
        if resource in ("*", plural) and (sub == subresource or sub == "*"):
            return True
    return False


def _scope(scope: str, attributes: Attributes) -> bool:
    clustered = attributes.kind.resource == "namespaces" or not attributes.namespace
    return scope == "*" or (scope == "Cluster") == clustered
