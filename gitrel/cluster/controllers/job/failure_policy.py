"""`podFailurePolicy`: what a failed pod means for its Job, by exit code or by condition.

The first rule that matches decides (Kubernetes `pkg/controller/job/pod_failure_policy.go`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gitrel.kube.identity import Object


class Match(NamedTuple):
    """`action` is None where no rule matched: the failure then simply counts."""

    action: str | None = None
    message: str = ""

    @property
    def counts(self) -> bool:
        return self.action != "Ignore"


def match_policy(policy: Mapping[str, Any] | None, pod: Object) -> Match:
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        if (codes := rule.get("onExitCodes")) and (found := _failed_container(codes, pod)):
            exit_code = found["state"]["terminated"]["exitCode"]
            where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            said = f"Container {found['name']} for pod {where} failed with exit code {exit_code}"
            return Match(action, f"{said} matching {action} rule at index {index}")
        if (patterns := rule.get("onPodConditions")) and (type_ := _matching_condition(patterns, pod)):
            where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            return Match(action, f"Pod {where} has condition {type_} matching {action} rule at index {index}")
    return Match()


def _failed_container(codes: Mapping[str, Any], pod: Object) -> Mapping[str, Any] | None:
    """The first container, regular ones before init containers, whose exit code the rule is about.

    Zero never matches, not even `NotIn`: the rule is about failures.
    """
    for status in _container_statuses(pod):
        exit_code = ((status.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        named = codes.get("containerName")
        if exit_code == 0 or (named is not None and status["name"] != named):
            continue
        if (exit_code in codes["values"]) == (codes["operator"] == "In"):
            return status
    return None


def _container_statuses(pod: Object) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status") or {}
    yield from status.get("containerStatuses") or ()
    yield from status.get("initContainerStatuses") or ()


def _matching_condition(patterns: list[Mapping[str, Any]], pod: Object) -> str | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        for pattern in patterns:
            if (condition["type"], condition["status"]) == (pattern["type"], pattern.get("status", "True")):
                type_: str = condition["type"]
                return type_
    return None
