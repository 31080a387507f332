"""The tables of namespaces, nodes, accounts, records, ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from gitrel.cluster.kinds.columns.printing import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Columns,
    field,
    joined,
    since,
)
from gitrel.kube.conditions import find
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

NAMESPACES = Columns((NAME, Column("Status", field("status", "phase", default=""), "Its phase."), AGE))

_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"


def _node_status(node: Object, now: datetime) -> str:
    ready = find(get(node, "status", "conditions"), "Ready")
    word = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if get(node, "spec", "unschedulable") else word


def _roles(node: Object, now: datetime) -> str:
    labels = node["metadata"].get("labels") or {}
    found = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    found |= {labels[_OLD_ROLE]} if labels.get(_OLD_ROLE) else set()
    return joined(sorted(found - {""}))


def _address(type_: str) -> Callable[[Object, datetime], str]:
    def cell(node: Object, now: datetime) -> str:
        addresses = get(node, "status", "addresses", default=())
        return next((row["address"] for row in addresses if row["type"] == type_), NONE)

    return cell


def _info(name: str, default: str = UNKNOWN) -> Callable[[Object, datetime], Any]:
    return field("status", "nodeInfo", name, default=default)


NODES = Columns(
    (
        NAME,
        Column("Status", _node_status, "Whether it can run pods."),
        Column("Roles", _roles, "What it is for."),
        AGE,
        Column(
            "Version", field("status", "nodeInfo", "kubeletVersion", default=""), "Its kubelet's version."
        ),
        Column("Internal-IP", _address("InternalIP"), "Its address in the cluster.", wide=True),
        Column("External-IP", _address("ExternalIP"), "Its address outside.", wide=True),
        Column("OS-Image", _info("osImage"), "Its operating system.", wide=True),
        Column("Kernel-Version", _info("kernelVersion"), "Its kernel.", wide=True),
        Column("Container-Runtime", _info("containerRuntimeVersion"), "What runs its containers.", wide=True),
    )
)
SERVICE_ACCOUNTS = Columns(
    (NAME, Column("Secrets", lambda o, now: len(o.get("secrets") or ()), "Secrets it names.", "string"), AGE)
)


def _data(obj: Object, now: datetime) -> str:
    return str(len(obj.get("data") or ()) + len(obj.get("binaryData") or ()))


CONFIG_MAPS = Columns((NAME, Column("Data", _data, "How many keys it holds."), AGE))
SECRETS = Columns(
    (
        NAME,
        Column("Type", field("type", default="Opaque"), "What it is for."),
        Column("Data", lambda o, now: str(len(o.get("data") or ())), "How many keys it holds."),
        AGE,
    )
)
LEASES = Columns((NAME, Column("Holder", field("spec", "holderIdentity", default=""), "Who holds it."), AGE))


def _last_seen(event: Object, now: datetime) -> str:
    series = event.get("series") or {}
    return since(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime"), now)


def _first_seen(event: Object, now: datetime) -> str:
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _about(event: Object, now: datetime) -> str:
    involved = event.get("involvedObject") or {}
    kind = str(involved.get("kind", "")).lower()
    return f"{kind}/{involved['name']}" if involved.get("name") else kind


def _source(event: Object, now: datetime) -> str:
    source = event.get("source") or {}
    parts = (source.get("component") or event.get("reportingComponent"), source.get("host"))
    return ", ".join(part for part in parts if part)


def _count(event: Object, now: datetime) -> int:
    return int(get(event, "series", "count") or event.get("count") or 1)


EVENTS = Columns(
    (
        Column("Last Seen", _last_seen, "Time since it last happened."),
        Column("Type", field("type", default=""), "Normal or Warning."),
        Column("Reason", field("reason", default=""), "Why, in a word."),
        Column("Object", _about, "What it is about."),
        Column("Subobject", field("involvedObject", "fieldPath", default=""), "Which part of it.", wide=True),
        Column("Source", _source, "Who says so.", wide=True),
        Column("Message", lambda o, now: str(o.get("message", "")).strip(), "What happened."),
        Column("First Seen", _first_seen, "Time since it first happened.", wide=True),
        Column("Count", _count, "How often it happened.", "string", wide=True),
        Column("Name", NAME.cell, NAME.about, wide=True, format="name"),
    )
)
