"""DaemonSets and CronJobs."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deployments import container, template

WAITS_DAEMON = "a DaemonSet controller"
WAITS_CRON = "a CronJob controller"


def daemonset(**spec: Any) -> Object:
    pods = template("agent", 1, nodeSelector={"scene": "here"})
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": pods, **spec},
    }


def change(play: Play, version: int) -> None:
    play.side.pass_time(1.1)
    body = {"spec": {"template": {"spec": {"containers": [container(version)]}}}}
    play.patch("daemonsets", "agent", body)


@scenario(waits_for=WAITS_DAEMON, alone=True)
def daemon_follows_nodes(play: Play) -> None:
    """A pod on each node, and on a new one; none where it is not tolerated."""
    play.add_node("zone-a", {"scene": "here"})
    play.create(daemonset())
    play.settle("created")
    play.run_each("started")
    play.add_node("zone-b", {"scene": "here"})
    play.settle("another node")
    play.run_each("there too")
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    play.add_node("zone-c", {"scene": "here"}, taints=[taint])
    play.settle("a tainted node")
    play.patch("nodes", play.node("zone-b"), {"metadata": {"labels": {"scene": None}}})
    play.settle("one node is not meant any more")


@scenario(waits_for=WAITS_DAEMON, alone=True)
def daemon_update(play: Play) -> None:
    """One node after another."""
    for name in ("zone-a", "zone-b", "zone-c"):
        play.add_node(name, {"scene": "here"})
    play.create(daemonset())
    play.settle("created")
    play.run_all("started")
    change(play, 2)
    play.settle("changed")
    play.run_each("second version")


@scenario(waits_for=WAITS_DAEMON, alone=True)
def daemon_surge(play: Play) -> None:
    """The new beside the old."""
    for name in ("zone-a", "zone-b"):
        play.add_node(name, {"scene": "here"})
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    play.create(daemonset(updateStrategy=update))
    play.settle("created")
    play.run_all("started")
    change(play, 2)
    play.settle("changed")
    play.run_each("second version")


@scenario()
def cron_suspended(play: Play) -> None:
    """Nothing is started while it is suspended."""
    job = {"spec": {"template": template("tick", 1, restartPolicy="Never")}}
    spec = {"schedule": "* * * * *", "suspend": True, "jobTemplate": job}
    play.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec})
    play.settle("created")


@scenario(waits_for=WAITS_CRON)
def cron_runs(play: Play) -> None:
    """A Job each minute; Forbid keeps it from starting a second one."""
    job = {"spec": {"template": template("tick", 1, restartPolicy="Never")}}
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": job}
    play.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec})
    play.wait(61, "a minute later")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods())
    play.settle("complete")
