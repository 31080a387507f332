"""Roles and bindings (`pkg/apis/rbac/v1/defaults.go`, `pkg/apis/rbac/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.identity import Object

GROUP = "rbac.authorization.k8s.io"
_V1 = f"{GROUP}/v1"


def _validate_rules(namespaced: bool) -> Callable[[Object], Iterable[FieldError]]:
    def validate(obj: Object) -> Iterator[FieldError]:
        for index, rule in enumerate(obj.get("rules") or ()):
            yield from _rule_errors(rule, f"rules[{index}]", namespaced)
        selectors = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors")
        if obj.get("aggregationRule") is not None and not selectors:
            yield required(
                "aggregationRule.clusterRoleSelectors",
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            )
        for index, selector in enumerate(selectors or ()):
            yield from checks.label_selector(selector, f"aggregationRule.clusterRoleSelectors[{index}]")

    return validate


def _rule_errors(rule: Mapping[str, Any], at: str, namespaced: bool) -> Iterator[FieldError]:
    if not rule.get("verbs"):
        yield required(f"{at}.verbs", "verbs must contain at least one value")
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            says = "namespaced rules cannot apply to non-resource URLs"
            yield invalid_value(f"{at}.nonResourceURLs", urls, says)
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            says = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid_value(f"{at}.nonResourceURLs", urls, says)
        return
    if not rule.get("apiGroups"):
        yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield required(f"{at}.resources", "resource rules must supply at least one resource")


def default_binding(obj: Object) -> Object:
    obj = changed(obj, "roleRef", lambda ref: ref if ref.get("apiGroup") else {**ref, "apiGroup": GROUP})
    return changed(obj, "subjects", each(_default_subject))


def _default_subject(subject: Object) -> Object:
    return filled(subject, {"apiGroup": GROUP}) if subject.get("kind") in ("User", "Group") else subject


def _validate_binding(namespaced: bool) -> Callable[[Object], Iterable[FieldError]]:
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)

    def validate(obj: Object) -> Iterator[FieldError]:
        ref = obj.get("roleRef") or {}
        if ref.get("apiGroup") != GROUP:
            yield unsupported("roleRef.apiGroup", ref.get("apiGroup") or "", [GROUP])
        if ref.get("kind") not in kinds:
            yield unsupported("roleRef.kind", ref.get("kind") or "", kinds)
        yield from checks.named(ref.get("name"), "path", "roleRef.name")
        for index, subject in enumerate(obj.get("subjects") or ()):
            yield from _subject_errors(subject, f"subjects[{index}]", namespaced)

    return validate


def _subject_errors(subject: Mapping[str, Any], at: str, namespaced: bool) -> Iterator[FieldError]:
    name, group = subject.get("name") or "", subject.get("apiGroup") or ""
    if not name:
        yield required(f"{at}.name")
    match subject.get("kind"):
        case "ServiceAccount":
            for problem in name_problems(name, "subdomain") if name else ():
                yield invalid_value(f"{at}.name", name, problem)
            if group:
                yield unsupported(f"{at}.apiGroup", group, [""])
            if not namespaced and not subject.get("namespace"):
                yield required(f"{at}.namespace")
        case "User" | "Group":
            if group != GROUP:
                yield unsupported(f"{at}.apiGroup", group, [GROUP])
        case other:
            yield unsupported(f"{at}.kind", other or "", ["ServiceAccount", "User", "Group"])


def validate_binding_update(new: Object, old: Object) -> Iterator[FieldError]:
    if new.get("roleRef") != old.get("roleRef"):
        yield invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")


def _role(plural: str, kind: str, namespaced: bool) -> Kind:
    return Kind(
        f"{plural}.{GROUP}", _V1, kind, namespaced=namespaced, name_rule="path",
        default=lambda obj: obj if "rules" in obj else {**obj, "rules": None},
        validate=_validate_rules(namespaced),
    )  # fmt: skip


def _binding(plural: str, kind: str, namespaced: bool) -> Kind:
    return Kind(
        f"{plural}.{GROUP}", _V1, kind, namespaced=namespaced, name_rule="path", default=default_binding,
        validate=_validate_binding(namespaced), validate_update=validate_binding_update,
    )  # fmt: skip


KINDS = (
    _role("roles", "Role", namespaced=True),
    _role("clusterroles", "ClusterRole", namespaced=False),
    _binding("rolebindings", "RoleBinding", namespaced=True),
    _binding("clusterrolebindings", "ClusterRoleBinding", namespaced=False),
)
