"""Events: one storage, read as core/v1 and as events.k8s.io/v1 (`pkg/apis/events/v1/conversion.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds.kind import Kind, Served
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

NEW_VERSION = "events.k8s.io/v1"
_RENAMED: Mapping[str, str] = {
    "message": "note",
    "involvedObject": "regarding",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
"""Fields of core/v1 by what events.k8s.io/v1 calls them; all others are called the same."""
_OLD_NAMES = {new: old for old, new in _RENAMED.items()}


def to_new(obj: Object) -> Object:
    new = {_RENAMED.get(key, key): value for key, value in obj.items()}
    return {**new, "apiVersion": NEW_VERSION}


def to_core(obj: Object) -> Object:
    old = {_OLD_NAMES.get(key, key): value for key, value in obj.items()}
    return {**old, "apiVersion": "v1"}


def validate_event(obj: Object) -> Iterator[FieldError]:
    """Events about namespaced things lie beside them; those of the new kind say who reports what.

    `pkg/apis/core/validation/events.go`: an Event with an `eventTime` is one of events.k8s.io.
    """
    about, own = get(obj, "involvedObject", "namespace", default=""), obj["metadata"].get("namespace")
    if about != own if about else own not in ("default", "kube-system"):
        yield invalid_value("involvedObject.namespace", about, "does not match event.namespace")
    if not get(obj, "involvedObject", "kind"):
        yield required("involvedObject.kind")
    if obj.get("eventTime"):
        yield from _new_event_errors(obj)


def _new_event_errors(obj: Object) -> Iterator[FieldError]:
    if not obj.get("reportingComponent"):
        yield required("reportingController")
    if not obj.get("reportingInstance"):
        yield required("reportingInstance")
    if not obj.get("action"):
        yield required("action")
    if not obj.get("reason"):
        yield required("reason")
    if obj.get("type") not in ("Normal", "Warning"):
        yield invalid_value("type", obj.get("type") or "", "has invalid value: ")
    for key, longest in (("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)):
        if len(obj.get(key) or "") > longest:
            yield invalid_value(key, "", f"can have at most {longest} characters")


KINDS = (
    Kind(
        "events", "v1", "Event", short_names=("ev",), validate=validate_event,
        served=(Served("events.events.k8s.io", NEW_VERSION, to_core, to_new),),
    ),
)  # fmt: skip
