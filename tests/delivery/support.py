"""Objects written as people read them: one YAML text, parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from gitrel.delivery.changes import changes
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import Masker
from gitrel.kube.ordering import apply_key
from gitrel.render.manifest import Manifest, Rendered
from gitrel.render.release import digest_of
from gitrel.repo.model import Origin

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
T = "2026-01-31T11:00:00Z"
"""An hour before now."""


class _Loader(yaml.SafeLoader):
    """Without dates: in Kubernetes an instant is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    return yaml.load(text, _Loader)


def objects(text: str) -> list[Object]:
    return [obj for obj in yaml.load_all(text, _Loader) if obj]


def by_ref(*items: Object) -> dict[Ref, Object]:
    return {ref_of(obj): obj for obj in items}


def manifests(*items: Object) -> tuple[Manifest, ...]:
    made = (Manifest(ref_of(obj), obj, Origin("apps/web/v1/a.yaml", 1)) for obj in items)
    return tuple(sorted(made, key=lambda manifest: apply_key(manifest.ref)))


def release(*items: Object) -> Rendered:
    made = manifests(*items)
    return Rendered("web", "v1", "eu", "shop", made, digest_of(made))


def diff(pairs: Iterable[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]) -> str:
    """What a person is shown of (before, after) of some objects, masked together."""
    sides = tuple(zip(*pairs, strict=True))
    masker = Masker(obj for side in sides for obj in side)
    before, after = ({ref_of(obj): obj for obj in side if obj} for side in sides)
    found = changes("web", "eu", before, after, masker.mask)
    return "".join(f"{change.ref}\n" + "\n".join((*change.lines, "")) for change in found)
