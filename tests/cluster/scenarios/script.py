"""The scripts' format and their commands.

A script is a list of blocks, separated by empty lines: comments (`#`), commands, `----`, and what they
printed.

    # A comment says what to look at.
    deploy web replicas=3 image=app:1
    advance 10s
    ----
    00:00:00 deployments/web asks for 3: nothing yet

Commands: `deploy NAME key=value…`, `job NAME key=value…`, `service NAME`, `set NAME key=value…` (the
Deployment's spec), `image NAME IMAGE`, `delete RESOURCE NAME [propagation]`, `advance DURATION`,
`history NAME`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gitrel.clock import parse_duration
from gitrel.cluster.controllers.controller import Change
from gitrel.kube.fields import get as field_of
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, annotations_of
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import DEPLOYMENTS, JOBS, REPLICASETS, cluster
from tests.cluster.harness import container, deployment, get

RULE = "----"
SHOWN = (DEPLOYMENTS, REPLICASETS, JOBS, "pods", "endpointslices.discovery.k8s.io", "namespaces", "events")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands above the rule, as written, and what stands below."""

    head: list[str]
    output: list[str] = field(default_factory=list)


def read_script(text: str) -> list[Block]:
    blocks = []
    for part in text.strip().split("\n\n"):
        lines = part.splitlines()
        rule = lines.index(RULE) if RULE in lines else len(lines)
        blocks.append(Block(lines[:rule], lines[rule + 1 :]))
    return blocks


def write_script(blocks: list[Block]) -> str:
    return "\n\n".join("\n".join([*b.head, RULE, *b.output]) for b in blocks) + "\n"


def play(blocks: list[Block]) -> list[Block]:
    """The same blocks with what they print now."""
    stage = Stage()
    return [Block(block.head, list(stage.run(block.head))) for block in blocks]


class Stage:
    """One cluster that a script acts on, and a recorder of what changes in it."""

    def __init__(self) -> None:
        self._cluster = cluster(PodStarter())
        self._printed: list[str] = []
        self._cluster.settle()
        self._cluster.store.subscribe(self._record)

    def run(self, head: list[str]) -> Iterator[str]:
        for line in head:
            if line and not line.startswith("#"):
                name, *words = line.split()
                getattr(self, f"_do_{name}")(*words)
        self._cluster.settle()
        printed, self._printed = self._printed, []
        yield from printed

    def _record(self, change: Change) -> None:
        if change.resource not in SHOWN:
            return
        line = _told(change) if change.resource == "events" else _changed(change)
        if line:
            self._printed.append(f"{self._cluster.now:%H:%M:%S} {line}")

    # --- commands -----------------------------------------------------------------------------------------

    def _do_deploy(self, name: str, *words: str) -> None:
        given = _parse(words)
        image = given.pop("image", "app:1")
        made = deployment(name, given.pop("replicas", 3), **_strategy(given))
        containers = [container(image=f"example.org/{image}")]
        self._cluster.writer.create(
            DEPLOYMENTS, replaced(made, ("spec", "template", "spec", "containers"), containers)
        )

    def _do_set(self, name: str, *words: str) -> None:
        found = get(self._cluster, DEPLOYMENTS, "default", name)
        self._cluster.writer.update(
            DEPLOYMENTS, {**found, "spec": {**found["spec"], **_strategy(_parse(words))}}
        )

    def _do_image(self, name: str, image: str) -> None:
        path = ("spec", "template", "spec", "containers")
        found = get(self._cluster, DEPLOYMENTS, "default", name)
        self._cluster.writer.update(
            DEPLOYMENTS, replaced(found, path, [container(image=f"example.org/{image}")])
        )

    def _do_job(self, name: str, *words: str) -> None:
        given = _parse(words)
        image = f"example.org/{given.pop('image', 'job:1')}"
        template = {"spec": {"restartPolicy": "Never", "containers": [container(image=image)]}}
        metadata = {"name": name, "namespace": "default"}
        self._cluster.writer.create(JOBS, {"metadata": metadata, "spec": {"template": template, **given}})

    def _do_service(self, name: str) -> None:
        spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
        self._cluster.writer.create(
            "services", {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        )

    def _do_delete(self, resource: str, name: str, propagation: Any = None) -> None:
        self._cluster.writer.delete(resource, "default", name, propagation=propagation)

    def _do_advance(self, duration: str) -> None:
        self._cluster.advance(parse_duration(duration))

    def _do_history(self, name: str) -> None:
        """`kubectl rollout history`, oldest revision first."""
        uid = get(self._cluster, DEPLOYMENTS, "default", name)["metadata"]["uid"]
        rows = []
        for owned in self._cluster.reader.owned_by(REPLICASETS, uid):
            notes = {key.rpartition("/")[2]: value for key, value in annotations_of(owned).items()}
            image = owned["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("/")[2]
            earlier = f" (also {notes['revision-history']})" if "revision-history" in notes else ""
            rows.append((int(notes["revision"]), f"{image} × {owned['spec']['replicas']}{earlier}"))
        self._printed += [f"revision {number}: {text}" for number, text in sorted(rows)]


def _parse(words: tuple[str, ...]) -> dict[str, Any]:
    """`key=value` words; numbers and booleans as such."""
    given: dict[str, Any] = {}
    for word in words:
        key, _, value = word.partition("=")
        given[key] = int(value) if value.isdigit() else {"true": True, "false": False}.get(value, value)
    return given


def _strategy(given: dict[str, Any]) -> dict[str, Any]:
    """`surge`, `unavailable` and `strategy` belong together in the spec."""
    rolling = {}
    for word, name in (("surge", "maxSurge"), ("unavailable", "maxUnavailable")):
        if word in given:
            rolling[name] = given.pop(word)
    if "strategy" in given:
        given["strategy"] = {"type": given["strategy"]}
    elif rolling:
        given["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return given


# --- what a change is told as -----------------------------------------------------------------------------


def _told(change: Change) -> str:
    """Events about pods that come and go say nothing that the pods do not say."""
    event = change.new
    if event["reason"] in ("SuccessfulCreate", "SuccessfulDelete"):
        return ""
    return f"  {event['type']} {event['reason']}: {event['message']}"


def _changed(change: Change) -> str:
    """One line for what is new; empty where nothing that is shown changed."""
    name = f"{change.resource.partition('.')[0]}/{change.new['metadata']['name']}"
    if change.type == "DELETED":
        return f"{name} is gone"
    before = _summary(change.resource, change.old) if change.old else ""
    after = _summary(change.resource, change.new)
    return f"{name} {after}" if before != after else ""


def _summary(resource: str, obj: Object) -> str:
    status = obj.get("status") or {}
    marks = [" leaving"] if "deletionTimestamp" in obj["metadata"] else []
    if resource == "pods":
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        return "".join([status.get("phase", ""), " ready" if ready else "", *marks])
    if resource == REPLICASETS:
        return _counts(obj, "replicas", "availableReplicas", "terminatingReplicas") + "".join(marks)
    if resource == DEPLOYMENTS:
        fields = ("replicas", "updatedReplicas", "availableReplicas")
        return _counts(obj, *fields) + _conditions(obj) + "".join(marks)
    if resource == JOBS:
        noted = status.get("uncountedTerminatedPods") or {}
        uncounted = f" uncounted={sum(map(len, noted.values()))}" if noted else ""
        return _counts(obj, "active", "succeeded", "failed") + uncounted + _conditions(obj) + "".join(marks)
    if resource.startswith("endpointslices"):
        able = sum(row["conditions"]["ready"] for row in obj["endpoints"] or ())
        return f"{able} of {len(obj['endpoints'] or ())} ready"
    return str(status.get("phase", ""))


def _counts(obj: Object, *fields: str) -> str:
    asked = field_of(obj, "spec", "replicas")
    status = obj.get("status") or {}
    shown = [f"{name.removesuffix('Replicas')}={status[name]}" for name in fields if status.get(name)]
    return " ".join(([f"asks for {asked}:"] if asked is not None else []) + (shown or ["nothing yet"]))


def _conditions(obj: Object) -> str:
    found = (obj.get("status") or {}).get("conditions") or ()
    return "".join(f" {c['type']}={c['status']}/{c['reason']}" for c in found)
