"""Bytes that nobody should send: each has an answer, and none of them is a 500 or costs memory."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.kube.identity import Object
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map
from tests.fuzz.target import EXPECTED

JSON_PATCH = {"Content-Type": "application/json-patch+json"}


def raw(api: Api, sent: bytes) -> bytes:
    """The first line of the answer to bytes that no client library would send."""
    assert api.url.hostname and api.url.port
    with (
        socket.create_connection((api.url.hostname, api.url.port), timeout=10) as plain,
        api.tls.wrap_socket(plain, server_hostname=api.url.hostname) as secured,
    ):
        secured.sendall(sent)
        return secured.recv(65536).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"GET //api/v1/pods", (404,)),
        (b"GET /api//v1/pods", (404,)),
        (b"GET /api/v1/namespaces/%2e%2e/pods", (404,)),
        (b"GET /api/v1/namespaces/../pods", (404,)),
        (b"GET /api/v1/namespaces/default/pods/..%2fsecrets%2fx", (404,)),
        (b"GET /api/v1/namespaces/default;x=1/pods/a", (404,)),
        (b"GET /api/v1/namespaces/default/pods/%00", (400,)),
        (b"GET /api/v1/namespaces/default/pods/%0d%0aX:y", (400,)),
        (b"GET /api/v1/namespaces/default/pods/%ff%fe", (400,)),
        (b"GET /api/v1/namespaces/default/pods/" + b"a" * 9000, (414,)),
        (b"GET /api/v1/pods?" + b"a=b&" * 500, (400,)),
        (b"GET /api/v1/pods?labelSelector=%ff", (400,)),
        (b"TRACE /api/v1/pods", (405,)),
        (b"CONNECT example.com:443", (400, 404, 405)),
        (b"BREW /api/v1/pods", (405,)),
        (b"GET http://elsewhere/api/v1/pods", (400, 404)),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_tricks_with_paths_and_methods_lead_nowhere(api: Api, line: bytes, codes: tuple[int, ...]) -> None:
    """404, 400, 405 or 414, and never somebody else's object."""
    first = raw(api, line + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert int(first.split()[1]) in codes, first


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b'{"metadata": []}', 400),
        (b'{"metadata": {"name": 5}}', 400),
        (b'{"metadata": {"name": {}}}', 400),
        (b'{"kind": 7, "metadata": {"name": "x"}}', 400),
        (b'{"apiVersion": {}, "metadata": {"name": "x"}}', 400),
        (b'{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}}', 400),
        (b'{"metadata": {"name": "x"}, "data": NaN}', 400),
        (b'{"metadata": {"name": "x"}, "data": {"a": 1e999}}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 400),
        (b'{"metadata": {"name": "\xff"}}', 400),
        (b'{"metadata": {"name": "\\ud800"}}', 400),
        (b'{"metadata": {"name": "..", "labels": {"a": "' + b"x" * 100 + b'"}}}', 422),
        (b'{"metadata": {"name": "' + b"n" * 300 + b'"}}', 422),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bodies_that_make_no_sense(api: Api, body: bytes, code: int) -> None:
    """400 or 422 with a Status."""
    answer = api.call("POST", CONFIG_MAPS, body)
    assert answer.code == code, answer.body
    assert answer.json["kind"] == "Status"


def test_bodies_that_are_too_large_cost_nothing(api: Api) -> None:
    """413 beyond 3 MiB, whether the length is declared or not, and memory stays flat."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = (
        b"POST "
        + CONFIG_MAPS.encode()
        + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    )
    assert b" 413 " in raw(api, head + b"Content-Length: 1000000000\r\n\r\n{")
    chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
    assert b" 413 " in raw(api, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 13)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_yaml_bombs_do_not_go_off(api: Api) -> None:
    """Aliases are refused, depth is bounded."""
    yaml = {"Content-Type": "application/yaml"}
    bomb = b"a: &a [x,x]\nb: &b [*a,*a]\nmetadata: {name: x}\n"
    assert api.call("POST", CONFIG_MAPS, bomb, yaml).code == 400
    assert api.call("POST", CONFIG_MAPS, b"[" * 5000, yaml).code == 400
    assert api.call("POST", CONFIG_MAPS, b"a: !!python/object/apply:os.system [x]", yaml).code == 400
    assert api.call("POST", CONFIG_MAPS, b"\x00\x01", yaml).code == 400


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "add", "path": "/data/99999999999999999999", "value": []}],
        [{"op": "replace", "path": "/metadata/finalizers/99999999999", "value": "x"}],
        [{"op": "test", "path": "/data/a", "value": "no"}] * 1000,
        [{"op": "move", "from": "/metadata", "path": "/metadata/labels/x"}],
        [{"op": "remove", "path": ""}],
        [{"op": "add", "path": "no-slash", "value": 1}],
        [{"op": "explode", "path": "/data"}],
        ["text"],
        {"op": "add"},
    ],
    ids=lambda value: str(value)[:40],
)
def test_json_patches_that_make_no_sense(api: Api, patch: Any) -> None:
    """400 or 422, and the object is as it was."""
    api.call("POST", CONFIG_MAPS, config_map("patched", a="1"))
    before = api.get(f"{CONFIG_MAPS}/patched")
    assert api.call("PATCH", f"{CONFIG_MAPS}/patched", patch, JSON_PATCH).code in (400, 422)
    assert api.get(f"{CONFIG_MAPS}/patched") == before


def test_too_many_steps_in_a_patch(api: Api) -> None:
    """10,000 is the limit, as in Kubernetes."""
    api.call("POST", CONFIG_MAPS, config_map("patched", a="1"))
    steps = [{"op": "test", "path": "/data/a", "value": "1"}] * 10_001
    assert api.call("PATCH", f"{CONFIG_MAPS}/patched", steps, JSON_PATCH).code == 413


def test_selectors_take_linear_time(api: Api) -> None:
    """A selector as long as a request may be is answered like any other."""
    selector = "a%3D" + "a" * 20_000 + "!"
    assert api.call("GET", f"{CONFIG_MAPS}?labelSelector={selector}").code in (200, 400)
    many = ",".join(f"k{n}%3Dv" for n in range(3000))
    assert api.call("GET", f"{CONFIG_MAPS}?labelSelector={many}").code in (200, 400)
    assert api.call("GET", f"{PODS}?fieldSelector={'(' * 5000}").code == 400


METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
PATHS = st.sampled_from(
    [
        CONFIG_MAPS,
        PODS,
        f"{PODS}/x",
        f"{PODS}/x/status",
        f"{PODS}/x/eviction",
        f"{PODS}/x/binding",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/namespaces/default/deployments/fuzzed",
        "/apis/apps/v1/namespaces/default/deployments/fuzzed/scale",
        "/api/v1/namespaces/default",
    ]
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "application/vnd.kubernetes.protobuf",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "name", "containers", "kind", "op", "path", "value", "$patch"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(METHODS, PATHS, TYPES, VALUES | st.binary(max_size=60), st.text(max_size=10))
def test_nothing_that_is_sent_is_a_fault_of_ours(
    api: Api, method: str, path: str, media: str, body: Any, query: str
) -> None:
    """Whatever comes in, the answer is no 500 but where a real API server has one, word for word (writes are
    dry runs, so that nothing piles up)."""
    from urllib.parse import quote

    sent = body if isinstance(body, bytes) else None
    value = b"k8s\0" + sent if sent is not None and "protobuf" in media else body
    target = f"{path}?dryRun=All&fieldManager=fuzz&labelSelector={quote(query)}"
    answer = api.call(method, target, value, {"Content-Type": media})
    assert answer.code < 500 or EXPECTED.search(answer.body), answer.body


def test_the_server_lives_on(directory: Path) -> None:
    """Whatever this module has sent to it by now, it takes new connections and answers."""
    with Api(directory / "kubeconfig") as stranger:
        assert stranger.call("GET", "/livez").body == b"ok"


def test_next_to_nothing_is_sent_to_every_kind(api: Api) -> None:
    """An object with a name alone, or with empty or wrong parts, is taken or refused by each kind."""
    faults, asked = [], 0
    empty: tuple[Object, ...] = (
        {},
        {"spec": {}},
        {"spec": None, "status": {}},
        {"data": {}, "webhooks": [{}]},
    )
    for root in ("/api/v1", *(f"/apis/{v['groupVersion']}" for g in groups(api) for v in g["versions"])):
        for served in api.get(root)["resources"]:
            if "/" in served["name"] or "create" not in served["verbs"]:
                continue
            place = f"{root}/namespaces/default" if served["namespaced"] else root
            for body in empty:
                sent = {"metadata": {"name": "nothing.example.com"}, **body}
                answer = api.call("POST", f"{place}/{served['name']}?dryRun=All", sent)
                asked += 1
                if answer.code >= 500:
                    faults.append((place, served["name"], body, answer.body))
    assert faults == []
    assert asked > 200


def groups(api: Api) -> Any:
    return api.get("/apis")["groups"]
