"""Lists over HTTPS: chunks, revisions, selectors, Tables and bare metadata."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from gitrel.cluster.server.serving import Serving
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map, pod

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
SELECTED = f"{CONFIG_MAPS}?labelSelector=of%3Dlists"


@pytest.fixture(scope="module", autouse=True)
def seven(api: Api) -> None:
    for number in range(7):
        made = config_map(f"c{number}")
        made["metadata"]["labels"] = {"of": "lists"}
        api.post(CONFIG_MAPS, made)


def names(document: Any) -> list[str]:
    return [item["metadata"]["name"] for item in document["items"]]


def test_chunks_show_one_moment(api: Api) -> None:
    """What changes between two chunks is in neither: each shows the revision of the first."""
    first = api.get(f"{SELECTED}&limit=3")
    assert names(first) == ["c0", "c1", "c2"]
    later = config_map("c35")
    later["metadata"]["labels"] = {"of": "lists"}
    api.post(CONFIG_MAPS, later)
    api.call("DELETE", f"{CONFIG_MAPS}/c5")
    token = first["metadata"]["continue"]
    second = api.get(f"{SELECTED}&limit=3&continue={token}")
    third = api.get(f"{SELECTED}&limit=3&continue={second['metadata']['continue']}")
    assert names(second) + names(third) == ["c3", "c4", "c5", "c6"]
    assert "continue" not in third["metadata"]
    revisions = {d["metadata"]["resourceVersion"] for d in (first, second, third)}
    assert len(revisions) == 1
    exact = f"{SELECTED}&resourceVersionMatch=Exact&resourceVersion={revisions.pop()}"
    assert names(api.get(exact)) == [f"c{n}" for n in range(7)]
    api.post(CONFIG_MAPS, config_map("c5") | {"metadata": {"name": "c5", "labels": {"of": "lists"}}})
    api.call("DELETE", f"{CONFIG_MAPS}/c35")


def test_chunks_without_selectors_tell_what_is_left(api: Api) -> None:
    """remainingItemCount, as kubectl's progress needs it."""
    first = api.get("/api/v1/namespaces?limit=1")
    assert first["metadata"]["remainingItemCount"] == 3


def test_a_token_that_expired_offers_another(api: Api, server: Serving) -> None:
    """410 after a compaction, with a token for the rest as it is now."""
    first = api.get(f"{SELECTED}&limit=3")
    api.post(CONFIG_MAPS, config_map("in-between"))
    server.call(lambda cluster: cluster.store.compact(cluster.store.revision))
    expired = api.call("GET", f"{SELECTED}&limit=3&continue={first['metadata']['continue']}")
    assert (expired.code, expired.json["reason"]) == (410, "Expired")
    again = api.get(f"{SELECTED}&limit=3&continue={expired.json['metadata']['continue']}")
    assert names(again) == ["c3", "c4", "c5"]
    api.call("DELETE", f"{CONFIG_MAPS}/in-between")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=-1", 422),
        ("limit=many", 400),
        ("resourceVersion=x", 400),
        ("resourceVersionMatch=Exact", 422),
        ("resourceVersionMatch=Sometimes&resourceVersion=1", 422),
        ("resourceVersionMatch=Exact&resourceVersion=0", 422),
        ("resourceVersion=999999999", 504),
        ("continue=nonsense", 400),
        ("sendInitialEvents=true", 422),
        ("labelSelector=a%20b%20c", 400),
        ("fieldSelector=data.a%3D1", 400),
        ("fieldSelector=nonsense", 400),
    ],
)
def test_options_that_make_no_sense(api: Api, query: str, code: int) -> None:
    """Each is refused with the code that the API server has for it."""
    assert api.call("GET", f"{CONFIG_MAPS}?{query}").code == code


def test_old_and_any_revisions_are_served(api: Api) -> None:
    """0 is any; a lower bound in the past is met by the present."""
    for query in (
        "resourceVersion=0",
        "resourceVersion=1",
        "resourceVersion=1&resourceVersionMatch=NotOlderThan",
    ):
        assert names(api.get(f"{SELECTED}&{query}")) == [f"c{n}" for n in range(7)]


def test_fields_choose(api: Api) -> None:
    """The fields that a kind offers."""
    api.post(PODS, pod("chosen"))
    assert names(api.get(f"{PODS}?fieldSelector=status.phase%3DRunning")) == ["chosen"]
    node = api.get(f"{PODS}/chosen")["spec"]["nodeName"]
    everywhere = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node},metadata.name!%3Dother"
    assert names(api.get(everywhere)) == ["chosen"]
    assert names(api.get(f"{PODS}?fieldSelector=status.phase!%3DRunning")) == []


def test_a_table_is_what_kubectl_prints(api: Api) -> None:
    """Columns with their priorities, cells, and the metadata of each row."""
    table = api.get(f"{PODS}?fieldSelector=metadata.name%3Dchosen", Accept=f"{TABLE},application/json")
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    titles = [c["name"] for c in table["columnDefinitions"] if not c["priority"]]
    assert titles == ["Name", "Ready", "Status", "Restarts", "Age"]
    [row] = table["rows"]
    assert row["cells"][:4] == ["chosen", "1/1", "Running", "0"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    with_object = api.get(f"{PODS}?includeObject=Object", Accept=TABLE)["rows"][0]["object"]
    assert with_object["spec"]["containers"]
    assert "object" not in api.get(f"{PODS}?includeObject=None", Accept=TABLE)["rows"][0]
    assert api.call("GET", f"{PODS}?includeObject=All", headers={"Accept": TABLE}).code == 422


def test_metadata_alone(api: Api) -> None:
    """For clients that keep no more of an object."""
    document = api.get(SELECTED, Accept=METADATA)
    assert document["kind"] == "PartialObjectMetadataList"
    assert set(document["items"][0]) == {"kind", "apiVersion", "metadata"}


def test_what_cannot_be_given_is_not_acceptable(api: Api) -> None:
    """406 where only protobuf will do; the next best where there is one."""
    protobuf = "application/vnd.kubernetes.protobuf"
    assert api.call("GET", PODS, headers={"Accept": protobuf}).code == 406
    both = api.call("GET", PODS, headers={"Accept": f"{protobuf},application/json;q=0.5"})
    assert both.headers["content-type"] == "application/json"
    assert api.call("GET", PODS, headers={"Accept": "text/html, */*;q=0.1"}).code == 200


def test_selectors_with_every_operator(api: Api) -> None:
    """In, NotIn, exists, and not."""
    query = quote("of in (lists,others),!absent,of notin (none),of")
    assert len(names(api.get(f"{CONFIG_MAPS}?labelSelector={query}"))) == 7
