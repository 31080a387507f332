"""Server-side apply: ownership, conflicts with their words, force, lists by key, and giving up fields."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deployments import template


def deployment(**spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"paused": True, **spec},
    }


def whole(**spec: Any) -> Object:
    return deployment(selector={"matchLabels": {"app": "web"}}, template=template("web", 1), **spec)


def note_owners(play: Play, moment: str, resource: str = "deployments", name: str = "web") -> None:
    """Who owns which fields; the controllers' own writes come when they come."""
    rows = play.get(resource, name)["metadata"].get("managedFields") or []
    rows = [{k: v for k, v in row.items() if k != "time"} for row in rows]
    kept = [row for row in rows if row.get("subresource") != "status"]
    play.note(f"owners: {moment}", sorted(kept, key=lambda row: (row["manager"], row["operation"])))


@scenario()
def apply_conflicts(play: Play) -> None:
    """A field of another manager is refused with both names, unless it is forced or equal."""
    play.apply(whole(replicas=0), "one")
    play.settle("applied")
    note_owners(play, "applied")
    play.apply(deployment(replicas=0), "two")
    note_owners(play, "shared")
    play.apply(deployment(replicas=1, minReadySeconds=5), "two")
    play.apply(whole(replicas=2), "three")
    play.apply(deployment(replicas=1), "two", force=True)
    note_owners(play, "forced")
    play.apply(whole(replicas=3), "one")
    play.apply(whole(), "one")
    note_owners(play, "given up")
    play.apply(deployment(), "two")
    note_owners(play, "given up by all")
    play.settle("in the end")


@scenario()
def apply_over_updates(play: Play) -> None:
    """A patch takes ownership by doing; applying over it is a conflict with its manager."""
    play.apply(whole(replicas=1), "one")
    play.patch("deployments", "web", {"spec": {"replicas": 4}}, manager="someone")
    note_owners(play, "patched")
    play.apply(whole(replicas=1), "one")
    play.scale("deployments", "web", 6)
    note_owners(play, "scaled")
    play.apply(whole(replicas=1), "one")
    play.apply(whole(replicas=1), "one", force=True)
    note_owners(play, "forced")
    play.settle("in the end")


@scenario()
def apply_lists(play: Play) -> None:
    """Containers by name, ports by number and protocol, environment by name."""

    def app(*containers: Object, **spec: Any) -> Object:
        place = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
        return deployment(selector={"matchLabels": {"app": "web"}}, template=place, **spec)

    first = {"name": "app", "image": "example.com/app:1", "env": [{"name": "A", "value": "1"}]}
    play.apply(app(first), "one")
    port = {"containerPort": 80, "protocol": "TCP", "name": "http"}
    side = {"name": "side", "image": "example.com/side:1"}
    play.apply(deployment(template={"spec": {"containers": [{"name": "app", "ports": [port]}, side]}}), "two")
    note_owners(play, "merged")
    environment = [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]
    play.apply(deployment(template={"spec": {"containers": [{"name": "app", "env": environment}]}}), "two")
    play.apply(app({**first, "env": []}), "one")
    note_owners(play, "one without environment")
    play.apply(deployment(template={"spec": {"containers": [{"name": "app", "env": environment}]}}), "two")
    note_owners(play, "two takes what is free")
    play.settle("in the end")


@scenario()
def apply_configmaps(play: Play) -> None:
    """Keys belong to who applied them; one that nobody applies any more goes."""

    def config(**data: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}, "data": data}

    play.apply(config(a="1", b="1"), "one")
    play.apply(config(c="1"), "two")
    note_owners(play, "two managers", "configmaps", "config")
    play.settle("two managers")
    play.apply(config(a="2"), "two")
    play.apply(config(b="1"), "one")
    play.settle("one gave up a")
    play.apply(config(a="2", b="2"), "two")
    play.apply(config(a="2", b="2"), "two", force=True)
    note_owners(play, "forced", "configmaps", "config")
    play.settle("forced")


@scenario()
def apply_invalid(play: Play) -> None:
    """What is refused, and how."""
    play.apply(whole(replicas=-1), "one")
    play.apply(whole(nonsense=1), "one")
    play.apply(whole(), "one")
    play.settle("applied")
    changed = whole()
    changed["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    play.apply(changed, "one")
    play.patch("deployments", "web", {"spec": {"strategy": {"type": "Sideways"}}})
    play.patch("deployments", "web", {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 7}})
    play.patch("deployments", "missing", {"spec": {"replicas": 7}})
