"""StatefulSets: order, updates with and without partition, storage, and what becomes of it."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential import byhand
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deployments import container, template


def statefulset(replicas: int = 3, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template("db", 1),
            **spec,
        },
    }


def change(play: Play, version: int) -> None:
    play.side.pass_time(1.1)
    body = {"spec": {"template": {"spec": {"containers": [container(version)]}}}}
    play.patch("statefulsets", "db", body)


def claims() -> list[Object]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return [{"metadata": {"name": "data"}, "spec": spec}]


NAILED = template("db", 1, nodeName=byhand.HOST)
"""Placed by hand: the real scheduler waits for claims to be bound."""


def started(play: Play, **spec: Any) -> None:
    play.create(statefulset(**spec))
    play.settle("created")
    play.run_each("first version")


@scenario()
def stateful_in_order(play: Play) -> None:
    """One after another up, and down again from the top."""
    started(play)
    play.scale("statefulsets", "db", 1)
    play.settle("told to shrink", reap=False)
    play.finish(*play.going())
    play.settle("one gone", reap=False)
    play.finish(*play.going())
    play.settle("two gone")
    play.scale("statefulsets", "db", 2)
    play.settle("grown again")
    play.run_each("started again")


@scenario()
def stateful_in_parallel(play: Play) -> None:
    """All at once."""
    play.create(statefulset(podManagementPolicy="Parallel"))
    play.settle("created")
    play.run_all("started")
    play.scale("statefulsets", "db", 5)
    play.settle("scaled to 5")
    play.run_all("five")
    play.scale("statefulsets", "db", 0)
    play.settle("scaled to nothing")


@scenario()
def stateful_update(play: Play) -> None:
    """From the highest ordinal down, each when the one before is ready."""
    started(play)
    change(play, 2)
    play.settle("changed")
    play.run_each("second version")


@scenario()
def stateful_partition(play: Play) -> None:
    """Only ordinals from the partition on are updated; then the rest."""
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    started(play, updateStrategy=update)
    change(play, 2)
    play.settle("changed")
    play.run_each("partitioned")
    play.delete("pods", "db-0")
    play.settle("one below is deleted")
    play.run_each("comes back as it was")
    play.patch("statefulsets", "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    play.settle("all of them")
    play.run_each("second version")


@scenario()
def stateful_on_delete(play: Play) -> None:
    """Nothing is replaced before somebody deletes it."""
    started(play, updateStrategy={"type": "OnDelete"}, replicas=2)
    change(play, 2)
    play.settle("changed")
    play.delete("pods", "db-1")
    play.settle("one deleted")
    play.run_each("replaced")


@scenario()
def stateful_max_unavailable(play: Play) -> None:
    """Two at a time are asked for; the gate is closed, so the field is dropped and it is one."""
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    play.create(statefulset(replicas=4, updateStrategy=update, podManagementPolicy="Parallel"))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed")
    play.run_each("second version")


@scenario()
def stateful_storage(play: Play) -> None:
    """A claim for each pod, kept when the pod goes."""
    started(play, replicas=2, volumeClaimTemplates=claims(), template=NAILED)
    play.scale("statefulsets", "db", 1)
    play.settle("shrunk")
    play.delete("statefulsets", "db", propagationPolicy="Orphan")
    play.settle("deleted")


@scenario()
def stateful_storage_goes(play: Play) -> None:
    """Claims that go with their pods, and with the set."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    claimed = {"volumeClaimTemplates": claims(), "persistentVolumeClaimRetentionPolicy": policy}
    started(play, replicas=2, template=NAILED, **claimed)
    play.scale("statefulsets", "db", 1)
    play.settle("shrunk")
    play.delete("statefulsets", "db", propagationPolicy="Background")
    play.settle("deleted")


@scenario()
def stateful_failure(play: Play) -> None:
    """A pod that has failed is deleted and made again; a new one above waits for it."""
    started(play, replicas=2)
    play.end(play.pods()[0], exit_code=1)
    play.settle("the first failed")
    play.run_each("made again")


@scenario()
def stateful_history(play: Play) -> None:
    """The first template again takes its old revision up again."""
    started(play, replicas=1, revisionHistoryLimit=1)
    for version in (2, 3, 1):
        change(play, version)
        play.settle(f"changed to {version}")
        play.run_each(f"version {version}")
