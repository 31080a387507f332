"""What the API answers when it refuses: one error with Kubernetes' code, reason, message and details.

The words are those of apimachinery `pkg/api/errors` and `pkg/util/validation/field`, because people and tools
read them: `Deployment.apps "x" is invalid: spec.selector: Required value`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

from gitrel.kube.identity import Object


class FieldError(NamedTuple):
    """One field that is wrong. `type` is the cause's reason; `text` what stands behind the field's name."""

    type: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


def shown(value: Any) -> str:
    """A value as the API server prints it in a message: strings in quotes, anything else as JSON."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def required(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, "Required value" + (f": {detail}" if detail else ""))


def invalid_value(field: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", field, f"Invalid value: {shown(value)}: {detail}")


def unsupported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    names = ", ".join(shown(name) for name in supported)
    text = f"Unsupported value: {shown(value)}: supported values: {names}"
    return FieldError("FieldValueNotSupported", field, text)


def forbidden_field(field: str, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", field, f"Forbidden: {detail}")


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def not_found_value(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", field, f"Not found: {shown(value)}")


def too_long(field: str, limit: int) -> FieldError:
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


class ApiError(Exception):
    """A refusal. `code` is the HTTP status, `reason` Kubernetes' word for it, `details` as in a Status
    object.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}

    def parts(self) -> tuple[int, str, str, Mapping[str, Any]]:
        """What it is made of, for making another like it."""
        return self.code, self.reason, self.message, self.details

    def status(self) -> Object:
        """The Status object that a client gets over the wire."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            **({"reason": self.reason} if self.reason else {}),
            **({"details": dict(self.details)} if self.details else {}),
            "code": self.code,
        }


def _about(resource: str, name: str, **more: Any) -> dict[str, Any]:
    plural, _, group = resource.partition(".")
    return {"name": name, **({"group": group} if group else {}), "kind": plural, **more}


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', _about(resource, name))


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', _about(resource, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, name: str, why: str = STALE) -> ApiError:
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _about(resource, name))


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422 with every field that is wrong; a single one stands without brackets."""
    said = str(errors[0]) if len(errors) == 1 else f"[{', '.join(map(str, errors))}]"
    causes = [{"reason": error.type, "message": error.text, "field": error.field} for error in errors]
    details = {"name": name, **({"group": group} if group else {}), "kind": kind, "causes": causes}
    qualified = f"{kind}.{group}" if group else kind
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {said}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(resource: str, name: str, why: str, *causes: Mapping[str, str]) -> ApiError:
    details = _about(resource, name, **({"causes": list(causes)} if causes else {}))
    return ApiError(403, "Forbidden", f'{resource} "{name}" is forbidden: {why}', details)


def namespace_terminating(resource: str, name: str, namespace: str) -> ApiError:
    """403 for anything new in a namespace that is on its way out."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    return forbidden(resource, name, why, cause)


class Moved(ApiError):
    """What was to be written changed while somebody outside was asked about it: to be tried again."""


def internal(why: str) -> ApiError:
    """500 for what went wrong with somebody that the server depends on."""
    return ApiError(500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})


def not_allowed(resource: str, verb: str) -> ApiError:
    message = f"{verb} is not supported on resources of kind {shown(resource)}"
    return ApiError(405, "MethodNotAllowed", message, _about(resource, ""))


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def unsupported_media_type(message: str) -> ApiError:
    return ApiError(415, "UnsupportedMediaType", message)


Propagation = Literal["Foreground", "Background", "Orphan"]
