"""Quotas and limits: what they refuse, in which words, and what they count."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deletion import configmap
from tests.realcluster.differential.scenarios.deployments import deployment, template


def quota(**hard: str) -> Object:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota"},
        "spec": {"hard": named},
    }


def pod(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": template("x", 1, **spec)["spec"],
    }


@scenario()
def quota_of_pods(play: Play) -> None:
    """A Deployment that may not have all its pods says so, and gets them when it may."""
    play.create(quota(pods="2"))
    play.settle("quota")
    play.create(deployment(3))
    play.settle("created")
    play.run_all("started")
    play.patch("resourcequotas", "quota", {"spec": {"hard": {"pods": "4"}}})
    play.scale("deployments", "web", 4)  # a set that was refused comes back at once when it is changed
    play.settle("raised")
    play.run_all("all started")
    play.create(pod("by-hand"))


@scenario()
def quota_refusals(play: Play) -> None:
    """By count, by amount, and for want of a request."""
    play.create(quota(requests_cpu="100m", limits_memory="64Mi", count__configmaps="2"))
    play.settle("quota")
    play.create(pod("without-limits"))
    container = {
        "name": "app",
        "image": "example.com/app:1",
        "resources": {"requests": {"cpu": "60m"}, "limits": {"memory": "32Mi"}},
    }
    play.create(pod("first", containers=[container]))
    play.settle("first")
    play.create(pod("second", containers=[container]))
    play.create(configmap("one"))
    play.create(configmap("two"))
    play.settle("in the end")


@scenario()
def limits(play: Play) -> None:
    """A LimitRange fills in what is missing and refuses what is too much."""
    limit = {
        "type": "Container",
        "default": {"cpu": "200m", "memory": "64Mi"},
        "defaultRequest": {"cpu": "100m"},
        "max": {"cpu": "500m"},
        "min": {"memory": "8Mi"},
    }
    play.create(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "limits"},
            "spec": {"limits": [limit]},
        }
    )
    bare = {"name": "app", "image": "example.com/app:1"}
    play.create(pod("bare", containers=[bare]))
    greedy = {**bare, "resources": {"limits": {"cpu": "2"}, "requests": {"memory": "1Mi"}}}
    play.create(pod("greedy", containers=[greedy]))
    play.settle("in the end")
