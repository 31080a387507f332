"""What is compared of a cluster, with everything taken out that no two clusters share.

The rule. An object is compared whole, but:

* the script's namespace is `<namespace>`; uids, resourceVersions, managedFields and the time of creation go;
  every other instant is `<time>`;
* the hash in the name of the n-th ReplicaSet of a Deployment is `#n`, wherever it is written, and so is the
  hash of a StatefulSet's or DaemonSet's n-th ControllerRevision; a random suffix is `*`; an address that the
  cluster chose is `<ip>`; a node is `<node>`, and where the script is about where pods go the n-th that gets
  one is `<node n>`: which of several equal nodes is taken is nobody's promise;
* `null`, `{}` and `[]` are the same as nothing: Go writes them where a struct has no `omitempty`;
* two objects of one generated name are the same object to us, for nobody promises either which of several
  equal pods is taken. So they are compared as a sorted list of states, without their names.

Events are compared by object, source, type, reason and message, and Normal ones by how often; Warnings are
repeated as often as a retry happens to come, and combined when there are many. Left out are those of claims,
which the bundled cluster does not bind, and FailedScheduling: what it says stands in the pod's condition too,
and the real scheduler also tries while a new node is not open yet.

Of what happened on the way, which real controllers run through at their own pace, the decisions are compared:
the sizes that a ReplicaSet was given, each condition's statuses and reasons in their order, the phases and
the readiness of pods, and how many pods there were at most and how many were ready at least.

A rollout on its way is `Progressing` because its set was created, found or updated: which of them was written
last is a race between two controllers of the real one, so all three are `ReplicaSetUpdated`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitrel.kube.identity import Object, controller_of
from tests.realcluster.differential.recorder import Seen

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10\.(?!99\.)\d+\.\d+\.\d+\b")
_TOKEN_VOLUME = re.compile(r"kube-api-access-\w{5}")
_RANDOM = re.compile(r"[a-z0-9]{5}")
_COMBINED = "(combined from similar events): "
_UNSHARED = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")
_IGNORED = {("configmaps", "kube-root-ca.crt")}


class Names:
    """What each name of one namespace is called in the comparison; made from everything that was seen."""

    def __init__(self, namespace: str, history: Iterable[Seen], *, nodes_matter: bool) -> None:
        self._known: dict[str, str] = {namespace: "<namespace>"}
        self._uids: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._nodes_matter = nodes_matter
        self._nodes = 0
        self._pattern: re.Pattern[str] | None = None
        self._refused = re.compile("(?!)")
        for seen in history:
            if seen.resource != "events":
                self._learn(seen)

    def _learn(self, seen: Seen) -> None:
        metadata, name = seen.object["metadata"], seen.name
        node = seen.object["spec"].get("nodeName") if seen.resource == "pods" else None
        if self._nodes_matter and node and node not in self._known:
            self._nodes += 1
            self._known[node] = f"<node {self._nodes}>"
            self._pattern = None
        if metadata["uid"] in self._uids:
            return
        owner = controller_of(seen.object)
        alias = self._known.get(name, name)
        hash_ = _hash_of(seen)
        if owner and hash_:
            place = f"{seen.resource}/{owner['name']}"
            self._counts[place] += 1
            self._known[hash_] = f"#{self._counts[place]}"
            alias = name.replace(hash_, self._known[hash_])
        elif (base := metadata.get("generateName")) and _RANDOM.fullmatch(name.removeprefix(base)):
            alias = self.text(base) + "*"
            self._bases[base] = alias
        if seen.resource in ("replicasets", "jobs"):
            self._bases[f"{name}-"] = f"{alias}-*"
        if alias != name:
            self._known[name] = alias
        self._uids[metadata["uid"]] = f"<uid of {alias}>"
        self._known[metadata["uid"]] = self._uids[metadata["uid"]]
        self._pattern = None

    def text(self, text: str) -> str:
        """With every name and every instant in it replaced."""
        if self._pattern is None:
            longest = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest)))
            # A pod that was refused is named as well.
            bases = "|".join(map(re.escape, sorted(self._bases, key=len, reverse=True)))
            self._refused = re.compile(rf"({bases})[a-z0-9]{{5}}\b" if bases else "(?!)")
        text = self._refused.sub(self._generated, text)
        text = self._pattern.sub(lambda found: self._known[found[0]], text)
        text = _TOKEN_VOLUME.sub("kube-api-access-*", _INSTANT.sub("<time>", text))
        return _ADDRESS.sub("<ip>", text)

    def _generated(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._known else self._bases[found[1]]

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            if key == "nodeName" and not self._nodes_matter:
                return "<node>"
            return self.text(value)
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if v is not None and v not in ({}, [])}
            return {self.text(k): self.value(v, k) for k, v in sorted(kept.items())}
        if isinstance(value, Sequence):
            return [self.value(one) for one in value]
        return value

    def object(self, obj: Object) -> Object:
        metadata = {key: value for key, value in obj["metadata"].items() if key not in _UNSHARED}
        if "generateName" in metadata and _RANDOM.fullmatch(
            metadata["name"].removeprefix(metadata["generateName"])
        ):
            metadata.pop("name")
        if rows := (obj.get("status") or {}).get("conditions"):
            rows = sorted(map(_on_its_way, rows), key=lambda row: str(row["type"]))
            status = {**obj["status"], "conditions": rows}
            obj = {**obj, "status": status}
        return dict(self.value({**obj, "metadata": metadata}))


def _on_its_way(row: Object) -> Object:
    if row.get("reason") not in ("NewReplicaSetCreated", "FoundNewReplicaSet"):
        return row
    name = str(row["message"]).rpartition("replica set ")[2]
    return {**row, "reason": "ReplicaSetUpdated", "message": f"ReplicaSet {name} is progressing."}


def _hash_of(seen: Seen) -> str:
    """What a controller put behind its own name to make that of a set or a revision."""
    labels = seen.object["metadata"].get("labels") or {}
    if seen.resource == "replicasets":
        return str(labels.get("pod-template-hash", ""))
    if seen.resource == "controllerrevisions":
        return seen.name.rpartition("-")[2]
    return ""


def state(objects: Mapping[tuple[str, str], Object], names: Names) -> dict[str, list[Any]]:
    """Everything that is there, by what it is called; Events are one list of lines."""
    found: dict[str, list[Any]] = {}
    for (resource, name), obj in objects.items():
        if resource != "events" and (resource, name) not in _IGNORED:
            found.setdefault(f"{resource}/{names.text(name)}", []).append(names.object(obj))
    states = {place: sorted(same, key=repr) for place, same in sorted(found.items())}
    events = [
        obj
        for (resource, _), obj in objects.items()
        if resource == "events"
        and obj["involvedObject"]["kind"] != "PersistentVolumeClaim"
        and obj["reason"] != "FailedScheduling"
    ]
    return {**states, "events": _lines(events, names)}


def _lines(events: Iterable[Object], names: Names) -> list[str]:
    counted: Counter[str] = Counter()
    for event in events:
        about = event["involvedObject"]
        source = event.get("reportingComponent") or (event.get("source") or {}).get("component", "")
        line = f"{about['kind']} {about['name']}: {event['type']} {event['reason']} by {source}"
        line = f"{line}: {event.get('message', '')}"
        often = (event.get("series") or {}).get("count") or event.get("count") or 1
        counted[names.text(line)] += often
    warnings = {line.replace(_COMBINED, "") for line in counted if ": Warning " in line}
    normal = (f"{line} ×{often}" for line, often in counted.items() if ": Warning " not in line)
    return sorted([*warnings, *normal])


def decisions(history: Iterable[Seen], names: Names) -> dict[str, Any]:
    """What was decided of each object, in its order; equal pods as one sorted list."""
    tracks: dict[tuple[str, str], dict[str, list[Any]]] = {}
    called: dict[tuple[str, str], str] = {}
    for seen in history:
        if "deletionTimestamp" in seen.object["metadata"] and seen.type != "DELETED":
            continue  # how often one that is going still counts what is left is nobody's promise
        key = (seen.resource, seen.object["metadata"]["uid"])
        called[key] = f"{seen.resource}/{names.text(seen.name)}"
        track = tracks.setdefault(key, {})
        for what, value in _decided(seen):
            values = track.setdefault(what, [])
            if not values or values[-1] != value:
                values.append(value)
    told: dict[str, list[Any]] = {}
    for key, track in tracks.items():
        if track:
            told.setdefault(called[key], []).append(names.value(track))
    return {place: sorted(same, key=repr) for place, same in sorted(told.items())}


def _decided(seen: Seen) -> Iterable[tuple[str, Any]]:
    if seen.resource == "events":
        return
    obj = seen.object
    status: Mapping[str, Any] = obj.get("status") or {}
    if seen.type == "DELETED":
        yield "end", "gone"
        return
    if seen.resource in ("replicasets", "statefulsets"):
        yield "size", obj["spec"]["replicas"]
    if seen.resource in ("pods", "namespaces"):
        yield "phase", status.get("phase")
    rows = status.get("conditions") or ()
    if seen.resource == "pods":
        yield "ready", is_ready(obj)
    elif seen.resource != "namespaces":
        for row in map(_on_its_way, rows):
            yield row["type"], f"{row['status']} {row.get('reason', '')}"


def extremes(history: Iterable[Seen], since: int) -> str:
    """How many pods the ReplicaSets were told to have together at most, and how many were ready at least,
    after the revision `since`. Each set follows at its own pace, so pods are not counted.
    """
    sizes: dict[str, int] = {}
    ready: set[str] = set()
    most, least = 0, None
    for seen in history:
        if seen.resource == "replicasets":
            sizes[seen.name] = 0 if seen.type == "DELETED" else seen.object["spec"]["replicas"]
        elif seen.resource == "pods":
            going = seen.type == "DELETED" or "deletionTimestamp" in seen.object["metadata"]
            change = ready.add if is_ready(seen.object) and not going else ready.discard
            change(seen.name)
        if seen.revision > since:
            most = max(most, sum(sizes.values()))
            least = len(ready) if least is None else min(least, len(ready))
    return f"at most {most} pods, at least {least or 0} ready"


def is_ready(pod: Object) -> bool:
    rows = (pod.get("status") or {}).get("conditions") or ()
    return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)
