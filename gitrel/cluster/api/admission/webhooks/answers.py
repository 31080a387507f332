"""What came back from a webhook: a verdict, or why it counts as failed (`pkg/admission/plugin/webhook`)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from gitrel.cluster.api.admission.webhooks.calls import Answer, Unreachable
from gitrel.cluster.api.errors import ApiError, shown

_GROUP = "admission.k8s.io"


class Failed(Exception):
    """The webhook could not be asked, or answered nonsense: its failure policy decides."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"failed calling webhook {shown(name)}: {why}")


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    status: Mapping[str, Any] = field(default_factory=dict)
    patch: Sequence[Any] = ()
    warnings: Sequence[str] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


def verdict(name: str, outcome: Answer | Unreachable, uid: str, version: str, *, mutating: bool) -> Verdict:
    """Raises Failed."""
    if isinstance(outcome, Unreachable):
        raise Failed(name, f"failed to call webhook: {outcome.why}")
    document = _document(name, outcome, version)
    response = document.get("response")
    if not isinstance(response, Mapping):
        raise Failed(name, "received invalid webhook response: webhook response was absent")
    if version == "v1" and response.get("uid") != uid:
        got = shown(response.get("uid") or "")
        raise Failed(
            name, f"received invalid webhook response: expected response.uid={shown(uid)}, got {got}"
        )
    return Verdict(
        response.get("allowed") is True,
        _mapping(response.get("status")),
        _patch(name, response, mutating=mutating),
        [text for text in response.get("warnings") or () if isinstance(text, str)],
        {str(k): str(v) for k, v in _mapping(response.get("auditAnnotations")).items()},
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _document(name: str, answer: Answer, version: str) -> Mapping[str, Any]:
    if not 200 <= answer.code < 300:
        raise Failed(name, f"failed to call webhook: {_refused(answer)}")
    if not answer.body:
        told = f"0-length response with status code: {answer.code} and content type: {answer.content_type}"
        raise Failed(name, f"failed to call webhook: {told}")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as wrong:
        told = f"couldn't get version/kind; json parse error: {wrong}"
        raise Failed(name, f"failed to call webhook: {told}") from None
    spoken = (_mapping(document).get("apiVersion"), _mapping(document).get("kind"))
    if spoken != (f"{_GROUP}/{version}", "AdmissionReview"):
        expected = f"expected {_GROUP}/{version}, Kind=AdmissionReview"
        raise Failed(
            name,
            f"received invalid webhook response: {expected}, got {spoken[0] or ''}, Kind={spoken[1] or ''}",
        )
    return _mapping(document)


_SAID = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the "
    "request",
}
"""As client-go reads a code without a Status (apimachinery `NewGenericServerResponse`)."""
_TEXT_MAX = 2048


def _refused(answer: Answer) -> str:
    if answer.code in _SAID:
        return _SAID[answer.code]
    text = "unknown"
    if answer.content_type.startswith("text/"):
        text = answer.body[:_TEXT_MAX].decode(errors="replace").strip() or text
    if answer.code == 403:
        return text
    if answer.code >= 500:
        return f"an error on the server ({shown(text)}) has prevented the request from succeeding"
    return f"the server responded with the status code {answer.code} but did not return more information"


def _patch(name: str, response: Mapping[str, Any], *, mutating: bool) -> Sequence[Any]:
    invalid = "received invalid webhook response: "
    coded, type_ = response.get("patch"), response.get("patchType")
    if not mutating:
        for key, value in (("patch", coded), ("patchType", type_)):
            if value:
                raise Failed(name, f"{invalid}validating webhook may not return response.{key}")
        return ()
    if coded and not type_:
        raise Failed(name, f"{invalid}webhook returned response.patch but not response.patchType")
    if type_ and not coded:
        raise Failed(name, f"{invalid}webhook returned response.patchType but not response.patch")
    if not coded or response.get("allowed") is not True:
        return ()
    if type_ != "JSONPatch":
        raise Failed(name, f"unsupported patch type {shown(type_)}")
    try:
        steps = orjson.loads(b64decode(coded, validate=True))
        if not isinstance(steps, list):
            raise ValueError("json: cannot unmarshal a value that is no list into a patch")
    except (TypeError, ValueError, binascii.Error) as wrong:
        raise Failed(name, f"received undecodable patch in webhook response: {wrong}") from None
    return steps


def refusal(name: str, status: Mapping[str, Any]) -> ApiError:
    """The webhook's own code, reason and details, never below 400 (`ToStatusErr`)."""
    told = f"admission webhook {shown(name)} denied the request"
    message, reason = status.get("message"), status.get("reason")
    said = f"{told} without explanation"
    if message or reason:
        said = f"{told}: {message or reason}"
    code = status.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else 400
    return ApiError(code, str(reason or ""), said, _mapping(status.get("details")))
