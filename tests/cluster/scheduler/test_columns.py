"""Columns against predicates, and a snapshot kept up to date against one built afresh."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.scheduler.demand import CPU, MEMORY
from gitrel.cluster.scheduler.plugins import (
    balancedallocation,
    nodeaffinity,
    noderesourcesfit,
    tainttoleration,
)
from gitrel.cluster.scheduler.plugins import nodeunschedulable as cordon
from gitrel.kube.identity import Object
from tests.cluster.scheduler.worlds import World, node, pod

ZONE = "topology.kubernetes.io/zone"
KEYS = ["app", "tier", ZONE]
values = st.sampled_from(["1", "2", "3"])
labels = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
taints = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "value": values,
            "effect": st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        }
    ),
    max_size=2,
)
tolerations = st.lists(
    st.fixed_dictionaries(
        {"operator": st.sampled_from(["Exists", "Equal"]), "key": st.sampled_from(KEYS), "value": values}
    ),
    max_size=2,
)
expressions = st.fixed_dictionaries(
    {
        "key": st.sampled_from(KEYS),
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
        "values": st.lists(values, min_size=1, max_size=1),
    }
)
cpus = st.sampled_from(["0", "100m", "1", "2500m"])
memories = st.sampled_from(["0", "64Mi", "1Gi", "3Gi"])


@st.composite
def nodes(draw: st.DrawFn, name: str) -> Object:
    return node(
        name,
        cpu=draw(st.sampled_from(["0", "1", "4"])),
        memory=draw(st.sampled_from(["0", "2Gi", "8Gi"])),
        pods=draw(st.integers(0, 4)),
        labels=draw(labels),
        taints=draw(taints),
        unschedulable=draw(st.booleans()),
    )


@st.composite
def pods(draw: st.DrawFn, name: str, place: str | None = None) -> Object:
    spec: dict[str, Any] = {"cpu": draw(cpus), "memory": draw(memories), "tolerations": draw(tolerations)}
    if draw(st.booleans()):
        terms = [{"matchExpressions": [draw(expressions)]}]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["affinity"] = {"nodeAffinity": required}
    if draw(st.booleans()):
        term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": draw(labels)}}
        kind = draw(st.sampled_from(["podAffinity", "podAntiAffinity"]))
        rules = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        spec["affinity"] = {**spec.get("affinity", {}), kind: rules}
    if draw(st.booleans()):
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": draw(st.integers(1, 2)),
                "topologyKey": ZONE,
                "whenUnsatisfiable": draw(st.sampled_from(["DoNotSchedule", "ScheduleAnyway"])),
                "labelSelector": {"matchLabels": draw(labels)},
            }
        ]
    return pod(name, labels=draw(labels), node=place, **spec)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_rows_agree_with_predicates(data: st.DataObject) -> None:
    """What a plugin says over all rows is what its predicate says of each node."""
    all_nodes = [data.draw(nodes(f"n{number}")) for number in range(4)]
    placed = [data.draw(pods(f"w{number}", f"n{number % 4}")) for number in range(6)]
    world = World(all_nodes, placed)
    snapshot, template = world.snapshot, world.template(data.draw(pods("p")))
    demand, everything = template.demand, slice(0, snapshot.size)
    fits = noderesourcesfit.filter_rows(snapshot, demand, everything)
    least = noderesourcesfit.score_rows(snapshot, demand, everything)
    balance = balancedallocation.score_rows(snapshot, demand, everything)
    for one in all_nodes:
        row = snapshot.rows[one["metadata"]["name"]]
        offered = {r: int(column[row]) for r, column in snapshot.allocatable.items()}
        taken = {r: int(column[row]) for r, column in snapshot.requested.items()}
        assert fits[row] == (not noderesourcesfit.insufficient(offered, taken, demand))
        scored = [
            (offered[CPU], int(snapshot.scored_cpu[row]) + demand.scored_cpu),
            (offered[MEMORY], int(snapshot.scored_memory[row]) + demand.scored_memory),
        ]
        assert least[row] == noderesourcesfit.score(*scored)
        if balance is not None:
            pairs = [(offered[r], taken[r] + demand.basic[i]) for i, r in enumerate((CPU, MEMORY))]
            assert balance[row] == balancedallocation.score(*pairs)
        assert nodeaffinity.filter_rows(snapshot, template)[row] == nodeaffinity.fits(one, template)
        assert cordon.filter_rows(snapshot, template)[row] == cordon.fits(one, template)
        taints_of = one["spec"].get("taints") or ()
        assert tainttoleration.filter_rows(snapshot, template)[row] == tainttoleration.fits(
            taints_of, template
        )


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_snapshot_kept_up_to_date_equals_one_built_afresh(data: st.DataObject) -> None:
    """After any history of nodes and pods coming, changing and going, a new pod fares the same in both."""
    world = World([])
    all_nodes: dict[str, Object] = {}
    placed: dict[str, Object] = {}
    asked = [data.draw(pods(f"p{number}")) for number in range(3)]
    for _ in range(data.draw(st.integers(1, 12))):
        name, place = f"w{data.draw(st.integers(0, 5))}", f"n{data.draw(st.integers(0, 3))}"
        match data.draw(st.sampled_from(["node", "no node", "pod", "pod", "no pod", "ask"])):
            case "node":
                all_nodes[place] = data.draw(nodes(place))
                world.snapshot.put_node(all_nodes[place])
            case "no node":
                all_nodes.pop(place, None)
                world.snapshot.remove_node(place)
            case "pod":
                placed[name] = data.draw(pods(name, place))
                world.place(placed[name])
            case "no pod":
                placed.pop(name, None)
                world.snapshot.remove_pod("default", name)
            case _:
                world.find(asked[0])  # fills whatever is remembered between pods
    afresh = World(all_nodes.values(), placed.values())
    for wanted in asked:
        assert world.feasible(wanted) == afresh.feasible(wanted)
        assert world.scores(wanted) == afresh.scores(wanted)
        assert world.find(wanted) == afresh.find(wanted)
        assert world.why(wanted) == afresh.why(wanted)
