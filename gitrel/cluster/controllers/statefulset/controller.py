"""The StatefulSet controller: one sync looks at all members and does what may be done now.

In order, one member's trouble stops everything above it; in parallel nothing waits. Scaling comes before
updating. The order of questions is that of Kubernetes `updateStatefulSet`
(`pkg/controller/statefulset/stateful_set_control.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gitrel.cluster.controllers import claiming
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.cluster.controllers.statefulset import members
from gitrel.cluster.controllers.statefulset.sync import SETS, Pass
from gitrel.kube.identity import Object


class StatefulSetController:
    name = "statefulset"

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        by_set = claiming.keys_of_matching(SETS, "StatefulSet", claiming.label_selector)
        return {SETS: own_key, "pods": by_set, "persistentvolumeclaims": _keys_of_gone_claim}

    def reconcile(self, key: Key, context: Context) -> None:
        set_ = context.read.get(SETS, *key)
        if set_ is None or not set_["spec"].get("selector"):
            return
        reference = claiming.controller_reference("apps/v1", "StatefulSet", set_)
        pods = _sync_claims(set_, reference, context)
        Pass(set_, pods, reference, context).run()


def _sync_claims(set_: Object, reference: Mapping[str, object], context: Context) -> Sequence[Object]:
    """The members that are there."""
    selector = claiming.label_selector(set_)
    labels = selector.get("matchLabels") or {}
    found = [
        pod
        for pod in claiming.candidates("pods", set_, labels, context.read)
        if members.ordinal_of(pod["metadata"]["name"], set_) is not None
    ]
    claim = claiming.calculate_claim(set_, selector, found)
    return claiming.sync_claim("pods", claim, reference, context.write)


def _keys_of_gone_claim(change: Change, read: Reader) -> Iterable[Key]:
    """A claim that is gone may be what a member has been waiting for."""
    if change.type != "DELETED":
        return
    namespace, name = change.new["metadata"]["namespace"], change.new["metadata"]["name"]
    for set_ in read.list(SETS, namespace):
        prefixes = [f"{t['metadata']['name']}-" for t in members.claim_templates(set_)]
        rest = [name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)]
        if not is_deleting(set_) and any(members.ordinal_of(one, set_) is not None for one in rest):
            yield Key(namespace, set_["metadata"]["name"])
