"""Where pods go: spread, affinity, taints, room, priorities, gates; and the words where they cannot go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def pod(name: str, *, cpu: str = "100m", labels: Mapping[str, str] = {}, **spec: Any) -> Object:
    container = {
        "name": "app",
        "image": "example.com/app:1",
        "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name, **labels}},
        "spec": {"containers": [container], "nodeSelector": {"scene": "here"}, **spec},
    }


def zones(play: Play, *names: str) -> None:
    """A node in each zone, called after it."""
    for name in names:
        play.add_node(name, {"scene": "here", ZONE: play.node(name)}, room={"cpu": "2"})


def term(key: str, labels: Mapping[str, str]) -> Object:
    return {"topologyKey": key, "labelSelector": {"matchLabels": labels}}


def spread(skew: int, key: str, when: str = "DoNotSchedule", **more: Any) -> Sequence[Object]:
    selector = {"matchLabels": {"set": "one"}}
    return [
        {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector, **more}
    ]


def one_by_one(play: Play, *pods: Object) -> None:
    """Each is placed before the next comes."""
    for one in pods:
        play.create(one)
        play.settle(one["metadata"]["name"])


@scenario(alone=True)
def schedule_spread(play: Play) -> None:
    """Hard spreading over zones, with one zone that has no room."""
    zones(play, "zone-a", "zone-b")
    play.add_node("zone-c", {"scene": "here", ZONE: play.node("zone-c")}, room={"cpu": "50m"})
    group = {"set": "one"}
    rule = spread(1, ZONE)
    names = [f"p{number}" for number in range(4)]
    one_by_one(play, *(pod(name, labels=group, topologySpreadConstraints=rule) for name in names))
    play.note("in each zone", _where(play))


@scenario(alone=True)
def schedule_spread_min_domains(play: Play) -> None:
    """Fewer zones than asked for count as an empty one."""
    zones(play, "zone-a", "zone-b")
    rule = spread(1, ZONE, minDomains=3)
    group = {"set": "one"}
    one_by_one(play, *(pod(f"p{n}", labels=group, topologySpreadConstraints=rule) for n in range(3)))
    zones(play, "zone-c")
    play.settle("another zone")
    play.note("in each zone", _where(play))


def _where(play: Play) -> list[int]:
    """How many pods each node has, and minus how many have none.

    The nodes are not named: which of several equal ones is taken is nobody's promise.
    """
    nodes = [one["spec"].get("nodeName", "nowhere") for one in play.pods()]
    counts = sorted(nodes.count(node) for node in {*nodes} - {"nowhere"})
    return [*counts, -nodes.count("nowhere")]


@scenario(alone=True)
def schedule_affinity(play: Play) -> None:
    """Beside another pod, away from another, and away from one's own kind."""
    zones(play, "zone-a", "zone-b", "zone-c")
    db = pod("db", labels={"tier": "db"}, nodeSelector={"scene": "here", ZONE: play.node("zone-b")})
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(HOST, {"tier": "db"})]}}
    away = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(HOST, {"alone": "yes"})]}
    }
    one_by_one(play, pod("early", affinity=near), db, pod("near", affinity=near))
    alone = {"alone": "yes"}
    one_by_one(play, *(pod(f"alone-{number}", labels=alone, affinity=away) for number in range(4)))
    play.note("beside the database", play.get("pods", "near")["spec"].get("nodeName"))
    play.note("early too", play.get("pods", "early")["spec"].get("nodeName"))


@scenario(alone=True)
def schedule_self_affinity(play: Play) -> None:
    """The first of a group that wants to be together goes anywhere; the others follow it."""
    zones(play, "zone-a", "zone-b")
    together = {"group": "one"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(HOST, together)]}}
    one_by_one(play, *(pod(f"p{number}", labels=together, affinity=affinity) for number in range(3)))
    play.note("in each zone", _where(play))


@scenario(alone=True)
def schedule_nodes(play: Play) -> None:
    """By the labels of nodes: required, preferred, and impossible."""
    zones(play, "zone-a", "zone-b")

    def required(operator: str, *values: str) -> Object:
        expression = {"key": ZONE, "operator": operator, **({"values": list(values)} if values else {})}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}

    def preferred(zone: str) -> Object:
        expression = {"key": ZONE, "operator": "In", "values": [zone]}
        row = {"weight": 100, "preference": {"matchExpressions": [expression]}}
        return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [row]}}

    one_by_one(
        play,
        pod("in-a", affinity=required("In", play.node("zone-a"))),
        pod("not-in-a", affinity=required("NotIn", play.node("zone-a"))),
        pod("rather-b", affinity=preferred(play.node("zone-b"))),
        pod("nowhere", affinity=required("In", "zone-x")),
        pod("no-such-label", nodeSelector={"scene": "elsewhere"}),
    )
    for name in ("in-a", "not-in-a", "rather-b"):
        play.note(name, play.get("pods", name)["spec"].get("nodeName"))


@scenario(alone=True)
def schedule_taints(play: Play) -> None:
    """With and without toleration, and with one of another value."""
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    play.add_node("node-tainted", {"scene": "here"}, taints=[taint])
    tolerating = [{"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}]
    other = [{"key": "dedicated", "operator": "Equal", "value": "web", "effect": "NoSchedule"}]
    one_by_one(
        play,
        pod("plain"),
        pod("tolerating", tolerations=tolerating),
        pod("tolerating-another", tolerations=other),
    )


@scenario(alone=True)
def schedule_cordoned(play: Play) -> None:
    """A node that is closed takes nobody, and is open again at once."""
    zones(play, "zone-a")
    one_by_one(play, pod("before"))
    play.patch("nodes", play.node("zone-a"), {"spec": {"unschedulable": True}})
    play.wait(1.5, "cordoned")
    one_by_one(play, pod("late"))
    play.patch("nodes", play.node("zone-a"), {"spec": {"unschedulable": None}})
    play.settle("open again")


@scenario(alone=True)
def schedule_room(play: Play) -> None:
    """Too little processor, too little memory, too many pods; and room that is made."""
    play.add_node("node-small", {"scene": "here"}, room={"cpu": "1", "memory": "100Mi", "pods": "3"})
    one_by_one(
        play,
        pod("most", cpu="700m"),
        pod("too-much", cpu="500m"),
        pod("fits", cpu="300m"),
        pod("still-too-much", cpu="1500m"),
    )
    play.finish(play.get("pods", "most"))
    play.settle("room is made")


@scenario(alone=True)
def schedule_priorities(play: Play) -> None:
    """A pod of more worth takes the place of one of less; of several it takes what costs least."""
    play.add_node("node-small", {"scene": "here"}, room={"cpu": "1"})
    for name, value in (("low", 10), ("high", 1000)):
        body = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": f"scene-{name}"},
            "value": value,
        }
        play.side.client.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", body)
    one_by_one(
        play,
        pod("low-1", cpu="600m", priorityClassName="scene-low"),
        pod("low-2", cpu="300m", priorityClassName="scene-low"),
    )
    play.run(*play.pods())
    play.settle("running")
    play.create(pod("never", cpu="500m", priorityClassName="scene-low"))
    play.settle("no place for another")
    play.create(pod("high", cpu="600m", priorityClassName="scene-high"))
    play.settle("preempted")


@scenario(alone=True)
def schedule_gates(play: Play) -> None:
    """Not before its gates are gone."""
    zones(play, "zone-a")
    play.create(pod("gated", schedulingGates=[{"name": "example.com/one"}, {"name": "example.com/two"}]))
    play.settle("gated")
    play.patch("pods", "gated", {"spec": {"schedulingGates": [{"name": "example.com/two"}]}})
    play.settle("one gone")
    play.patch("pods", "gated", {"spec": {"schedulingGates": None}})
    play.settle("open")


@scenario(alone=True)
def schedule_ports(play: Play) -> None:
    """Two pods cannot have one port of a node."""
    zones(play, "zone-a")

    def listening(name: str, port: int) -> Object:
        made = pod(name)
        ports = [{"containerPort": port, "hostPort": port}]
        spec = {**made["spec"], "containers": [{**made["spec"]["containers"][0], "ports": ports}]}
        return {**made, "spec": spec}

    one_by_one(play, listening("first", 8080), listening("second", 8080), listening("third", 8081))
