"""The tables of rules: budgets, limits, roles, priorities, certificates, admission and fairness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.kinds.columns.printing import (
    AGE,
    CREATED,
    NAME,
    NONE,
    UNSET,
    Column,
    Columns,
    boolean,
    field,
    human_duration,
    number,
)
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

BUDGETS = Columns(
    (
        NAME,
        Column("Min Available", field("spec", "minAvailable", default="N/A"), "At least this many."),
        Column("Max Unavailable", field("spec", "maxUnavailable", default="N/A"), "At most this many."),
        Column("Allowed Disruptions", number("status", "disruptionsAllowed"), "Now.", "integer"),
        AGE,
    )
)
NAMED = Columns((NAME, CREATED))


def _quota(limits: bool) -> Callable[[Object, datetime], str]:
    def cell(quota: Object, now: datetime) -> str:
        hard: Mapping[str, Any] = get(quota, "status", "hard", default={})
        used: Mapping[str, Any] = get(quota, "status", "used", default={})
        names = [name for name in sorted(hard) if name.startswith("limits.") is limits]
        return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names)

    return cell


QUOTAS = Columns(
    (
        NAME,
        Column("Request", _quota(limits=False), "What is used, of what may be."),
        Column("Limit", _quota(limits=True), "Limits that are set, of those that may be."),
        AGE,
    )
)


def _subjects(kind: str) -> Callable[[Object, datetime], str]:
    def cell(binding: Object, now: datetime) -> str:
        rows = [row for row in binding.get("subjects") or () if row.get("kind") == kind]
        prefixed = kind == "ServiceAccount"
        return ", ".join(f"{row.get('namespace', '')}/" * prefixed + row["name"] for row in rows)

    return cell


def _role(binding: Object, now: datetime) -> str:
    role = binding.get("roleRef") or {}
    return f"{role.get('kind', '')}/{role.get('name', '')}"


BINDINGS = Columns(
    (
        NAME,
        Column("Role", _role, "What it gives."),
        AGE,
        Column("Users", _subjects("User"), "To whom.", wide=True),
        Column("Groups", _subjects("Group"), "To whom.", wide=True),
        Column("ServiceAccounts", _subjects("ServiceAccount"), "To whom.", wide=True),
    )
)
PRIORITIES = Columns(
    (
        NAME,
        Column("Value", number("value"), "Higher is more important.", "integer"),
        Column("Global-Default", boolean("globalDefault"), "For pods that name none."),
        AGE,
        Column("PreemptionPolicy", field("preemptionPolicy", default=""), "Whether it drives out others."),
    )
)
RUNTIMES = Columns((NAME, Column("Handler", field("handler", default=""), "Who runs its pods."), AGE))


def _condition(request: Object, now: datetime) -> str:
    types = {row.get("type") for row in get(request, "status", "conditions", default=())}
    words = [word for word in ("Denied", "Approved", "Failed") if word in types]
    if "Denied" in words and "Approved" in words:
        words.remove("Approved")
    issued = ["Issued"] if get(request, "status", "certificate") else []
    return ",".join([*words, *issued]) or "Pending"


def _duration(request: Object, now: datetime) -> str:
    seconds = get(request, "spec", "expirationSeconds")
    return NONE if seconds is None else human_duration(timedelta(seconds=seconds))


SIGNING_REQUESTS = Columns(
    (
        NAME,
        AGE,
        Column("SignerName", field("spec", "signerName", default=NONE), "Who is to sign."),
        Column("Requestor", field("spec", "username", default=""), "Who asks."),
        Column("RequestedDuration", _duration, "For how long."),
        Column("Condition", _condition, "How it stands."),
    )
)


def _count(*path: str) -> Callable[[Object, datetime], int]:
    return lambda obj, now: len(get(obj, *path, default=()))


WEBHOOKS = Columns((NAME, Column("Webhooks", _count("webhooks"), "How many.", "integer"), AGE))


def _param_kind(policy: Object, now: datetime) -> str:
    kind = get(policy, "spec", "paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


def _param(binding: Object, now: datetime) -> str:
    ref = get(binding, "spec", "paramRef")
    if not ref:
        return UNSET
    return f"{ref['namespace']}/{ref.get('name', '*')}" if ref.get("namespace") else str(ref.get("name", "*"))


_PARAM_KIND = Column("ParamKind", _param_kind, "What it is configured by.")
VALIDATING_POLICIES = Columns(
    (NAME, Column("Validations", _count("spec", "validations"), "Rules.", "integer"), _PARAM_KIND, AGE)
)
MUTATING_POLICIES = Columns(
    (NAME, Column("Mutations", _count("spec", "mutations"), "Changes.", "integer"), _PARAM_KIND, AGE)
)
POLICY_BINDINGS = Columns(
    (
        NAME,
        Column("PolicyName", field("spec", "policyName", default=""), "What it puts in force."),
        Column("ParamRef", _param, "With which parameters."),
        AGE,
    )
)
FLOW_SCHEMAS = Columns(
    (
        NAME,
        Column("PriorityLevel", field("spec", "priorityLevelConfiguration", "name"), "Its level."),
        Column("MatchingPrecedence", number("spec", "matchingPrecedence"), "Lower is first.", "integer"),
        Column("DistinguisherMethod", field("spec", "distinguisherMethod", "type"), "What a flow is."),
        AGE,
        Column("MissingPL", lambda o, now: _missing_level(o), "Whether its level is not there."),
    )
)


def _missing_level(schema: Object) -> str:
    rows = get(schema, "status", "conditions", default=())
    return next((row.get("status", "?") for row in rows if row.get("type") == "Dangling"), "?")


def _limited(*path: str) -> Callable[[Object, datetime], Any]:
    return field("spec", "limited", "limitResponse", "queuing", *path)


PRIORITY_LEVELS = Columns(
    (
        NAME,
        Column("Type", field("spec", "type", default=""), "Exempt or Limited."),
        Column(
            "NominalConcurrencyShares", field("spec", "limited", "nominalConcurrencyShares"), "Its share."
        ),
        Column("Queues", _limited("queues"), "How many."),
        Column("HandSize", _limited("handSize"), "Queues that a flow may use."),
        Column("QueueLengthLimit", _limited("queueLengthLimit"), "Requests that may wait in one."),
        AGE,
    )
)
