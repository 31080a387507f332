"""Deployments: rolling updates, scaling, rollover, pauses, undoing, and one that is stuck."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential import byhand
from tests.realcluster.differential.normal import is_ready
from tests.realcluster.differential.play import Play, scenario


def template(app: str, version: int, **spec: Any) -> Object:
    place = {"kubernetes.io/hostname": byhand.HOST}
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [container(version)], "nodeSelector": place, **spec},
    }


def container(version: int) -> Object:
    return {
        "name": "app",
        "image": f"example.com/app:{version}",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }


def deployment(replicas: int, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"team": "shop"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template("web", 1),
            **spec,
        },
    }


def rolling(surge: int | str, unavailable: int | str) -> Object:
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }


def change(play: Play, version: int) -> None:
    """Another image. Sets are ordered by whole seconds, so this is in another second than the last."""
    play.side.pass_time(1.1)
    body = {"spec": {"template": {"spec": {"containers": [container(version)]}}}}
    play.patch("deployments", "web", body)


PAIRS: dict[str, tuple[int, int | str, int | str]] = {
    "rolling-1-0": (3, 1, 0),
    "rolling-0-1": (3, 0, 1),
    "rolling-1-1": (3, 1, 1),
    "rolling-2-1": (4, 2, 1),
    "rolling-3-0": (3, 3, 0),
    "rolling-0-3": (3, 0, 3),
    "rolling-25p-25p": (4, "25%", "25%"),
    "rolling-25p-25p-of-5": (5, "25%", "25%"),
    "rolling-34p-0p": (3, "34%", "0%"),
    "rolling-0p-1p": (3, "0%", "1%"),
    "rolling-50p-50p": (4, "50%", "50%"),
    "rolling-100p-0": (3, "100%", 0),
    "rolling-0-100p": (3, 0, "100%"),
    "rolling-100p-100p": (3, "100%", "100%"),
}
"""Replicas, maxSurge, maxUnavailable."""


def _enter_pair(name: str, replicas: int, surge: int | str, unavailable: int | str) -> None:
    @scenario(name=name)
    def roll(play: Play) -> None:
        play.create(deployment(replicas, strategy=rolling(surge, unavailable)))
        play.settle("created")
        play.run_all("first version")
        play.mark()
        change(play, 2)
        play.settle("changed")
        play.run_each("second version")


for _name, _pair in PAIRS.items():
    _enter_pair(_name, *_pair)


@scenario()
def recreate(play: Play) -> None:
    """Everything old has to be gone before anything new comes."""
    play.create(deployment(2, strategy={"type": "Recreate"}))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed", reap=False)
    play.finish(play.going()[0])
    play.settle("one gone")
    play.run_all("second version")


@scenario()
def scaling_amid_a_rollout(play: Play) -> None:
    """Proportional scaling, up and then down, with two sets alive."""
    play.create(deployment(4, strategy=rolling(2, 1)))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed")
    play.run(*play.pending()[:1])
    play.settle("one of the new is ready")
    play.scale("deployments", "web", 9)
    play.settle("scaled to 9")
    play.run(play.pending()[0])
    play.settle("one more is ready")
    play.scale("deployments", "web", 3)
    play.settle("scaled to 3")
    play.run_each("rest")


@scenario()
def scaling_by_itself(play: Play) -> None:
    """Up, down, to nothing and back, without a rollout."""
    play.create(deployment(2))
    play.settle("created")
    play.run_all("started")
    for size in (4, 1, 0, 2):
        play.scale("deployments", "web", size)
        play.settle(f"scaled to {size}")
        play.run_all(f"started at {size}")


@scenario()
def rollover(play: Play) -> None:
    """A third template while the second is half way."""
    play.create(deployment(4, strategy=rolling(1, 1)))
    play.settle("created")
    play.run_all("first version")
    play.mark()
    change(play, 2)
    play.settle("second")
    play.run(play.pending()[0])
    play.settle("one of the second is ready")
    change(play, 3)
    play.settle("third")
    play.run_each("third version")


@scenario()
def pause_and_resume(play: Play) -> None:
    """Paused from the middle of a rollout: scaling goes on, the rollout does not."""
    play.create(deployment(3, strategy=rolling(1, 0)))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed")
    play.patch("deployments", "web", {"spec": {"paused": True}})
    play.settle("paused")
    play.run(*play.pending())
    play.settle("ready while paused")
    change(play, 3)
    play.settle("changed while paused")
    play.scale("deployments", "web", 5)
    play.settle("scaled while paused")
    play.run(*play.pending())
    play.settle("grown while paused")
    play.patch("deployments", "web", {"spec": {"paused": None}})
    play.settle("resumed")
    play.run_each("third version")


@scenario()
def paused_from_the_start(play: Play) -> None:
    """Nothing is made until it is resumed."""
    play.create(deployment(2, paused=True))
    play.settle("created")
    play.patch("deployments", "web", {"spec": {"paused": None}})
    play.settle("resumed")
    play.run_all("started")


@scenario()
def undo(play: Play) -> None:
    """The first template again, as `kubectl rollout undo` writes it: the old set gets a new revision."""
    play.create(deployment(2, strategy=rolling(2, 0)))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed")
    play.run_all("second version")
    change(play, 1)
    play.settle("undone")
    play.run_all("first version again")
    change(play, 2)
    play.settle("redone")
    play.run_all("second version again")


@scenario()
def history_limit(play: Play) -> None:
    """Old sets beyond the limit go, the oldest revision first."""
    play.create(deployment(1, revisionHistoryLimit=1, strategy=rolling(1, 0)))
    play.settle("created")
    play.run_all("version 1")
    for version in (2, 3, 4):
        change(play, version)
        play.settle(f"changed to {version}")
        play.run_each(f"version {version}")


@scenario()
def stuck(play: Play) -> None:
    """Pods that never get ready: the deadline is told, and the rollout goes on when they do."""
    play.create(deployment(2, strategy=rolling(1, 0), progressDeadlineSeconds=8))
    play.settle("created")
    play.run_all("first version")
    change(play, 2)
    play.settle("changed")
    play.run(*play.pending(), ready=False)
    play.settle("running, but not ready")
    play.wait(12, "too late")
    play.run(*[pod for pod in play.pods() if not is_ready(pod)])
    play.settle("ready after all")
    play.run_each("second version")


@scenario()
def available_after_a_while(play: Play) -> None:
    """minReadySeconds holds the rollout between one pod and the next."""
    play.create(deployment(2, strategy=rolling(1, 0), minReadySeconds=6))
    play.settle("created")
    play.run_all("first version")
    play.wait(8, "first version available")
    change(play, 2)
    play.settle("changed")
    play.run(*play.pending())
    play.settle("one ready")
    play.wait(8, "one available")
    play.run(*play.pending())
    play.settle("two ready")
    play.wait(8, "two available")


@scenario()
def unready_again(play: Play) -> None:
    """A pod that loses its readiness makes the Deployment unavailable, not smaller."""
    play.create(deployment(2, strategy=rolling(1, 0)))
    play.settle("created")
    play.run_all("started")
    play.run(play.pods()[0], ready=False)
    play.settle("one not ready")
    play.run(play.pods()[0])
    play.settle("ready again")
    play.end(play.pods()[1], exit_code=1)
    play.settle("one failed")
    play.run_all("replaced")


@scenario()
def quarantine(play: Play) -> None:
    """A pod whose label is changed is let go and replaced; changed back, it is taken and one is too many."""
    play.create(deployment(2))
    play.settle("created")
    play.run_all("started")
    name = play.pods()[0]["metadata"]["name"]
    play.patch("pods", name, {"metadata": {"labels": {"app": "quarantined"}}})
    play.settle("let go")
    play.run_all("replaced")
    play.patch("pods", name, {"metadata": {"labels": {"app": "web"}}})
    play.settle("taken back")


@scenario()
def many_similar_events(play: Play) -> None:
    """The tenth of one kind is combined with those that follow."""
    play.create(deployment(13))
    play.settle("created")
    play.run_all("started")
    for size in range(12, 1, -1):
        play.scale("deployments", "web", size)
        play.settle(f"scaled to {size}")
