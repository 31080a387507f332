"""`successPolicy`: when an Indexed Job has succeeded before all of its indexes have.

Kubernetes `pkg/controller/job/success_policy.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.controllers.job import indexes


def match_policy(policy: Mapping[str, Any] | None, completions: int, succeeded: frozenset[int]) -> str | None:
    """What to say of the first rule that is met; None where none is."""
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        if succeeded and _is_met(rule, completions, succeeded):
            return f"Matched rules at index {index}"
    return None


def _is_met(rule: Mapping[str, Any], completions: int, succeeded: frozenset[int]) -> bool:
    """Named indexes have all to succeed, or as many of them as the count says."""
    named, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if named is None:
        return count is not None and len(succeeded) >= count
    required = indexes.parse(named, completions)
    return len(required & succeeded) >= (len(required) if count is None else count)
