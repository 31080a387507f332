"""Does a live object still hold what a manifest says? Only fields that the manifest writes are compared.

The API server adds defaults, drops zero values and rewrites quantities; other managers add list items,
labels and fields of their own. None of that is drift. A list is compared by the keys that Kubernetes merges
it by where it has some, item by item otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.kube import quantities
from gitrel.kube.fields import removed, replaced

Step = str | int
Path = tuple[Step, ...]
Difference = tuple[Path, Any, Any]
"""(path, what the manifest says, what is there); a missing value is None."""

_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    # x-kubernetes-list-map-keys of the core API; lists of other names are atomic.
    **dict.fromkeys(
        (
            "containers",
            "initContainers",
            "ephemeralContainers",
            "env",
            "volumes",
            "imagePullSecrets",
            "secrets",
        ),
        ("name",),
    ),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ports": ("containerPort", "port", "protocol"),
}  # fmt: skip
_DEFAULT_KEYS = {"protocol": "TCP"}
_QUANTITIES = frozenset(
    (
        "requests", "limits", "capacity", "hard", "sizeLimit", "overhead", "averageValue", "divisor",
        "default", "defaultRequest", "min", "max", "maxLimitRequestRatio",
    )
)  # fmt: skip
_EXACT = frozenset(("data", "binaryData", "labels", "annotations", "matchLabels"))
"""Maps of text, in which an empty value is a value."""
_NOT_COMPARED = frozenset(("status", "apiVersion", "kind"))


def differences(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """Each field of the manifest that the live object does not hold."""
    wanted = _as_stored(manifest)
    for key, value in wanted.items():
        if key not in _NOT_COMPARED and not _plainly_holds(value, live.get(key), key):
            yield from _compare((key,), value, live.get(key))


def holds(wanted: Any, found: Any) -> bool:
    """Whether everything in `wanted` is so in `found`."""
    return _plainly_holds(wanted, found, "") or next(_compare((), wanted, found), None) is None


def _plainly_holds(wanted: Any, found: Any, name: str) -> bool:
    """Whether it is so without a second look, as it nearly always is: no list in another order, no quantity
    in another spelling, no zero value left out. `name` is the field that a list stands in."""
    if type(wanted) is not type(found):
        return False
    if wanted == found:
        return True
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if key not in found or not _plainly_holds(value, found[key], key):
                return False
        return True
    if isinstance(wanted, list) and len(wanted) == len(found):
        keys = _MERGE_KEYS.get(name, ())
        for item, other in zip(wanted, found, strict=True):
            if not _plainly_holds(item, other, name):
                return False
            if keys and isinstance(item, dict) and _key(item, keys) != _key(other, keys):
                return False
        return True
    return False


def _as_stored(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The server stores a Secret's `stringData` in `data`."""
    text = manifest.get("stringData")
    if manifest.get("kind") != "Secret" or not isinstance(text, Mapping):
        return manifest
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in text.items()}
    return replaced(
        removed(manifest, ("stringData",)), ("data",), {**(manifest.get("data") or {}), **encoded}
    )


def _compare(path: Path, wanted: Any, found: Any) -> Iterator[Difference]:
    if wanted == found and type(wanted) is type(found):
        return
    if _is_zero(wanted) and _is_zero(found) and not (wanted is not None and _EXACT.intersection(path[-2:])):
        return
    if isinstance(wanted, Mapping) and (found is None or isinstance(found, Mapping)):
        for key, value in wanted.items():
            yield from _compare((*path, key), value, (found or {}).get(key))
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _compare_lists(path, wanted, found)
    elif not (_same_number(wanted, found) or _same_quantity(path, wanted, found)):
        yield path, wanted, found


def _is_zero(value: Any) -> bool:
    """What Go's `omitempty` leaves out: nothing, "", 0, false, and collections of nothing else."""
    if isinstance(value, Mapping):
        return all(map(_is_zero, value.values()))
    return value is None or value in ("", 0, False) or value == []


def _compare_lists(path: Path, wanted: list[Any], found: list[Any]) -> Iterator[Difference]:
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    keys = _MERGE_KEYS.get(name)
    if keys and all(isinstance(item, Mapping) for item in (*wanted, *found)):
        by_key = {_key(item, keys): item for item in found}
        for index, item in enumerate(wanted):
            yield from _compare((*path, index), item, by_key.get(_key(item, keys)))
    elif len(wanted) != len(found):
        yield path, wanted, found
    else:
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _compare((*path, index), one, other)


def _key(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    if len(keys) == 1:
        return (item.get(keys[0]),)
    return tuple([item.get(key, _DEFAULT_KEYS.get(key)) for key in keys])


def _same_number(wanted: Any, found: Any) -> bool:
    """`1` and `1.0`, but never `1` and `true`."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (wanted, found))
    return numbers and bool(wanted == found)


def _same_quantity(path: Path, wanted: Any, found: Any) -> bool:
    """`1000m` and `1`: the API server stores quantities in canonical form."""
    if not _QUANTITIES.intersection(step for step in path if isinstance(step, str)):
        return False
    try:
        return quantities.parse(wanted) == quantities.parse(found)
    except (ValueError, TypeError):
        return False
