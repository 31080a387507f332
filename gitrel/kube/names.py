"""How things may be called: names, labels and qualified keys, with Kubernetes' own words for what is wrong.

The rules of apimachinery `pkg/util/validation/validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

NameRule = Literal["subdomain", "label", "service", "path", "any"]
"""subdomain: DNS-1123 subdomain; label: DNS-1123 label; service: DNS-1035 label; path: any path segment;
any: what can stand in a URL at all.
"""

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*\Z", re.ASCII)
_DNS_LABEL = re.compile(rf"{_LABEL}\Z", re.ASCII)
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z", re.ASCII)
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z", re.ASCII)

_SUBDOMAIN_SAYS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_SAYS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_1035_SAYS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_SAYS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_SAYS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def name_problems(name: str, rule: NameRule) -> Sequence[str]:
    """What is wrong with a name, in Kubernetes' words; empty when it is fine."""
    if rule == "any":
        return ()
    if rule == "path":
        bad = name in (".", "..") or "/" in name or "%" in name
        return ["may not be '.', '..' or contain '/' or '%'"] if bad else []
    pattern, longest, says = {
        "subdomain": (_SUBDOMAIN, 253, _SUBDOMAIN_SAYS),
        "label": (_DNS_LABEL, 63, _LABEL_SAYS),
        "service": (_DNS_1035, 63, _1035_SAYS),
    }[rule]
    problems = [f"must be no more than {longest} characters"] if len(name) > longest else []
    return problems if pattern.match(name) else [*problems, says]


def qualified_name_problems(key: str) -> Sequence[str]:
    """Label and annotation keys, finalizers: an optional DNS prefix and a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash and not _SUBDOMAIN.match(prefix):
        problems.append(f"prefix part {_SUBDOMAIN_SAYS}")
    if not name:
        return [*problems, "name part must be non-empty", f"name part {_QUALIFIED_SAYS}"]
    if len(name) > 63:
        problems.append("name part must be no more than 63 characters")
    return problems if _QUALIFIED.match(name) else [*problems, f"name part {_QUALIFIED_SAYS}"]


def label_value_problems(value: str) -> Sequence[str]:
    """What is wrong with a label's value; the empty one is fine."""
    problems = ["must be no more than 63 bytes"] if len(value) > 63 else []
    return problems if not value or _QUALIFIED.match(value) else [*problems, _VALUE_SAYS]
