"""What is remembered of a cluster: small, told apart by owner, and never older than gitrel's own writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.backends.backend import Scope
from gitrel.backends.kubernetes import memory as memories
from gitrel.backends.kubernetes.lines import LineTooLong, lines
from gitrel.backends.kubernetes.memory import Changes, Memory, TooMany
from gitrel.kube.identity import Object

SCOPE = Scope("v1", "ConfigMap", "shop")
OWNER = "gitrel.dev/component"


def config(name: str, version: int, owner: str = "web", **more: Any) -> Object:
    labels = {OWNER: owner}
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version), "labels": labels, **more}
    return {"metadata": metadata, "data": {"v": str(version)}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def fresh(changes: Changes | None = None, clock: Clock | None = None) -> Memory:
    return Memory(SCOPE, {}, OWNER, changes or Changes(), clock or Clock())


def relist(memory: Memory, objects: Iterable[Object]) -> None:
    """As after a list."""
    memory.replace(map(memory.keep, objects))


def test_what_is_kept_is_whole_but_for_the_managers() -> None:
    """Lists leave apiVersion and kind out; managedFields are half of an object, and asked for when needed."""
    memory = fresh()
    memory.put(config("a", 1, managedFields=[{"manager": "x"}]))
    found = memory.get("a")
    assert found is not None
    assert (found["apiVersion"], found["kind"], found["data"]) == ("v1", "ConfigMap", {"v": "1"})
    assert "managedFields" not in found["metadata"]


def test_changes_are_counted_apart() -> None:
    """A change of web's leaves the mark of api as it was, and nobody's changes everybody's."""
    changes = Changes()
    memory = fresh(changes)
    relist(memory, [config("a", 1), config("b", 2, "api")])
    web, api = changes.mark("web"), changes.mark("api")
    memory.put(config("a", 3))
    assert (changes.mark("web") == web, changes.mark("api") == api) == (False, True)
    web = changes.mark("web")
    Memory(Scope("v1", "Pod", "shop"), {}, "", changes, Clock()).put(config("pod", 4))
    assert (changes.mark("web") == web, changes.mark("api") == api) == (False, False)


def test_the_same_version_again_is_no_change() -> None:
    """A list after a lost connection says nothing new where nothing is new; what is gone is news."""
    changes = Changes()
    memory = fresh(changes)
    relist(memory, [config("a", 1), config("b", 2)])
    mark = changes.mark("web")
    relist(memory, [config("a", 1), config("b", 2)])
    assert changes.mark("web") == mark
    relist(memory, [config("a", 1)])
    assert changes.mark("web") != mark
    assert memory.get("b") is None


def test_an_event_older_than_our_own_write_is_passed_over() -> None:
    """Until the event of the write itself comes, or ten seconds have passed."""
    clock = Clock()
    memory = fresh(clock=clock)
    memory.put(config("a", 5), own=True)
    memory.put(config("a", 4))
    assert memory.get("a") == {"apiVersion": "v1", "kind": "ConfigMap"} | config("a", 5)
    memory.put(config("a", 5))
    memory.put(config("a", 6))
    assert memory.get("a") == {"apiVersion": "v1", "kind": "ConfigMap"} | config("a", 6)
    memory.put(config("a", 8), own=True)
    clock.now = 11.0
    memory.put(config("a", 9))
    assert memory.get("a") == {"apiVersion": "v1", "kind": "ConfigMap"} | config("a", 9)


@pytest.mark.parametrize("answered", [5, 6], ids=["the event was first", "another event was too"])
def test_what_comes_after_our_own_write_is_never_passed_over(answered: int) -> None:
    """The event of an apply may be here before its answer is, and one that changes nothing has no event at
    all: whoever changes the object then is seen, and an old answer covers nothing up."""
    memory = fresh()
    for version in range(5, answered + 1):
        memory.put(config("a", version))
    memory.put(config("a", 5), own=True)
    assert memory.get("a") == {"apiVersion": "v1", "kind": "ConfigMap"} | config("a", answered)
    memory.put(config("a", 7))
    assert memory.get("a") == {"apiVersion": "v1", "kind": "ConfigMap"} | config("a", 7)


def test_an_answer_that_comes_late_raises_nobody_from_the_dead() -> None:
    """Deleted between our write and its answer: gone is gone. Made anew by gitrel, it is there, whatever the
    event of the deletion before says then."""
    memory = fresh()
    memory.drop(config("a", 6))
    memory.put(config("a", 5), own=True)
    assert memory.get("a") is None
    memory.put(config("a", 8), own=True)
    memory.drop(config("a", 7))
    assert memory.get("a") is not None


def test_versions_that_are_no_numbers_are_waited_for() -> None:
    """A server may number in its own way: then the event of the write itself is waited for, ten seconds."""
    clock = Clock()
    memory = fresh(clock=clock)

    def config_at(version: str) -> Object:
        return {"metadata": {"name": "a", "resourceVersion": version, "labels": {OWNER: "web"}}}

    memory.put(config_at("e"), own=True)
    memory.put(config_at("d"))
    assert (memory.get("a") or {})["metadata"]["resourceVersion"] == "e"
    memory.put(config_at("e"))
    memory.put(config_at("e"), own=True)
    memory.put(config_at("f"))
    assert (memory.get("a") or {})["metadata"]["resourceVersion"] == "f"


def test_only_owned_objects_ring() -> None:
    """A daemon is woken for what gitrel owns, not for every pod."""
    heard: list[None] = []
    changes = Changes(lambda: heard.append(None))
    Memory(Scope("v1", "Pod", "shop"), {}, "", changes, Clock()).put(config("pod", 1))
    assert heard == []
    fresh(changes).put(config("a", 1))
    assert heard == [None]


def test_more_than_can_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace with a hundred thousand pods does not fill the memory."""
    monkeypatch.setattr(memories, "OBJECTS_MAX", 2)
    memory = fresh()
    with pytest.raises(TooMany):
        relist(memory, (config(str(n), n) for n in range(3)))
    relist(memory, [config("a", 1), config("b", 2)])
    with pytest.raises(TooMany):
        memory.put(config("c", 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.integers(1, 40))
def test_lines_are_the_same_however_they_are_cut(whole: list[bytes], size: int) -> None:
    """Chunks end anywhere; empty lines are left out."""
    data = b"".join(line + b"\n" for line in whole)

    def chunks() -> Iterator[bytes]:
        yield from (data[at : at + size] for at in range(0, len(data), size))

    assert list(lines(chunks())) == [line for line in whole if line.strip()]


def test_a_line_without_an_end_is_given_up() -> None:
    """As soon as it is longer than the limit, not when it ends."""
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 100

    with pytest.raises(LineTooLong):
        list(lines(chunks(), limit=1000))
    assert taken == 11


LABELS = st.dictionaries(st.sampled_from(("app", "tier", OWNER)), st.sampled_from(("web", "api")))
EDITS = st.tuples(st.sampled_from("abcd"), LABELS | st.none())


@settings(max_examples=80, deadline=None)
@given(st.lists(EDITS, max_size=12), st.lists(EDITS, max_size=5), LABELS)
def test_selecting_is_filtering(
    edits: list[tuple[str, dict[str, str] | None]],
    relisted: list[tuple[str, dict[str, str] | None]],
    selector: dict[str, str],
) -> None:
    """Whatever came and went and was listed anew: what is selected is what carries the labels, by name."""
    memory = fresh()
    relist(memory, [config(name, 0, labels=labels) for name, labels in dict(relisted).items() if labels])
    for version, (name, labels) in enumerate(edits, 1):
        if labels is None:
            memory.drop(config(name, version))
        else:
            memory.put(config(name, version, labels=labels))
    found = [obj["metadata"]["name"] for obj in memory.selected(selector)]
    assert found == [
        obj["metadata"]["name"]
        for obj in memory.all()
        if selector.items() <= obj["metadata"]["labels"].items()
    ]


def test_selecting_decodes_what_it_answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand components that ask for their own pods decode each pod once between them."""
    memory = fresh()
    relist(memory, [config(f"pod-{n}", n, labels={"app": f"app-{n % 10}"}) for n in range(100)])
    decoded: list[bytes] = []
    loads = orjson.loads

    def counting(data: bytes) -> Any:
        decoded.append(data)
        return loads(data)

    monkeypatch.setattr(orjson, "loads", counting)
    assert len(list(memory.selected({"app": "app-3"}))) == len(decoded) == 10
