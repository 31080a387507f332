"""Validation of what a pod says of its surroundings: affinity, names of hosts, DNS, kernel settings, gates.

The checks of `pkg/apis/core/validation/validation.go`, with its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems

_SYSCTL_MAX = 253
_SYSCTL_SAYS = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_SYSCTL = re.compile(_SYSCTL_SAYS.removesuffix("$") + r"\Z", re.ASCII)
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def surroundings_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    affinity = spec.get("affinity") or {}
    yield from _node_affinity_errors(affinity.get("nodeAffinity") or {}, f"{at}.affinity.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        yield from _pod_affinity_errors(affinity.get(key) or {}, f"{at}.affinity.{key}")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from _alias_errors(alias, f"{at}.hostAliases[{index}]")
    for index, address in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from _ip_errors(address, f"{at}.dnsConfig.nameservers[{index}]")
    for index, option in enumerate((spec.get("dnsConfig") or {}).get("options") or ()):
        if not option.get("name"):
            yield required(f"{at}.dnsConfig.options[{index}]", "must not be empty")
    for index, setting in enumerate((spec.get("securityContext") or {}).get("sysctls") or ()):
        yield from _sysctl_errors(setting.get("name") or "", f"{at}.securityContext.sysctls[{index}].name")
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        named = gate.get("conditionType") or ""
        for problem in qualified_name_problems(named):
            yield invalid_value(f"{at}.readinessGates[{index}].conditionType", named, problem)


def _alias_errors(alias: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from _ip_errors(alias.get("ip") or "", f"{at}.ip")
    for index, name in enumerate(alias.get("hostnames") or ()):
        for problem in name_problems(name, "subdomain"):
            yield invalid_value(f"{at}.hostnames[{index}]", name, problem)


def _ip_errors(address: str, at: str) -> Iterator[FieldError]:
    try:
        ip_address(address)
    except ValueError:
        says = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid_value(at, address, says)


def _sysctl_errors(name: str, at: str) -> Iterator[FieldError]:
    if not name:
        yield required(at)
    elif len(name) > _SYSCTL_MAX or _SYSCTL.match(name) is None:
        says = f"must have at most {_SYSCTL_MAX} characters and match regex {_SYSCTL_SAYS}"
        yield invalid_value(at, name, says)


def _node_affinity_errors(affinity: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    demanded = affinity.get(_REQUIRED)
    if demanded is not None:
        terms = demanded.get("nodeSelectorTerms") or ()
        if not terms:
            says = "must have at least one node selector term"
            yield required(f"{at}.{_REQUIRED}.nodeSelectorTerms", says)
        for index, term in enumerate(terms):
            yield from _term_errors(term, f"{at}.{_REQUIRED}.nodeSelectorTerms[{index}]")
    for index, row in enumerate(affinity.get(_PREFERRED) or ()):
        yield from _weight_errors(row, f"{at}.{_PREFERRED}[{index}]")
        yield from _term_errors(row.get("preference") or {}, f"{at}.{_PREFERRED}[{index}].preference")


def _term_errors(term: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for index, row in enumerate(term.get("matchExpressions") or ()):
        yield from _expression_errors(row, f"{at}.matchExpressions[{index}]")


def _expression_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    operator, values = row.get("operator") or "", row.get("values") or ()
    if operator in ("In", "NotIn") and not values:
        yield required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        says = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield FieldError("FieldValueForbidden", f"{at}.values", f"Forbidden: {says}")
    elif operator in ("Gt", "Lt") and len(values) != 1:
        yield required(f"{at}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator not in _OPERATORS:
        yield invalid_value(f"{at}.operator", operator, "not a valid selector operator")
    for problem in qualified_name_problems(row.get("key") or ""):
        yield invalid_value(f"{at}.key", row.get("key") or "", problem)


def _pod_affinity_errors(affinity: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from _pod_terms(affinity.get(_REQUIRED) or (), f"{at}.{_REQUIRED}")
    for index, row in enumerate(affinity.get(_PREFERRED) or ()):
        yield from _weight_errors(row, f"{at}.{_PREFERRED}[{index}]")
        term = row.get("podAffinityTerm") or {}
        yield from _pod_term_errors(term, f"{at}.{_PREFERRED}[{index}].podAffinityTerm")


def _pod_terms(terms: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    for index, term in enumerate(terms):
        yield from _pod_term_errors(term, f"{at}[{index}]")


def _pod_term_errors(term: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from checks.label_selector(term.get("labelSelector"), f"{at}.labelSelector")
    yield from checks.label_selector(term.get("namespaceSelector"), f"{at}.namespaceSelector")
    for index, namespace in enumerate(term.get("namespaces") or ()):
        for problem in name_problems(namespace, "label"):
            yield invalid_value(f"{at}.namespaces[{index}]", namespace, problem)
    key = term.get("topologyKey") or ""
    if not key:
        yield required(f"{at}.topologyKey", "can not be empty")
    for problem in qualified_name_problems(key):
        yield invalid_value(f"{at}.topologyKey", key, problem)


def _weight_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    weight = row.get("weight") or 0
    if not 1 <= weight <= 100:
        yield invalid_value(f"{at}.weight", weight, "must be in the range 1-100")
