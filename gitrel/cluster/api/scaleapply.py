"""Server-side apply of a Scale: one field of an object, owned through the `scale` subresource.

The Scale is merged by itself, with those of the object's managers who own `spec.replicas`; what comes out is
carried over to the object (apimachinery `managedfields/scalehandler.go`). Such an owner carries no time.
"""

from __future__ import annotations

from gitrel.cluster.api import ownership, schema
from gitrel.cluster.api.apply import applying
from gitrel.cluster.api.apply import managers as m
from gitrel.cluster.api.apply.fieldset import FieldPath
from gitrel.cluster.api.apply.managers import Manager, Managers
from gitrel.cluster.api.scale import scale_of, with_replicas
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_SCALE, _VERSION = "scale", "autoscaling/v1"
_REPLICAS = ("f:spec", "f:replicas")


def applied(
    kind: Kind, obj: Object, config: Object, name: str, *, force: bool, now: str
) -> tuple[Object, Managers]:
    """The object scaled as the manager `name` says in the Scale `config`, and its owners.

    Who says `spec.replicas` no more leaves none, where nobody else says it: 0, as in Kubernetes. Raises
    ApiError 409 naming whose the number is, 404 for a kind that cannot be scaled.
    """
    path: FieldPath = tuple(f"f:{part}" for part in kind.scale_at.spec_replicas)
    owners = ownership.owners_of(kind, obj, now)
    holding = {manager: owned for manager, owned in owners.items() if path in owned.fields}
    seen = {_seen(manager): m.Owned(frozenset((_REPLICAS,)), o.time) for manager, o in holding.items()}
    manager = Manager(name, "Apply", _VERSION, _SCALE)
    live = {"spec": scale_of(kind, obj)["spec"]}
    wanted = {"spec": config["spec"]} if config.get("spec") else {}
    found = applying.apply(
        live, wanted, schema.type_of(_VERSION, "Scale"), seen, manager, force=force, now=""
    )
    new = with_replicas(kind, obj, get(found.object, "spec", "replicas", default=0))
    keeping = {who for who, owned in found.managers.items() if _REPLICAS in owned.fields}
    losing = [who for who in holding if _seen(who) not in keeping]
    after = m.given_up(owners, frozenset((path,)), by=losing, now=now)
    if manager in keeping:
        mine = Manager(name, "Apply", kind.api_version, _SCALE)
        after = m.with_fields(after, mine, frozenset((path,)), "")
    return new, after


def _seen(manager: Manager) -> Manager:
    """A manager of the object, as one of its Scale."""
    return manager._replace(api_version=_VERSION) if manager.subresource == _SCALE else manager
