"""Every verb over HTTPS: answers, refusals and their exact form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map, pod

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def deployment(name: str, replicas: int = 1) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "nginx"}]},
            },
        },
    }


def test_an_object_lives_through_all_verbs(api: Api) -> None:
    """create 201, get, update, patch and delete 200, and then 404."""
    made = api.call("POST", CONFIG_MAPS, config_map("life", a="1"))
    assert made.code == 201
    assert api.get(f"{CONFIG_MAPS}/life") == made.json
    changed = api.call("PUT", f"{CONFIG_MAPS}/life", {**made.json, "data": {"a": "2"}})
    assert (changed.code, changed.json["data"]) == (200, {"a": "2"})
    patched = api.call("PATCH", f"{CONFIG_MAPS}/life", {"data": {"b": "3"}}, MERGE)
    assert (patched.code, patched.json["data"]) == (200, {"a": "2", "b": "3"})
    gone = api.call("DELETE", f"{CONFIG_MAPS}/life")
    assert gone.code == 200
    assert gone.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "life", "kind": "configmaps", "uid": made.json["metadata"]["uid"]},
    }
    assert api.call("GET", f"{CONFIG_MAPS}/life").json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "life" not found',
        "reason": "NotFound",
        "details": {"name": "life", "kind": "configmaps"},
        "code": 404,
    }


def test_refusals_have_the_form_of_kubernetes(api: Api) -> None:
    """Conflicts, existing names, wrong namespaces and names, and invalid objects."""
    api.post(CONFIG_MAPS, config_map("there"))
    answer = api.call("POST", CONFIG_MAPS, config_map("there"))
    assert answer.said == (409, "AlreadyExists", 'configmaps "there" already exists')
    stale = config_map("there")
    stale["metadata"]["resourceVersion"] = "1"
    code, reason, message = api.call("PUT", f"{CONFIG_MAPS}/there", stale).said
    assert (code, reason) == (409, "Conflict")
    assert message.startswith('Operation cannot be fulfilled on configmaps "there": the object has been')
    elsewhere = config_map("x")
    elsewhere["metadata"]["namespace"] = "kube-system"
    assert api.call("POST", CONFIG_MAPS, elsewhere).said[2] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )
    assert api.call("PUT", f"{CONFIG_MAPS}/there", config_map("other")).said[2] == (
        "the name of the object (other) does not match the name on the URL (there)"
    )
    code, reason, message = api.call("POST", CONFIG_MAPS, config_map("Not_A_Name")).said
    assert (code, reason) == (422, "Invalid")
    assert message.startswith('ConfigMap "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name"')


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/namespaces/default/nonsense", 404),
        ("GET", "/apis/apps/v2/namespaces/default/deployments", 404),
        ("GET", "/apis/none.example.com/v1/things", 404),
        ("GET", "/api/v1/pods/no-namespace", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/api/v1/pods", 405),
        ("PUT", PODS, 405),
        ("POST", f"{PODS}/x", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", f"{PODS}/x/binding", 405),
        ("POST", "/version", 405),
    ],
)
def test_paths_and_methods_that_are_not_served(api: Api, method: str, path: str, code: int) -> None:
    """404 for what does not exist, 405 for what cannot be done to it."""
    assert api.call(method, path).code == code


def test_dry_runs_store_nothing(api: Api) -> None:
    """`dryRun=All` answers like the real thing, for a create, a patch and a deletion."""
    assert api.call("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("dry")).code == 201
    assert api.call("GET", f"{CONFIG_MAPS}/dry").code == 404
    api.post(CONFIG_MAPS, config_map("wet", a="1"))
    path = f"{CONFIG_MAPS}/wet?dryRun=All"
    assert api.call("PATCH", path, {"data": {"a": "2"}}, MERGE).json["data"] == {"a": "2"}
    assert api.call("DELETE", path).code == 200
    assert api.get(f"{CONFIG_MAPS}/wet")["data"] == {"a": "1"}
    code, reason, message = api.call("POST", f"{CONFIG_MAPS}?dryRun=Some", config_map("dry")).said
    assert (code, reason) == (422, "Invalid")
    assert "CreateOptions.meta.k8s.io" in message and 'supported values: "All"' in message


def test_unknown_and_repeated_fields_are_told_of(api: Api) -> None:
    """Warn answers in headers, Strict refuses, Ignore is silent."""
    sent = config_map("fields") | {"extra": 1}
    body = b'{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
    answer = api.call("POST", f"{CONFIG_MAPS}?dryRun=All", sent)
    assert answer.warnings == ('299 - "unknown field \\"extra\\""',)
    assert api.call("POST", f"{CONFIG_MAPS}?dryRun=All", body).warnings == (
        '299 - "duplicate field \\"a\\""',
    )
    strict = f"{CONFIG_MAPS}?dryRun=All&fieldValidation=Strict"
    assert 'strict decoding error: unknown field "extra"' in api.call("POST", strict, sent).said[2]
    assert 'strict decoding error: duplicate field "a"' in api.call("POST", strict, body).said[2]
    ignore = f"{CONFIG_MAPS}?dryRun=All&fieldValidation=Ignore"
    assert api.call("POST", ignore, sent).warnings == ()
    assert api.call("POST", f"{CONFIG_MAPS}?fieldValidation=Perhaps", sent).code == 422


def test_each_kind_of_patch(api: Api) -> None:
    """JSON, merge and strategic patches do what each is for; anything else is 415."""
    api.post(DEPLOYMENTS, deployment("patched"))
    path = f"{DEPLOYMENTS}/patched"
    step = [{"op": "replace", "path": "/spec/replicas", "value": 2}]
    assert api.call("PATCH", path, step, JSON_PATCH).json["spec"]["replicas"] == 2
    more = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
    after = api.call("PATCH", path, more, STRATEGIC).json
    names = [c["name"] for c in after["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["main", "side"]
    assert api.call("PATCH", path, {}, {"Content-Type": "application/json"}).code == 415
    test = [{"op": "test", "path": "/spec/replicas", "value": 9}]
    assert api.call("PATCH", path, test, JSON_PATCH).code == 422
    assert api.call("PATCH", f"{DEPLOYMENTS}/nobody", more, STRATEGIC).code == 404


def test_server_side_apply_names_the_other_manager(api: Api) -> None:
    """201 when made, 200 when changed, 409 with the manager's name, and force takes over."""
    path = f"{CONFIG_MAPS}/applied"
    first = api.call("PATCH", f"{path}?fieldManager=one", config_map("applied", a="1"), APPLY)
    assert first.code == 201
    assert [entry["manager"] for entry in first.json["metadata"]["managedFields"]] == ["one"]
    again = api.call("PATCH", f"{path}?fieldManager=one", config_map("applied", a="2"), APPLY)
    assert (again.code, again.json["data"]) == (200, {"a": "2"})
    other = f"{path}?fieldManager=two"
    code, reason, message = api.call("PATCH", other, config_map("applied", a="3"), APPLY).said
    assert (code, reason) == (409, "Conflict")
    assert message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    forced = api.call("PATCH", f"{other}&force=true", config_map("applied", a="3"), APPLY)
    assert forced.json["data"] == {"a": "3"}
    assert (
        api.call("PATCH", path, config_map("applied"), APPLY)
        .said[2]
        .endswith("fieldManager: Required value: is required for apply patch")
    )
    yaml = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\ndata:\n  day: 2026-01-01\n"
    applied = api.call("PATCH", f"{path}?fieldManager=three", yaml, APPLY)
    assert applied.json["data"]["day"] == "2026-01-01"


def test_the_manager_is_the_user_agent_where_none_is_given(api: Api) -> None:
    """As the API server has it: the part before the slash."""
    made = api.post(CONFIG_MAPS, config_map("agent", a="1"))
    assert made["metadata"]["managedFields"][0]["manager"] == "tests"


def test_status_is_written_apart(api: Api) -> None:
    """A PUT of the object leaves the status, a PUT of the status leaves the rest."""
    made = api.post("/api/v1/namespaces/default/services", service("front"))
    path = "/api/v1/namespaces/default/services/front"
    ingress = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    made["status"] = ingress
    assert api.call("PUT", path, made).json["status"] == {"loadBalancer": {}}
    fresh = api.get(path)
    fresh |= {"status": ingress, "metadata": {**fresh["metadata"], "labels": {"a": "b"}}}
    after = api.call("PUT", f"{path}/status", fresh).json
    assert after["status"] == ingress
    assert "labels" not in after["metadata"]
    assert api.get(f"{path}/status") == after


def service(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "selector": {"app": name}}}


def test_scale_is_read_and_written_as_a_scale(api: Api) -> None:
    """GET, PUT and PATCH of the subresource; a stale Scale is a conflict."""
    api.post(DEPLOYMENTS, deployment("scaled", 2))
    path = f"{DEPLOYMENTS}/scaled/scale"
    scale = api.get(path)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 2},
        "app=scaled",
    )
    assert api.call("PATCH", path, {"spec": {"replicas": 4}}, MERGE).json["spec"] == {"replicas": 4}
    assert api.get(f"{DEPLOYMENTS}/scaled")["spec"]["replicas"] == 4
    assert api.call("PUT", path, scale | {"spec": {"replicas": 1}}).code == 409
    assert api.call("PUT", path, {"spec": {"replicas": -1}}).code == 422
    assert api.call("PUT", path, {"spec": {"replicas": "many"}}).code == 400
    assert api.call("GET", f"{PODS}/x/scale").code == 404


def test_pods_are_bound_and_evicted(api: Api) -> None:
    """A scheduler of one's own binds; an eviction deletes, and says so in the pod."""
    gated = pod("bound")
    gated["spec"]["schedulerName"] = "mine"
    api.post(PODS, gated)
    target = {"target": {"kind": "Node", "name": "node-1"}}
    assert api.call("POST", f"{PODS}/bound/binding", target).code == 201
    assert api.get(f"{PODS}/bound")["spec"]["nodeName"] == "node-1"
    assert api.call("POST", f"{PODS}/bound/binding", target).said[1] == "Conflict"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "bound"}}
    with api.watch(f"{PODS}?watch=true&fieldSelector=metadata.name%3Dbound") as events:
        assert next(events)["type"] == "ADDED"
        assert api.call("POST", f"{PODS}/bound/eviction", eviction).code == 201
        seen = [next(events)["object"] for _ in range(2)]
    reasons = {c["type"]: c.get("reason") for c in seen[0]["status"]["conditions"]}
    assert reasons["DisruptionTarget"] == "EvictionByEvictionAPI"
    assert "deletionTimestamp" in seen[1]["metadata"]


def test_deletions_keep_their_conditions(api: Api) -> None:
    """Preconditions, propagation, and options from the body or the query."""
    made = api.post(CONFIG_MAPS, config_map("kept"))
    path = f"{CONFIG_MAPS}/kept"
    wrong = {"preconditions": {"uid": "another"}}
    assert api.call("DELETE", path, wrong).said[:2] == (409, "Conflict")
    stale = {"preconditions": {"resourceVersion": "1"}}
    assert api.call("DELETE", path, stale).said[:2] == (409, "Conflict")
    both = {"propagationPolicy": "Orphan", "orphanDependents": True}
    assert api.call("DELETE", path, both).code == 422
    assert api.call("DELETE", f"{path}?propagationPolicy=Sometimes").code == 422
    assert api.call("DELETE", path, {"gracePeriodSeconds": "soon"}).code == 400
    waits = api.call("DELETE", f"{path}?propagationPolicy=Foreground")
    uid = made["metadata"]["uid"]
    assert (waits.code, waits.json["metadata"]["uid"]) == (202, uid)


def test_collections_are_deleted_by_selectors(api: Api) -> None:
    """Only what is meant goes; the answer lists it."""
    for name, team in (("one", "red"), ("two", "red"), ("three", "blue")):
        made = config_map(f"many-{name}")
        made["metadata"]["labels"] = {"team": team}
        api.post(CONFIG_MAPS, made)
    gone = api.call("DELETE", f"{CONFIG_MAPS}?labelSelector=team%3Dred").json
    assert [item["metadata"]["name"] for item in gone["items"]] == ["many-one", "many-two"]
    left = api.get(f"{CONFIG_MAPS}?labelSelector=team")["items"]
    assert [item["metadata"]["name"] for item in left] == ["many-three"]


def test_names_are_generated(api: Api) -> None:
    """generateName gives each object a name of its own."""
    sent = {"metadata": {"generateName": "gen-"}}
    names = {api.post(CONFIG_MAPS, sent)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("gen-") and len(name) == 9 for name in names)


def test_one_kind_is_read_in_all_its_versions(api: Api) -> None:
    """An Event is stored once and read as core/v1 and as events.k8s.io/v1."""
    api.post(PODS, pod("eventful"))
    query = "fieldSelector=involvedObject.name%3Deventful"
    old = api.get(f"/api/v1/namespaces/default/events?{query}")
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    new = [e for e in api.get(path)["items"] if e["regarding"]["name"] == "eventful"]
    assert old["items"] and [e["note"] for e in new] == [e["message"] for e in old["items"]]
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    assert api.get(path, Accept=table)["columnDefinitions"][0]["name"] == "Last Seen"


def test_kubelets_cannot_be_reached(api: Api) -> None:
    """log and exec fail as they do where a node is down; what is wrong with the request is told first."""
    api.post(PODS, pod("quiet"))
    message = api.call("GET", f"{PODS}/quiet/log").said[2]
    assert message.startswith('Get "https://172.') and message.endswith("connect: connection refused")
    upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    message = api.call("POST", f"{PODS}/quiet/exec?command=ls", headers=upgrade).said[2]
    assert message.startswith("error dialing backend: dial tcp 172.")
    assert api.call("POST", f"{PODS}/quiet/exec?command=ls").said == (
        400,
        "BadRequest",
        "Upgrade request required",
    )
    assert api.call("GET", f"{PODS}/quiet/log?container=x").said[2] == (
        "container x is not valid for pod quiet"
    )
    assert api.call("GET", f"{PODS}/nobody/log").code == 404


def test_large_answers_are_compressed_when_asked(api: Api) -> None:
    """From 128 KiB on, for clients that take gzip; the same content either way."""
    api.post(CONFIG_MAPS, config_map("large", a="x" * 200_000))
    plain = api.call("GET", f"{CONFIG_MAPS}/large")
    packed = api.call("GET", f"{CONFIG_MAPS}/large", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 20_000
    assert packed.json == plain.json
    api.call("DELETE", f"{CONFIG_MAPS}/large")


def test_yaml_goes_in_and_out(api: Api) -> None:
    """application/yaml both ways."""
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: 'on'}\n"
    headers = {"Content-Type": "application/yaml", "Accept": "application/yaml"}
    made = api.call("POST", CONFIG_MAPS, text, headers)
    assert made.code == 201
    assert made.headers["content-type"] == "application/yaml"
    assert b"a: 'on'" in made.body


def test_custom_resources_are_served_like_any_other(api: Api) -> None:
    """From the definition on: discovery, OpenAPI, columns, strict fields, scale, and the end of it all."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"color": {"type": "string"}, "replicas": {"type": "integer", "minimum": 0}},
            },
            "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        "additionalPrinterColumns": [{"name": "Color", "type": "string", "jsonPath": ".spec.color"}],
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    definition = {
        "metadata": {"name": "boxes.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "boxes", "singular": "box", "kind": "Box", "shortNames": ["bx"]},
            "versions": [version],
        },
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert api.call("GET", "/apis/example.com/v1").code == 404
    api.post(definitions, definition)
    [row, *_] = api.get("/apis/example.com/v1")["resources"]
    assert (row["name"], row["shortNames"]) == ("boxes", ["bx"])
    boxes = "/apis/example.com/v1/namespaces/default/boxes"
    box = {
        "apiVersion": "example.com/v1",
        "kind": "Box",
        "metadata": {"name": "b"},
        "spec": {"color": "red", "replicas": 1, "odd": 1},
    }
    answer = api.call("POST", f"{boxes}?fieldValidation=Strict", box)
    assert (answer.code, 'unknown field "spec.odd"' in answer.said[2]) == (400, True)
    assert api.post(boxes, box)["spec"] == {"color": "red", "replicas": 1}
    table = api.get(boxes, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [c["name"] for c in table["columnDefinitions"]][:2] == ["Name", "Color"]
    assert table["rows"][0]["cells"][:2] == ["b", "red"]
    assert api.get(f"{boxes}?fieldSelector=spec.color%3Dred")["items"]
    assert api.call("PATCH", f"{boxes}/b/scale", {"spec": {"replicas": 3}}, MERGE).code == 200
    assert api.get(f"{boxes}/b")["spec"]["replicas"] == 3
    schemas = api.get("/openapi/v3/apis/example.com/v1")["components"]["schemas"]
    assert schemas["com.example.v1.Box"]["properties"]["spec"]["properties"]["color"] == {"type": "string"}
    assert api.call("PATCH", f"{boxes}/b", {}, STRATEGIC).code == 415
    api.call("DELETE", f"{definitions}/boxes.example.com")
    assert api.call("GET", f"{boxes}/b").code == 404


def test_a_request_is_approved_by_its_own_subresource(api: Api) -> None:
    """`approval` takes the conditions and nothing else."""
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    from base64 import b64encode

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM)
    spec = {
        "request": b64encode(pem).decode(),
        "signerName": "example.com/mine",
        "usages": ["digital signature"],
    }
    made = api.post(path, {"metadata": {"name": "mine"}, "spec": spec})
    condition = {"type": "Approved", "status": "True", "reason": "Tests", "message": "fine"}
    sent = {**made, "status": {"conditions": [condition]}}
    answer = api.call("PUT", f"{path}/mine/approval", sent)
    assert answer.code == 200, answer.body
    assert answer.json["status"]["conditions"][0]["type"] == "Approved"


def test_budgets_hold_up_evictions(api: Api) -> None:
    """429 with the cause that clients look for."""
    api.post(PODS, pod("guarded", app="guarded"))
    budget = {
        "metadata": {"name": "guard"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}},
    }
    api.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget)
    answer = api.call("POST", f"{PODS}/guarded/eviction", {"metadata": {"name": "guarded"}})
    assert (answer.code, answer.json["reason"]) == (429, "TooManyRequests")
    assert answer.json["details"]["causes"][0]["reason"] == "DisruptionBudget"
