"""What the store promises, on random histories: ordered, unique, whole, resumable, and true to its log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.store.cursor import Cursor
from gitrel.cluster.store.store import Expired, Store

RESOURCES = st.sampled_from(["pods", "configmaps"])
NAMESPACES = st.sampled_from(["a", "b"])
NAMES = st.sampled_from(["w", "x", "y", "z"])
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["1", "2"]), max_size=2)
OWNERS = st.lists(st.sampled_from(["u1", "u2"]), max_size=2, unique=True)
NODES = st.sampled_from([None, "n1", "n2"])

Key = tuple[str, str, str]


def made(namespace: str, name: str, labels: Any = None, owners: Any = (), node: str | None = None) -> Any:
    metadata: dict[str, Any] = {"namespace": namespace, "name": name}
    if labels:
        metadata["labels"] = labels
    if owners:
        metadata["ownerReferences"] = [{"uid": uid} for uid in owners]
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}}


class StoreMachine(RuleBasedStateMachine):
    """The model is a plain dict; three watchers started at different times add up what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(history_max=20)
        self.model: dict[Key, Any] = {}
        self.heard: list[Change] = []
        self.store.subscribe(self.heard.append)
        self.watchers: list[tuple[Cursor, dict[tuple[str, str], Any]]] = []
        self.copies: list[tuple[Store, dict[Key, Any], int]] = []

    @initialize()
    def watch_from_the_start(self) -> None:
        self.watchers.append((Cursor(self.store, "pods", 0), {}))

    @rule(resource=RESOURCES, namespace=NAMESPACES, name=NAMES, labels=LABELS, owners=OWNERS, node=NODES)
    def put(self, resource: str, namespace: str, name: str, labels: Any, owners: Any, node: Any) -> None:
        before = self.store.revision
        stored = self.store.put(resource, made(namespace, name, labels, owners, node))
        assert self.store.revision == before + 1
        assert stored["metadata"]["resourceVersion"] == str(before + 1)
        self.model[resource, namespace, name] = stored

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model)))
        last = self.store.remove(*key)
        assert last["metadata"]["resourceVersion"] == str(self.store.revision)
        del self.model[key]

    @rule(resource=RESOURCES, namespace=NAMESPACES)
    def removing_what_is_not_there_changes_nothing(self, resource: str, namespace: str) -> None:
        before = self.store.revision
        with pytest.raises(KeyError):
            self.store.remove(resource, namespace, "nobody")
        assert self.store.revision == before

    @rule()
    def list_and_watch(self) -> None:
        """A new watcher, as every informer starts: the list, then what happens after its revision."""
        found = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in self.store.list("pods")}
        self.watchers.append((Cursor(self.store, "pods", self.store.revision), found))

    @rule()
    def fork(self) -> None:
        self.copies.append((self.store.copy(), dict(self.model), self.store.revision))

    @precondition(lambda self: self.store.revision > self.store.compacted)
    @rule(data=st.data())
    def compact(self, data: st.DataObject) -> None:
        to = data.draw(st.integers(self.store.compacted, self.store.revision))
        self.store.compact(to)
        assert self.store.compacted == to
        if to:
            with pytest.raises(Expired):
                self.store.changes_after(to - 1)

    @invariant()
    def the_log_is_ordered_and_without_holes(self) -> None:
        revisions = [change.revision for change in self.heard]
        assert revisions == list(range(1, self.store.revision + 1))
        kept = self.store.changes_after(self.store.compacted)
        assert list(kept) == self.heard[self.store.compacted :]

    @invariant()
    def reads_agree_with_the_model(self) -> None:
        check_reads(self.store, self.model)

    @invariant()
    def copies_stay_as_they_were(self) -> None:
        for store, model, revision in self.copies[-2:]:
            assert store.revision == revision
            check_reads(store, model)

    @invariant()
    def every_watcher_adds_up_to_the_state(self) -> None:
        """list + watch equals state; a watcher that was compacted away is told so."""
        wanted = {key[1:]: obj for key, obj in self.model.items() if key[0] == "pods"}
        for watcher, seen in list(self.watchers):
            if watcher.revision < self.store.compacted:
                with pytest.raises(Expired):
                    watcher.read()
                self.watchers.remove((watcher, seen))
                continue
            for event in watcher.read():
                key = (event.object["metadata"]["namespace"], event.object["metadata"]["name"])
                assert (event.type == "ADDED") == (key not in seen)
                if event.type == "DELETED":
                    del seen[key]
                else:
                    seen[key] = event.object
            assert seen == wanted


def check_reads(store: Store, model: dict[Key, Any]) -> None:
    pods = {key[1:]: obj for key, obj in model.items() if key[0] == "pods"}
    in_order = [pods[key] for key in sorted(pods)]
    assert list(store.list("pods")) == in_order
    for namespace in ("a", "b"):
        here = [o for o in in_order if o["metadata"]["namespace"] == namespace]
        assert list(store.list("pods", namespace)) == here
        wanted = [
            o for o in here if o["metadata"].get("labels", {}).items() >= {"app": "1", "tier": "2"}.items()
        ]
        assert list(store.selected("pods", namespace, {"app": "1", "tier": "2"})) == wanted
    for uid in ("u1", "u2"):
        owned = [o for o in in_order if {"uid": uid} in o["metadata"].get("ownerReferences", ())]
        assert list(store.owned_by("pods", uid)) == owned
    assert list(store.on_node("n1")) == [o for o in in_order if o["spec"].get("nodeName") == "n1"]


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_filtered_watch_sees_objects_come_and_go_as_they_match() -> None:
    """Relabelling out of a selector is a DELETED for that watcher, relabelling into it an ADDED."""
    store = Store()
    watcher = Cursor(
        store, "pods", 0, namespace="a", where=lambda o: o["metadata"].get("labels") == {"app": "1"}
    )
    store.put("pods", made("a", "x", {"app": "1"}))
    store.put("pods", made("b", "x", {"app": "1"}))
    store.put("pods", made("a", "x", {"app": "2"}))
    store.put("pods", made("a", "x", {"app": "1"}))
    store.put("pods", made("a", "x", {"app": "1"}, node="n1"))
    store.remove("pods", "a", "x")
    assert [event.type for event in watcher.read()] == ["ADDED", "DELETED", "ADDED", "MODIFIED", "DELETED"]
    assert watcher.read() == []


def test_history_is_bounded() -> None:
    """The log never holds more than twice what it was asked to keep, and always the newest."""
    store = Store(history_max=10)
    for number in range(100):
        store.put("pods", made("a", f"p{number}"))
        assert store.revision - store.compacted <= 20
    assert [c.revision for c in store.changes_after(store.revision - 10)] == list(range(91, 101))
