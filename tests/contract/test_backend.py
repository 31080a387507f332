"""What gitrel relies on in a cluster, shown on every implementation of `Backend`."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.backends.backend import FIELD_OWNER, Refused
from gitrel.kube.conditions import is_true
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object, ref_of
from tests.contract.conftest import Place


def config_map(place: Place, name: str = "settings", **data: str) -> Object:
    metadata = {"name": name, "namespace": place.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(place: Place, image: str = "example.com/web:1") -> Object:
    labels = {"app": "web"}
    pod: dict[str, Any] = {"containers": [{"name": "web", "image": image}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": place.namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def live(place: Place, obj: Object) -> Object | None:
    return place.backend.read([obj]).get(ref_of(obj))


def test_a_cluster_has_an_identity_that_stays(place: Place) -> None:
    """It is the same at each question, and not empty."""
    assert place.backend.identity() == place.backend.identity() != ""


def test_what_is_applied_can_be_read(place: Place) -> None:
    """With a UID and the fields that were sent; what does not exist is left out."""
    applied = place.backend.apply(config_map(place, a="1"))
    assert applied["metadata"]["uid"]
    found = place.backend.read([config_map(place), config_map(place, "absent")])
    assert [ref.name for ref in found] == ["settings"]
    assert found[ref_of(config_map(place))]["data"] == {"a": "1"}


def test_what_is_about_to_be_created_is_found_as_soon_as_gitrel_made_it(place: Place) -> None:
    """Whatever has been learnt of many that are missing, what there is is given, and so is what was just
    applied; who does not ask for what is coming is told the truth of this moment."""
    old = place.backend.apply(config_map(place, "old"))
    coming = [config_map(place, f"coming-{number}") for number in range(8)]
    for obj in (*coming, *coming):
        assert list(place.backend.read([obj, old], coming=True)) == [ref_of(old)]
    place.backend.apply(coming[7])
    for options in ({}, {"coming": True}, {"recent": True}):
        found = place.backend.read([*coming, old], **options)
        assert list(found) == [ref_of(coming[7]), ref_of(old)]


def test_applying_the_same_again_changes_nothing(place: Place) -> None:
    """Not even the resource version, so a reconciler at rest writes nothing."""
    first = place.backend.apply(config_map(place, a="1"))
    again = place.backend.apply(config_map(place, a="1"))
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_field_that_is_no_longer_sent_goes(place: Place) -> None:
    """What gitrel gave up is removed; what it never had stays."""
    place.backend.apply(config_map(place, a="1", b="2"))
    applied = place.backend.apply(config_map(place, b="2"))
    assert applied["data"] == {"b": "2"}


def test_a_dry_run_stores_nothing(place: Place) -> None:
    """It answers with what would be."""
    would = place.backend.apply(config_map(place, a="1"), dry_run=True)
    assert would["data"] == {"a": "1"}
    assert live(place, config_map(place)) is None


def test_gitrel_is_the_manager_of_what_it_applies(place: Place) -> None:
    """Ownership is recorded under its own name, as an apply."""
    applied = place.backend.apply(config_map(place, a="1"))
    managers = [(m["manager"], m["operation"]) for m in applied["metadata"]["managedFields"]]
    assert (FIELD_OWNER, "Apply") in managers


def test_deleting_is_for_one_uid(place: Place) -> None:
    """True once, False when it is gone, False for another object of the same name."""
    first = place.backend.apply(config_map(place, a="1"))
    assert place.backend.delete(first) is True
    place.wait_for(lambda: live(place, config_map(place)) is None)
    assert place.backend.delete(first) is False
    place.backend.apply(config_map(place, a="2"))
    assert place.backend.delete(first) is False
    assert live(place, config_map(place)) is not None


def test_what_is_wrong_is_refused_with_a_reason(place: Place) -> None:
    """Kubernetes' own reason and the name of the object."""
    wrong = replaced(deployment(place), ("spec", "selector"), {"matchLabels": {"app": "other"}})
    with pytest.raises(Refused, match="selector") as refused:
        place.backend.apply(wrong)
    assert refused.value.reason == "Invalid"
    assert refused.value.ref == ref_of(wrong)


def test_unknown_fields_are_refused(place: Place) -> None:
    """A typing mistake in a field never passes in silence."""
    wrong = replaced(deployment(place), ("spec", "replica"), 3)
    with pytest.raises(Refused, match="replica"):
        place.backend.apply(wrong)


def test_a_kind_that_is_not_served_is_refused(place: Place) -> None:
    """By name, and reading it finds nothing."""
    strange = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": {"name": "a", "namespace": "b"}}
    with pytest.raises(Refused, match="Strange"):
        place.backend.apply(strange)
    assert place.backend.read([strange]) == {}


def test_a_deployment_becomes_available(place: Place) -> None:
    """Controllers, scheduler and nodes do their part, and its pods are found by their labels."""
    place.backend.apply(deployment(place))

    def available() -> bool:
        found = live(place, deployment(place))
        return found is not None and is_true(found, "Available")

    place.wait_for(available)
    pods = place.backend.list("v1", "Pod", place.namespace, {"app": "web"})
    assert [get(pod, "status", "phase") for pod in pods] == ["Running", "Running"]
    assert place.backend.list("v1", "Pod", place.namespace, {"app": "other"}) == []


def test_a_list_is_ordered_by_name(place: Place) -> None:
    """Whatever order they were made in."""
    for name in ("c", "a", "b"):
        place.backend.apply(config_map(place, name))
    found = [m["metadata"]["name"] for m in place.backend.list("v1", "ConfigMap", place.namespace)]
    assert [name for name in found if len(name) == 1] == ["a", "b", "c"]


def test_a_patch_is_of_the_object_as_it_was_read(place: Place) -> None:
    """It may hand fields to another manager; once somebody has written the object, it is refused."""
    old = place.backend.apply(config_map(place, a="1", b="2"))
    record = old["metadata"]["managedFields"]
    theirs = [{**entry, "manager": "somebody", "operation": "Update"} for entry in record]
    swap = {"op": "replace", "path": "/metadata/managedFields", "value": theirs}
    handed = place.backend.patch(old, [swap])
    assert [entry["manager"] for entry in handed["metadata"]["managedFields"]] == ["somebody"]
    kept = place.backend.apply(config_map(place, a="1"))
    assert kept["data"] == {"a": "1", "b": "2"}
    with pytest.raises(Refused) as refused:
        place.backend.patch(old, [swap])
    assert refused.value.reason == "Conflict"
