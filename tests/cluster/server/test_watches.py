"""Watches over HTTPS: what is there, what happens, bookmarks, ends, and readers that are too slow."""

from __future__ import annotations

import json
import ssl

import pytest

from gitrel.cluster.server.serving import Serving
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map, pod

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def revision(api: Api) -> str:
    found: str = api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    return found


def test_a_watch_from_a_revision_tells_what_happened_since(api: Api) -> None:
    """ADDED, MODIFIED and DELETED in order, with the whole object."""
    start = revision(api)
    made = api.post(CONFIG_MAPS, config_map("seen", a="1"))
    api.call("PUT", f"{CONFIG_MAPS}/seen", {**made, "data": {"a": "2"}})
    with api.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={start}") as events:
        assert next(events) == {"type": "ADDED", "object": made}
        assert next(events)["object"]["data"] == {"a": "2"}
        api.call("DELETE", f"{CONFIG_MAPS}/seen")
        last = next(events)
    assert last["type"] == "DELETED"
    assert int(last["object"]["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_a_watch_from_nowhere_begins_with_what_is_there(api: Api) -> None:
    """Without a revision, each object comes as ADDED first; a selector sees objects come and go."""
    labelled = config_map("labelled") | {"metadata": {"name": "labelled", "labels": {"a": "b"}}}
    made = api.post(CONFIG_MAPS, labelled)
    with api.watch(f"{CONFIG_MAPS}?watch=true&labelSelector=a%3Db") as events:
        assert next(events)["object"] == made
        path = f"{CONFIG_MAPS}/labelled"
        merge = {"Content-Type": "application/merge-patch+json"}
        api.call("PATCH", path, {"metadata": {"labels": {"a": "c"}}}, merge)
        assert next(events)["type"] == "DELETED"
        api.call("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, merge)
        assert next(events)["type"] == "ADDED"


def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    """`sendInitialEvents`: the state, then a bookmark that says so, then what happens."""
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    api.post("/api/v1/namespaces", {"metadata": {"name": "quiet-place"}})
    with api.watch(f"/api/v1/namespaces/quiet-place/secrets?{query}") as events:
        mark = next(events)
        api.post("/api/v1/namespaces/quiet-place/secrets", {"metadata": {"name": "first"}})
        after = next(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["kind"] == "Secret"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (after["type"], after["object"]["metadata"]["name"]) == ("ADDED", "first")


def test_a_watch_ends_in_time_and_says_how_far_it_came(api: Api) -> None:
    """`timeoutSeconds` ends the stream in good order, with a last bookmark to go on from."""
    start = revision(api)
    query = f"watch=true&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion={start}"
    with api.watch(f"/api/v1/nodes?{query}") as events:
        rest = list(events)
    assert [event["type"] for event in rest] == ["BOOKMARK"]
    assert int(rest[0]["object"]["metadata"]["resourceVersion"]) >= int(start)


def test_one_object_can_be_watched(api: Api) -> None:
    """By its path, by the old `/watch/` prefix, and as a Table that names its columns once."""
    api.post(PODS, pod("alone"))
    with api.watch(f"{PODS}/alone?watch=true") as events:
        assert next(events)["object"]["metadata"]["name"] == "alone"
    with api.watch("/api/v1/watch/namespaces/default/pods/alone") as events:
        assert next(events)["object"]["metadata"]["name"] == "alone"
    with api.watch(f"{PODS}?watch=true&fieldSelector=metadata.name%3Dalone", Accept=TABLE) as events:
        assert len(next(events)["object"]["columnDefinitions"]) > 4
        api.call("DELETE", f"{PODS}/alone")
        assert next(events)["object"]["columnDefinitions"] == []


def test_a_revision_that_is_gone_is_410(api: Api, server: Serving) -> None:
    """Before anything is streamed; but nothing is missed by a watch whose resource stood still."""
    start = revision(api)
    api.post(CONFIG_MAPS, config_map("after-start"))
    server.call(lambda cluster: cluster.store.compact(cluster.store.revision))
    answer = api.call("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={start}")
    assert (answer.code, answer.json["reason"]) == (410, "Expired")
    still = f"/api/v1/nodes?watch=true&timeoutSeconds=1&resourceVersion={start}"
    assert api.call("GET", still).code == 200


@pytest.mark.parametrize(
    "query",
    [
        "watch=1&sendInitialEvents=true",
        "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
        "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1",
    ],
)
def test_options_of_watches_that_make_no_sense(api: Api, query: str) -> None:
    """422, before a stream begins."""
    assert api.call("GET", f"{CONFIG_MAPS}?{query}").code == 422


def test_a_reader_that_never_reads_is_let_go(api: Api, server: Serving) -> None:
    """Its backlog costs nothing: writers go on, the log is compacted past it, and it is told 410."""
    raw = api.connect()
    raw.connect()
    assert isinstance(raw.sock, ssl.SSLSocket)
    path = f"{CONFIG_MAPS}?watch=true&resourceVersion={revision(api)}"
    raw.request("GET", path, headers=api.headers)
    large = config_map("large", a="x" * 700_000)
    made = api.post(CONFIG_MAPS, large)
    for number in range(30):
        made = api.call("PUT", f"{CONFIG_MAPS}/large", {**made, "data": {"a": str(number) * 350_000}}).json
    server.call(lambda cluster: cluster.store.compact(cluster.store.revision))
    answer = raw.getresponse()
    events = [json.loads(line) for line in answer]
    raw.close()
    assert len(events) < 31
    assert events[-1]["type"] == "ERROR"
    assert (events[-1]["object"]["code"], events[-1]["object"]["reason"]) == (410, "Expired")
    api.call("DELETE", f"{CONFIG_MAPS}/large")


def test_a_watch_that_hangs_up_is_forgotten(api: Api, server: Serving) -> None:
    """The server keeps nothing of a client that went away."""
    before = server.call(lambda cluster: server.engine.hub.watching)
    with api.watch(f"{PODS}?watch=true&resourceVersion={revision(api)}"):
        assert server.call(lambda cluster: server.engine.hub.watching) == before + 1
    for number in range(200):
        if server.call(lambda cluster: server.engine.hub.watching) == before:
            return
        api.call("GET", f"{PODS}/nobody-{number}")
    raise AssertionError("the watch is still there")
