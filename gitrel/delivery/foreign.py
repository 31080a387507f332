"""Whose an object is that gitrel did not make: another tool's, another release's, or nobody's.

What belongs to somebody is never taken over. What is nobody's is taken over only where that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitrel.backends.backend import FIELD_OWNER
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import PART_OF, is_owned, owner_of
from gitrel.kube.fields import get
from gitrel.kube.identity import annotations_of, controller_of, labels_of, ref_of

Live = Mapping[str, Any]
Marks = tuple[tuple[str, Callable[[Live], str]], ...]


def _label(key: str) -> Callable[[Live], str]:
    return lambda live: str(labels_of(live).get(key) or "")


def _annotation(key: str) -> Callable[[Live], str]:
    return lambda live: str(annotations_of(live).get(key) or "")


def _both(first: Callable[[Live], str], second: Callable[[Live], str]) -> Callable[[Live], str]:
    return lambda live: "/".join(part for part in (first(live), second(live)) if part)


_HELM = _both(_annotation("meta.helm.sh/release-namespace"), _annotation("meta.helm.sh/release-name"))
_FLUX = "toolkit.fluxcd.io"
_MARKS: Marks = (
    ("the Helm release", _HELM),
    ("Argo CD's", _annotation("argocd.argoproj.io/tracking-id")),
    ("Argo CD's application", _label("argocd.argoproj.io/instance")),
    (
        "Flux's Kustomization",
        _both(_label(f"kustomize.{_FLUX}/namespace"), _label(f"kustomize.{_FLUX}/name")),
    ),
    ("Flux's HelmRelease", _both(_label(f"helm.{_FLUX}/namespace"), _label(f"helm.{_FLUX}/name"))),
    ("the ApplySet", _label(PART_OF)),
)
"""What other tools write on what is theirs, from their own documentation."""


def owner_named(live: Live, desired: Live, inventory: Inventory) -> str:
    """Who else the object belongs to, as people call it; empty where it is ours or nobody's.

    A mark that the release itself writes, as a chart made for another tool may, says nothing.
    """
    ours = (inventory.component, inventory.environment)
    owner = owner_of(live)
    if owner and owner != ours:
        return f"{owner[0]} in {owner[1]}"
    if is_owned(live, *ours) or ref_of(live) in inventory.refs:
        return ""
    for whose, mark in _MARKS:
        if (found := mark(live)) and found not in (mark(desired), inventory.set_id):
            return f"{whose} {found}"
    controller = controller_of(live)
    return f"{controller.get('kind')} {controller.get('name')}" if controller else ""


def is_ours(live: Live, inventory: Inventory) -> bool:
    """Whether gitrel has put the object there: by its labels, by the inventory, or by its own field manager,
    which vouches for what a crash kept out of the other two."""
    if is_owned(live, inventory.component, inventory.environment) or ref_of(live) in inventory.refs:
        return True
    return owner_of(live) is None and any(
        isinstance(entry, Mapping)
        and entry.get("manager") == FIELD_OWNER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
        for entry in get(live, "metadata", "managedFields") or ()
    )


def managers(live: Live) -> tuple[str, ...]:
    """Who has written the object, for the sentence that says whose it is."""
    entries = get(live, "metadata", "managedFields") or ()
    found = {str(entry.get("manager")) for entry in entries if isinstance(entry, Mapping)}
    return tuple(sorted(found - {FIELD_OWNER, "None", ""}))
