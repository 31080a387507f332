"""Sorting changes by gravity, immutable fields, and telling a change once where environments agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.delivery.changes import ONLY_HIDDEN, Change, changes, counts, grouped
from gitrel.delivery.classify import SORTS, changed_paths, sorts_of
from gitrel.delivery.immutable import is_immutable
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, ref_of
from gitrel.kube.masking import Masker


def obj(api_version: str, kind: str, **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "shop"}, **fields}


SERVICE = obj("v1", "Service", spec={"clusterIP": "10.0.0.1", "selector": {"app": "x"}})
HEADLESS = replaced(SERVICE, ("spec", "clusterIP"), "None")
STATEFUL = obj("apps/v1", "StatefulSet", spec={"replicas": 1, "serviceName": "x", "template": {"a": 1}})
CLAIM = obj("v1", "PersistentVolumeClaim", spec={"storageClassName": "a", "resources": {"requests": 1}})
JOB = obj("batch/v1", "Job", spec={"template": {"spec": {"nodeSelector": {}, "containers": []}}})
SUSPENDED = replaced(JOB, ("spec", "suspend"), True)
FROZEN = obj("v1", "ConfigMap", data={"a": "1"}, immutable=True)
BINDING = obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "a"}, subjects=[])
CRD = obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec={"scope": "Cluster", "group": "a"})


@pytest.mark.parametrize(
    ("old", "path", "value", "immutable"),
    [
        pytest.param(obj("apps/v1", "Deployment", spec={}), ("spec", "selector"), {}, True, id="selector"),
        pytest.param(
            obj("extensions/v1", "Deployment", spec={}), ("spec", "selector"), {}, False, id="group"
        ),
        pytest.param(STATEFUL, ("spec", "replicas"), 2, False, id="stateful set: replicas"),
        pytest.param(STATEFUL, ("spec", "template", "a"), 2, False, id="stateful set: template"),
        pytest.param(STATEFUL, ("spec", "serviceName"), "y", True, id="stateful set: the rest"),
        pytest.param(CLAIM, ("spec", "resources", "requests"), 2, False, id="claim: size"),
        pytest.param(CLAIM, ("spec", "storageClassName"), "b", True, id="claim: class"),
        pytest.param(JOB, ("spec", "template", "spec", "containers"), [1], True, id="job: template"),
        pytest.param(
            SUSPENDED, ("spec", "template", "spec", "nodeSelector"), {"a": 1}, False, id="suspended"
        ),
        pytest.param(SUSPENDED, ("spec", "template", "spec", "containers"), [1], True, id="suspended: more"),
        pytest.param(SERVICE, ("spec", "clusterIP"), "10.0.0.2", True, id="service: address"),
        pytest.param(SERVICE, ("spec", "selector", "app"), "y", False, id="service: selector"),
        pytest.param(HEADLESS, ("spec", "clusterIP"), "10.0.0.2", True, id="service: no more headless"),
        pytest.param(FROZEN, ("data", "a"), "2", True, id="immutable config map"),
        pytest.param(replaced(FROZEN, ("immutable",), False), ("data", "a"), "2", False, id="config map"),
        pytest.param(BINDING, ("roleRef", "name"), "b", True, id="role of a binding"),
        pytest.param(BINDING, ("subjects",), [1], False, id="subjects of a binding"),
        pytest.param(CRD, ("spec", "scope"), "Namespaced", True, id="scope of a definition"),
        pytest.param(obj("v1", "Secret", type="Opaque"), ("type",), "tls", True, id="type of a secret"),
    ],
)
def test_immutable_fields(old: Object, path: tuple[str, ...], value: Any, immutable: bool) -> None:
    """What the API server refuses to change is told, and what it lets through is not."""
    new = replaced(old, path, value)
    assert is_immutable(old, new, path) is immutable
    assert ("immutable" in sorts_of(old, new)) is immutable


def test_sorts_come_gravest_first() -> None:
    """A change of several sorts names the one first that most needs a look."""
    old = obj("apps/v1", "Deployment", spec={"replicas": 1, "selector": {"a": 1}})
    new = obj("apps/v1", "Deployment", spec={"replicas": 2, "selector": {"a": 2}})
    assert sorts_of(old, new) == ("immutable", "replicas", "other")
    assert sorts_of(CRD, None) == ("deletes", "crd")
    assert sorts_of(None, CRD) == ("crd",)


def test_another_container_is_another_image() -> None:
    """A container that comes or goes runs another image, although no field called image changes."""

    def pod(*names: str) -> Object:
        return obj("v1", "Pod", spec={"containers": [{"name": name, "image": name} for name in names]})

    assert sorts_of(pod("a"), pod("a", "b")) == ("image",)


def deployment(image: str, replicas: int) -> Object:
    container = {"name": "web", "image": image, "workingDir": f"/{replicas}"}
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    return obj("apps/v1", "Deployment", spec=spec)


def between(environment: str, old: Object | None, new: Object | None) -> list[Change]:
    before = {ref_of(old): old} if old else {}
    after = {ref_of(new): new} if new else {}
    return list(changes("web", environment, before, after, lambda obj: Masker([obj]).mask(obj)))


def test_one_change_in_many_environments_is_told_once() -> None:
    """The same image moves though the lines around it differ: one group, and a word about that."""
    found = [
        *between("east", deployment("web:1", 2), deployment("web:2", 2)),
        *between("west", deployment("web:1", 9), deployment("web:2", 9)),
        *between("asia", deployment("web:1", 2), deployment("web:3", 2)),
        *between("europe", deployment("web:2", 2), deployment("web:2", 2)),
    ]
    together, alone = grouped(found)
    assert together.environments == ("east", "west")
    assert together.surroundings_differ
    assert alone.environments == ("asia",)
    assert not alone.surroundings_differ
    assert str(counts([together, alone])) == "0 created, 3 configured, 0 deleted in 3 environments (image 2)"


def test_the_same_lines_at_other_fields_are_another_change() -> None:
    """One text that changes in two different containers is not one change."""

    def pod(first: str, second: str) -> Object:
        containers = [{"image": first, "tty": True}, {"image": second}]
        return obj("v1", "Pod", spec={"containers": containers})

    found = [
        *between("east", pod("a", "b"), pod("c", "b")),
        *between("west", pod("b", "a"), pod("b", "c")),
    ]
    assert len(grouped(found)) == 2


def test_a_hidden_difference_is_still_a_difference() -> None:
    """A Secret's value changes: that shows, and the value does not."""
    old, new = (obj("v1", "Secret", stringData={"password": value}) for value in ("hunter-old", "hunter-new"))
    (change,) = between("east", old, new)
    assert change.lines == (ONLY_HIDDEN,)  # each object is numbered by itself
    assert "hunter" not in repr(change)


def test_comings_and_goings() -> None:
    """An object on one side only is created or deleted, whole."""
    (created,) = between("east", None, deployment("web:1", 1))
    (deleted,) = between("east", deployment("web:1", 1), None)
    assert (created.word, deleted.word) == ("created", "deleted")
    assert {line[0] for line in created.lines[1:]} == {"+"}
    assert {line[0] for line in deleted.lines[1:]} == {"-"}


_JSON = st.recursive(
    st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from("abc"), _JSON), st.dictionaries(st.sampled_from("abc"), _JSON))
def test_paths_are_empty_exactly_where_nothing_differs(old: Object, new: Object) -> None:
    """Every difference lies at some path, and equal values have none; every sort is one of the table's."""
    assert bool(list(changed_paths(old, new))) == (old != new)
    left, right = obj("v1", "Thing", spec=old), obj("v1", "Thing", spec=new)
    found = sorts_of(left, right)
    assert bool(found) == (old != new)
    assert set(found) <= set(SORTS)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=8))
def test_grouping_loses_and_invents_nothing(sides: list[tuple[int, int]]) -> None:
    """However the environments differ, each change is in exactly one group, with its own environment."""
    found = [
        change
        for index, (old, new) in enumerate(sides)
        for change in between(f"e{index}", deployment(f"web:{old}", index), deployment(f"web:{new}", index))
    ]
    groups = grouped(found)
    assert sorted(name for group in groups for name in group.environments) == [c.environment for c in found]
    assert len(groups) == len({pair for pair in sides if pair[0] != pair[1]})
    assert counts(groups).words["configured"] == len(found)
