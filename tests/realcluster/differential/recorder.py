"""Everything that happened in a cluster, as its watches told it: the objects as they are and as they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.client import Client

WATCHED = (
    "configmaps",
    "controllerrevisions",
    "cronjobs",
    "daemonsets",
    "deployments",
    "events",
    "jobs",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "replicasets",
    "resourcequotas",
    "services",
    "statefulsets",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of a watch. `revision` orders all of them, where revisions are numbers of one counter."""

    revision: int
    resource: str
    type: str
    object: Object

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


def _namespace(resource: str, obj: Object) -> str:
    metadata = obj["metadata"]
    return str(metadata["name"] if resource == "namespaces" else metadata.get("namespace", ""))


class Recorder:
    """Watches from the moment it is made, in threads that end with the server.

    What happens to a namespace is told with what happens in it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._seen: dict[str, list[Seen]] = {}
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._last: dict[str, float] = {}
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._failures: list[str] = []
        for resource in WATCHED:
            items, since = client.list(resource)
            for obj in items:
                self._note(Seen(0, resource, "ADDED", obj))
            thread = threading.Thread(target=self._watch, args=(resource, since), daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Ends the client too: its watches are ours."""
        self._closing = True
        self._client.close()
        for thread in self._threads:
            thread.join(5)

    def _watch(self, resource: str, since: str) -> None:
        try:
            for event in self._client.watch(resource, since):
                obj = event["object"]
                if event["type"] == "BOOKMARK":
                    continue
                assert event["type"] != "ERROR", obj
                self._note(Seen(int(obj["metadata"]["resourceVersion"]), resource, event["type"], obj))
        except Exception as failure:
            if not self._closing:
                with self._changed:
                    self._failures.append(f"the watch of {resource} broke: {failure!r}")
                    self._changed.notify_all()

    def _note(self, seen: Seen) -> None:
        namespace, key = _namespace(seen.resource, seen.object), (seen.resource, seen.name)
        with self._changed:
            self._seen.setdefault(namespace, []).append(seen)
            objects = self._objects.setdefault(namespace, {})
            if seen.type == "DELETED":
                objects.pop(key, None)
            else:
                objects[key] = seen.object
            self._last[namespace] = time.monotonic()
            self._changed.notify_all()

    def objects(self, namespace: str) -> Mapping[tuple[str, str], Object]:
        """What is there now, by resource and name."""
        with self._changed:
            return dict(self._objects.get(namespace, {}))

    def history(self, namespace: str) -> list[Seen]:
        """Everything that was ever seen, in the order of the changes."""
        with self._changed:
            return sorted(self._seen.get(namespace, ()), key=lambda seen: seen.revision)

    def quiet_seconds(self, namespace: str) -> float:
        with self._changed:
            return time.monotonic() - self._last.get(namespace, 0.0)

    def wait(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Looks after each change, and now and then, until it holds; False when it never did."""
        end = time.monotonic() + seconds
        while not condition():
            with self._changed:
                assert not self._failures, self._failures
                if time.monotonic() > end:
                    return False
                self._changed.wait(0.05)
        return True
