"""What stands behind the question mark, as values: options of reads, writes and deletions. Pure.

Parsed as Kubernetes parses it: a switch is on unless it says `false` or `0`, and a combination that makes no
sense is refused with the option's own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast
from urllib.parse import parse_qs

from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import (
    FieldError,
    Propagation,
    bad_request,
    forbidden_field,
    invalid,
    invalid_value,
    required,
    unsupported,
)
from gitrel.cluster.api.schema import FieldValidation

Query = Mapping[str, Sequence[str]]
Match = Literal["", "Exact", "NotOlderThan"]

MANAGER_MAX = 128
_FIELDS_MAX = 100


@lru_cache(maxsize=1024)
def parsed(raw: bytes) -> Query:
    """Raises ApiError 400."""
    if not raw:
        return {}
    try:
        text = raw.decode("ascii")
        return parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise bad_request("the query cannot be read") from None


def text(query: Query, name: str) -> str:
    return query[name][0] if name in query else ""


def switch(query: Query, name: str) -> bool:
    return name in query and query[name][0].lower() not in ("false", "0")


def number(query: Query, name: str) -> int | None:
    """Raises ApiError 400 with Go's words."""
    value = text(query, name)
    if not value:
        return None
    try:
        found = int(value) if value.isascii() and "_" not in value else None
    except ValueError:
        found = None
    if found is None or abs(found) >= 2**63:
        raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax')
    return found


# --- reads ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListOptions:
    """As in meta/v1; `revision` is None for the most recent, 0 for any."""

    labels: str = ""
    fields: str = ""
    limit: int = 0
    token: str = ""
    revision: int | None = None
    match: Match = ""
    watch: bool = False
    bookmarks: bool = False
    timeout_seconds: int | None = None
    initial_events: bool | None = None


@lru_cache(maxsize=1024)
def _list_options(raw: bytes) -> ListOptions:
    query = parsed(raw)
    found = ListOptions(
        labels=text(query, "labelSelector"),
        fields=text(query, "fieldSelector"),
        limit=number(query, "limit") or 0,
        token=text(query, "continue"),
        revision=revision(text(query, "resourceVersion")),
        match=cast(Match, text(query, "resourceVersionMatch")),
        watch=switch(query, "watch"),
        bookmarks=switch(query, "allowWatchBookmarks"),
        timeout_seconds=number(query, "timeoutSeconds"),
        initial_events=switch(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
    )
    if problems := list(_list_problems(found)):
        raise invalid("ListOptions", "meta.k8s.io", "", problems)
    if found.token and found.revision:
        raise bad_request("specifying resource version is not allowed when using continue")
    return found


def list_options(raw: bytes) -> ListOptions:
    """Raises ApiError 400 or 422."""
    return _list_options(raw)


def revision(value: str) -> int | None:
    """Raises ApiError 400."""
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 20):
        raise bad_request(f'Invalid value: "{value}": strconv.ParseUint: parsing "{value}": invalid syntax')
    return int(value)


def _list_problems(asked: ListOptions) -> list[FieldError]:
    """apimachinery `pkg/apis/meta/internalversion/validation`."""
    problems = []
    if asked.limit < 0:
        problems.append(invalid_value("limit", asked.limit, "must be greater than or equal to 0"))
    if asked.watch or asked.initial_events is not None:
        problems += _initial_problems(asked)
    elif asked.match:
        if asked.revision is None:
            says = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            problems.append(forbidden_field("resourceVersionMatch", says))
        if asked.token:
            says = "resourceVersionMatch is forbidden with continue"
            problems.append(forbidden_field("resourceVersionMatch", says))
        if asked.match not in ("Exact", "NotOlderThan"):
            supported = ("Exact", "NotOlderThan", "")
            problems.append(unsupported("resourceVersionMatch", asked.match, supported))
        if asked.match == "Exact" and asked.revision == 0:
            says = 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'
            problems.append(forbidden_field("resourceVersionMatch", says))
    return problems


def _initial_problems(asked: ListOptions) -> list[FieldError]:
    if not asked.watch:
        return [forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list")]
    if asked.initial_events is None:
        if asked.match:
            says = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            return [forbidden_field("resourceVersionMatch", says)]
        return []
    if asked.match != "NotOlderThan":
        says = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        return [forbidden_field("resourceVersionMatch", says)]
    return []


# --- writes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Of a create, an update or a patch. `manager` is empty where none was given."""

    manager: str = ""
    dry_run: bool = False
    field_validation: FieldValidation = "Warn"
    force: bool | None = None


NO_WRITE_OPTIONS = WriteOptions()


def write_options(raw: bytes, kind: str, *, applies: bool = False) -> WriteOptions:
    """`kind` is CreateOptions, UpdateOptions or PatchOptions. Raises ApiError 400 or 422."""
    if not raw and not applies:
        return NO_WRITE_OPTIONS
    query = parsed(raw)
    manager = text(query, "fieldManager")
    validation = text(query, "fieldValidation") or "Warn"
    dry_run, problems = _dry_run(query.get("dryRun", ()))
    problems += _manager_problems(manager)
    if applies and not manager:
        problems.append(required("fieldManager", "is required for apply patch"))
    if validation not in ("Ignore", "Warn", "Strict"):
        supported = ("", "Ignore", "Strict", "Warn")
        problems.append(unsupported("fieldValidation", validation, supported))
    force = switch(query, "force") if "force" in query else None
    if force is not None and not applies and kind == "PatchOptions":
        problems.append(forbidden_field("force", "may not be specified for non-apply patch"))
    if problems:
        raise invalid(kind, "meta.k8s.io", "", problems)
    return WriteOptions(manager, dry_run, cast(FieldValidation, validation), force)


def _dry_run(values: Sequence[str]) -> tuple[bool, list[FieldError]]:
    asked = [value for value in values if value]
    wrong = [value for value in asked if value != "All"]
    return bool(asked), [unsupported("dryRun", wrong, ("All",))] if wrong else []


def _manager_problems(manager: str) -> list[FieldError]:
    if len(manager) > MANAGER_MAX:
        return [invalid_value("fieldManager", manager, f"may not be more than {MANAGER_MAX} bytes")]
    if not manager.isprintable():
        return [invalid_value("fieldManager", manager, "should only contain printable characters")]
    return []


def manager_of_agent(agent: str) -> str:
    """Who writes, where nobody says: the first word of the client's name for itself."""
    name = agent.partition("/")[0][:MANAGER_MAX]
    return "".join(letter for letter in name if letter.isprintable()) or "unknown"


# --- deletions --------------------------------------------------------------------------------------------

_PROPAGATIONS = ("Foreground", "Background", "Orphan")


def delete_options(raw: bytes, body: Any) -> tuple[DeleteOptions, bool]:
    """The options, from the body or else the query, and whether nothing is to be stored. Raises ApiError."""
    if body is not None:
        return _from_body(body)
    query = parsed(raw)
    policy = text(query, "propagationPolicy")
    orphan = switch(query, "orphanDependents") if "orphanDependents" in query else None
    dry_run, problems = _dry_run(query.get("dryRun", ()))
    seconds = number(query, "gracePeriodSeconds")
    return _deletion(seconds, policy, orphan, {}, problems), dry_run


def _from_body(body: Any) -> tuple[DeleteOptions, bool]:
    if not isinstance(body, Mapping) or body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad_request("the body of a deletion has to be DeleteOptions")
    seconds, orphan = body.get("gracePeriodSeconds"), body.get("orphanDependents")
    preconditions, dry = body.get("preconditions") or {}, body.get("dryRun") or []
    policy = body.get("propagationPolicy") or ""
    typed = (
        (seconds is None or (isinstance(seconds, int) and not isinstance(seconds, bool)))
        and (orphan is None or isinstance(orphan, bool))
        and isinstance(policy, str)
        and isinstance(preconditions, Mapping)
        and all(isinstance(value, str) for value in preconditions.values() if value is not None)
        and isinstance(dry, list)
        and all(isinstance(value, str) for value in dry)
    )
    if not typed:
        raise bad_request('DeleteOptions in version "v1" cannot be handled: a field has the wrong type')
    dry_run, problems = _dry_run(dry)
    return _deletion(seconds, policy, orphan, preconditions, problems), dry_run


def _deletion(
    seconds: int | None,
    policy: str,
    orphan: bool | None,
    preconditions: Mapping[str, Any],
    problems: list[FieldError],
) -> DeleteOptions:
    if policy and orphan is not None:
        says = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(invalid_value("propagationPolicy", policy, says))
    if policy and policy not in _PROPAGATIONS:
        problems.append(unsupported("propagationPolicy", policy, (*_PROPAGATIONS, "nil")))
    if problems:
        raise invalid("DeleteOptions", "meta.k8s.io", "", problems)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    return DeleteOptions(
        seconds,
        cast(Propagation, policy) if policy else None,
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
    )
