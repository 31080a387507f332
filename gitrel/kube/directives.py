"""What people ask of gitrel on an object itself: the `gitrel.dev/…` annotations, and what is wrong with them.

A directive that is not understood is told while files are checked, and counts as absent here: the default
is always the careful choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, cast, get_args

from gitrel.kube import fieldpaths
from gitrel.kube.identity import group_of

HOOK = "gitrel.dev/hook"
HOOK_DELETE = "gitrel.dev/hook-delete"
ORDER = "gitrel.dev/order"
CONFLICTS = "gitrel.dev/conflicts"
ADOPT = "gitrel.dev/adopt"
APPLY = "gitrel.dev/apply"
IGNORE = "gitrel.dev/ignore"
RECREATE = "gitrel.dev/recreate"
PRUNE = "gitrel.dev/prune"
PRUNE_WORDS = ("keep", "orphan", "delete", "disabled")
"""What becomes of the object when it leaves the release; `disabled` is an older word for `keep`. Read
from the live object by `delivery/prune.py`, where a word that is not known keeps it."""

Moment = Literal["before", "after", "on-failure"]
Conflicts = Literal["", "refuse", "force", "yield"]
HookDelete = Literal["superseded", "succeeded", "never"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
NEEDED = frozenset(("ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding"))
"""Kinds that a hook may need before it runs. They are objects of the release that come first."""
ORDER_MAX = 1000

Wrong = tuple[tuple[str, ...], str, str]
"""(path, what is wrong, what to do)"""


@dataclass(frozen=True, slots=True)
class Directives:
    """order        objects of a lower number are ready before those of a higher one are applied
    hook         when this Job runs, or that its hooks need this object; empty for any other
    hook_delete  when a hook's Job goes: with the next release, once it succeeded, or never by gitrel
    conflicts    what to do about fields that somebody else manages; empty where nothing is said
    adopt        whether an object that is there already, and nobody's, may be taken over
    create_only  made where it is missing, and left alone afterwards
    ignore       fields that are written when the object is made, and neither applied nor compared afterwards
    recreate     whether the object may be deleted and made anew for a change the API server refuses
    """

    order: int = 0
    hook: Moment | Literal[""] = ""
    hook_delete: HookDelete = "superseded"
    conflicts: Conflicts = ""
    adopt: bool = False
    create_only: bool = False
    ignore: tuple[fieldpaths.Path, ...] = ()
    recreate: bool = False


NONE = Directives()


def directives_of(obj: Mapping[str, Any]) -> Directives:
    """The directives on an object. Annotations that are wrong count as absent."""
    texts = _annotations(obj)
    if not texts:
        return NONE
    values: dict[str, Any] = {}
    for key, (field, read) in _READERS.items():
        if key in texts:
            try:
                values[field] = read(texts[key])
            except ValueError:
                continue
    return Directives(**values) if values else NONE


def wrong_directives(obj: Mapping[str, Any]) -> Iterator[Wrong]:
    """Everything that is wrong with the object's directives."""
    for key, text in _annotations(obj).items():
        path = ("metadata", "annotations", key)
        if read := _CHECKS.get(key):
            try:
                read(text)
            except ValueError as error:
                yield path, f"{key}: {error}", ""
        elif key not in _ELSEWHERE and (close := get_close_matches(key, (*_READERS, *_ELSEWHERE), 1, 0.85)):
            yield path, f"there is no annotation {key}", f"did you mean {close[0]}?"
    yield from _wrong_hook(obj)


def _wrong_hook(obj: Mapping[str, Any]) -> Iterator[Wrong]:
    path = ("metadata", "annotations", HOOK)
    moment, kind = directives_of(obj).hook, obj.get("kind")
    if not moment:
        return
    if kind in NEEDED:
        if moment != "before":
            yield path, f"{HOOK}: a {kind} of the release is there by then", "leave the annotation out"
    elif (group_of(str(obj.get("apiVersion"))), kind) != ("batch", "Job"):
        todo = "write what it does as a Job, which tells when it is over and how often it tries"
        yield path, f"{HOOK}: a {kind} is no Job", todo
    elif (obj.get("spec") or {}).get("suspend") is True:
        yield path, f"{HOOK}: a Job that is suspended never ends", "leave spec.suspend out"


def _annotations(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {
        key: text for key, text in found.items() if isinstance(key, str) and key.startswith("gitrel.dev/")
    }


def _word(*allowed: str) -> Callable[[Any], Any]:
    def read(text: Any) -> Any:
        if text not in allowed:
            raise ValueError(f"{text!r} is not known: write {' or '.join(allowed)}")
        return text

    return read


def _is(word: str) -> Callable[[Any], bool]:
    check = _word(word)
    return lambda text: bool(check(text))


def _number(text: Any) -> int:
    try:
        number = int(str(text))
    except ValueError:
        number = ORDER_MAX + 1
    if abs(number) > ORDER_MAX:
        raise ValueError(f"{text!r} is not a whole number from -{ORDER_MAX} to {ORDER_MAX}")
    return number


_PROTECTED = ("apiVersion", "kind", "status")


def _paths(text: Any) -> tuple[fieldpaths.Path, ...]:
    """Paths separated by commas outside brackets, or by lines."""
    found = []
    for part in _parts(str(text)):
        path = fieldpaths.parse(part)
        if path[0] in _PROTECTED or path in (("metadata",), ("metadata", "name"), ("metadata", "namespace")):
            raise ValueError(f"{part.strip()} says which object it is: it cannot be ignored")
        found.append(path)
    if not found:
        raise ValueError("names no field: write a path such as spec.replicas")
    return tuple(found)


def _parts(text: str) -> Iterator[str]:
    depth, part = 0, ""
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if depth <= 0 and letter in ",\n":
            if part.strip():
                yield part
            part = ""
        else:
            part += letter
    if part.strip():
        yield part


_READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    HOOK: ("hook", _word(*MOMENTS)),
    HOOK_DELETE: ("hook_delete", _word(*get_args(HookDelete))),
    ORDER: ("order", _number),
    CONFLICTS: ("conflicts", _word(*cast(tuple[str, ...], get_args(Conflicts)[1:]))),
    ADOPT: ("adopt", _is("allowed")),
    APPLY: ("create_only", _is("create-only")),
    IGNORE: ("ignore", _paths),
    RECREATE: ("recreate", _is("allowed")),
}
_CHECKS = {PRUNE: _word(*PRUNE_WORDS)} | {key: read for key, (_, read) in _READERS.items()}
_ELSEWHERE = (PRUNE, "gitrel.dev/scope", "gitrel.dev/power")
"""Annotations that other rooms read."""
