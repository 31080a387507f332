"""Annotations that ask something of gitrel: read where they are right, told where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.kube.directives import NONE, Directives, directives_of, wrong_directives
from gitrel.kube.fieldpaths import Item, owners, parse, resolve, value_at, with_value, without

WEB: dict[str, Any] = {
    "metadata": {"labels": {"app.kubernetes.io/name": "web", "app": "x"}},
    "spec": {
        "replicas": 2,
        "containers": [
            {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]},
            {"name": "log", "image": "log:1"},
        ],
        "finalizers": ["a", "b"],
    },
}


def annotated(kind: str = "ConfigMap", **annotations: str) -> dict[str, Any]:
    texts = {f"gitrel.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    api_version = "batch/v1" if kind == "Job" else "v1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "annotations": texts}}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/spec/replicas", ("spec", "replicas")),
        ("/metadata/annotations/a.b~1c", ("metadata", "annotations", "a.b/c")),
        ("spec.replicas", ("spec", "replicas")),
        (".spec.replicas", ("spec", "replicas")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        ("spec.containers[1].image", ("spec", "containers", 1, "image")),
        ("spec.containers[name=web].image", ("spec", "containers", Item((("name", "web"),)), "image")),
        ('ports[port=80,protocol="TCP"]', ("ports", Item((("port", 80), ("protocol", "TCP"))))),
        ('finalizers[="a"]', ("finalizers", Item((("", "a"),)))),
    ],
)
def test_paths_are_read(text: str, path: tuple[Any, ...]) -> None:
    """Pointers, dotted paths, names in quotes, and items by number or by content."""
    assert parse(text) == path


@pytest.mark.parametrize("text", ["", ".", "spec..a", "a[", "a[b]", "[0]", 'a["b]', "a.b]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """A path that is half understood would ignore the wrong field."""
    with pytest.raises(ValueError, match=r"no path|neither|not quoted"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".spec.replicas", 2),
        (".metadata.labels.app.kubernetes.io/name", "web"),
        (".metadata.labels.app", "x"),
        ('.spec.containers[name="log"].image', "log:1"),
        ('.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort', 80),
        ('.spec.finalizers[="b"]', "b"),
        (".spec.nothing", None),
        ('.spec.containers[name="none"]', None),
    ],
)
def test_a_servers_path_is_read_beside_the_object(text: str, value: Any) -> None:
    """Keys with dots are told apart by what the object has; the longest fits."""
    path = resolve(WEB, text)
    assert (value_at(WEB, path) if path else None) == value


def test_taking_out_and_putting_in() -> None:
    """One field goes or changes; everything else is shared, and nothing is edited in place."""
    path = parse("spec.containers[name=web].image")
    less = without(WEB, path)
    assert value_at(less, path) is None
    assert value_at(WEB, path) == "web:1"
    assert less["spec"]["containers"][1] is WEB["spec"]["containers"][1]
    assert value_at(with_value(less, path, "web:9"), path) == "web:9"
    assert without(WEB, parse("spec.none.at.all")) is WEB
    assert without(WEB, parse('spec.finalizers[="a"]'))["spec"]["finalizers"] == ["b"]
    assert with_value({}, ("a", "b"), 1) == {"a": {"b": 1}}
    assert with_value({"a": []}, ("a", Item((("name", "x"),)), "b"), 1) == {"a": []}


def test_owners_of_a_field() -> None:
    """Whoever has the field, or the whole value around it, in managedFields; subresources do not count."""
    container = 'k:{"name":"web"}'
    entries = [
        {"manager": "gitrel", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {
            "manager": "kubectl",
            "operation": "Update",
            "fieldsV1": {"f:spec": {"f:containers": {container: {"f:image": {}}}}},
        },
        {"manager": "kcm", "subresource": "status", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "odd", "fieldsV1": None},
    ]
    live = {**WEB, "metadata": {"managedFields": entries}}
    assert list(owners(live, parse("spec.replicas"))) == [("gitrel", "Apply")]
    assert list(owners(live, parse("spec.containers[0].image"))) == [("kubectl", "Update")]
    assert list(owners(live, parse("spec.containers[name=log].image"))) == []


def test_directives_are_read() -> None:
    """Every annotation, with its default where it is left out."""
    assert directives_of({"metadata": {"name": "a"}}) is NONE
    found = directives_of(
        annotated(
            order="-3",
            conflicts="yield",
            adopt="allowed",
            apply="create-only",
            ignore="spec.replicas, /data/a~1b\nspec.ports[port=80,protocol=TCP]",
            recreate="allowed",
            hook="after",
            hook_delete="never",
        )
    )
    assert found == Directives(
        order=-3,
        hook="after",
        hook_delete="never",
        conflicts="yield",
        adopt=True,
        create_only=True,
        ignore=(
            ("spec", "replicas"),
            ("data", "a/b"),
            ("spec", "ports", Item((("port", 80), ("protocol", "TCP")))),
        ),
        recreate=True,
    )


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (annotated(order="first"), "'first' is not a whole number from -1000 to 1000"),
        (annotated(order="1001"), "is not a whole number"),
        (annotated(conflicts="froce"), "'froce' is not known: write refuse or force or yield"),
        (annotated(apply="once"), "write create-only"),
        (annotated(prune="no"), "'no' is not known: write keep or orphan or delete or disabled"),
        (annotated(ignore="metadata.name"), "cannot be ignored"),
        (annotated(ignore=" , "), "names no field"),
        (annotated(ignore="spec..x"), "is no path of a field"),
        (annotated(recreate="yes"), "write allowed"),
        (annotated(hok="before"), "did you mean gitrel.dev/hook?"),
        (annotated("Pod", hook="before"), "a Pod is no Job: write what it does as a Job, which tells"),
        (annotated(hook="after"), "a ConfigMap of the release is there by then: leave the annotation out"),
        ({**annotated("Job", hook="after"), "spec": {"suspend": True}}, "suspended never ends"),
    ],
)
def test_wrong_directives_are_told_and_count_as_absent(obj: dict[str, Any], told: str) -> None:
    """A typing error never makes gitrel bolder."""
    ((path, what, todo),) = wrong_directives(obj)
    assert told in f"{what}: {todo}"
    assert path[:2] == ("metadata", "annotations")
    found = directives_of(obj)
    assert (found.conflicts, found.order, found.ignore, found.recreate) == ("", 0, (), False)


def test_right_directives_and_other_annotations_are_no_trouble() -> None:
    """Annotations of others, and of gitrel's other rooms, are not commented on."""
    fine = annotated("Job", hook="before", prune="disabled", scope="cluster", build="42")
    fine["metadata"]["annotations"]["example.com/hook"] = "x"
    assert list(wrong_directives(fine)) == []
    assert list(wrong_directives(annotated(hook="before"))) == []


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is a path or a ValueError; a path never raises when it is used."""
    try:
        path = parse(text)
    except ValueError:
        return
    value_at(WEB, path)
    without(WEB, path)
    with_value(WEB, path, 1)
