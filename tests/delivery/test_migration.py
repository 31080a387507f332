"""Fields that kubectl applied on the client's side change hands, and nobody else's do."""

from __future__ import annotations

from typing import Any

from gitrel.delivery.migration import hand_over, taken_over


def entry(manager: str, operation: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def test_kubectls_fields_become_gitrels() -> None:
    """Beside those that gitrel has applied already; every other entry stays as it is."""
    ours = entry("gitrel", "Apply", {"f:data": {"f:a": {}}})
    theirs = entry("kubectl-client-side-apply", "Update", {"f:data": {"f:a": {}, "f:b": {}}}, time="t")
    others = [
        entry("kubectl-client-side-apply", "Update", {"f:status": {}}, subresource="status"),
        entry("kubectl-edit", "Update", {"f:data": {"f:c": {}}}),
    ]
    (operation,) = hand_over({"metadata": {"managedFields": [ours, theirs, *others]}})
    assert operation == {
        "op": "replace",
        "path": "/metadata/managedFields",
        "value": [
            entry("gitrel", "Apply", {"f:data": {"f:a": {}, "f:b": {}}}, time="t"),
            *others,
        ],
    }


def test_nothing_changes_hands_where_kubectl_applied_nothing() -> None:
    """Somebody who edited the object, or applied it on the server's side, keeps what is theirs."""
    entries = [entry("kubectl-edit", "Update", {"f:data": {}}), entry("kubectl", "Apply", {"f:data": {}})]
    assert hand_over({"metadata": {"managedFields": entries}}) == ()
    assert hand_over({"metadata": {}}) == ()


def test_what_kubectls_fields_become_is_foreseen() -> None:
    """What the manifest lacks goes, whole items too; what somebody else has too stays, and so does an item
    whose key the manifest leaves to its default."""
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    mine = {"f:spec": {"f:a": {}, "f:b": {}, "f:map": {"f:x": {}, "f:y": {}}, "f:gone": {"f:z": {}},
            "f:ports": {port: {".": {}, "f:name": {}}, 'k:{"containerPort":81}': {".": {}}},
            "f:finalizers": {'v:"one"': {}, 'v:"two"': {}}}}  # fmt: skip
    theirs = entry("kubectl-client-side-apply", "Update", mine)
    editor = entry("kubectl-edit", "Update", {"f:spec": {"f:b": {}}})
    ports = [{"containerPort": 80, "protocol": "TCP", "name": "web"}, {"containerPort": 81}]
    answer = {"metadata": {"managedFields": []}, "spec": {
        "a": 1, "b": 2, "map": {"x": 1, "y": 2}, "gone": {"z": 1}, "ports": ports,
        "finalizers": ["one", "two", "three"], "defaulted": True}}  # fmt: skip
    wanted = {"spec": {"map": {"x": 1}, "ports": [{"containerPort": 80}], "finalizers": ["one"]}}
    live = {"metadata": {"managedFields": [theirs, editor]}}
    assert taken_over(live, wanted, answer)["spec"] == {
        "b": 2,
        "map": {"x": 1},
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "finalizers": ["one", "three"],
        "defaulted": True,
    }
    assert taken_over({"metadata": {}}, wanted, answer) == answer
