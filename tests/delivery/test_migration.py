"""Fields that kubectl applied on the client's side change hands, and nobody else's do."""

from __future__ import annotations

from typing import Any

from gitrel.delivery.migration import hand_over


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
