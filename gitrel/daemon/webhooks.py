"""Who may say "look now": signatures of GitHub, GitLab and Gitea, checked on the raw bytes.

A webhook is a hint and nothing more. Its content is never read beyond its signature, so a forged or replayed
one can at most make the daemon look at a repository that it looks at anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

BODY_BYTES_MAX = 1 << 20
"""GitHub sends up to 25 MiB; the signature is all that is wanted of it, and pushes are small."""
REMEMBERED_MAX = 1024
"""Deliveries whose ids are kept to recognise a replay."""
SKEW_MAX = timedelta(minutes=5)
"""How old a delivery with a signed timestamp may be (Standard Webhooks)."""


def is_signed(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> bool:
    """Whether one of the known signatures is there and right. `headers` has lower-case names.

    github   `x-hub-signature-256: sha256=<hex>`, HMAC-SHA256 over the body
    gitea    `x-gitea-signature: <hex>`, the same
    gitlab   `webhook-signature: v1,<base64>` over `id.timestamp.body`, or the plain `x-gitlab-token`
    """
    if not secret:
        return False
    if (given := headers.get("x-hub-signature-256")) is not None:
        return _same(given.removeprefix("sha256="), _hex(secret, body))
    if (given := headers.get("x-gitea-signature")) is not None:
        return _same(given, _hex(secret, body))
    if "webhook-signature" in headers:
        return _is_standard(headers, body, secret, now)
    if (given := headers.get("x-gitlab-token")) is not None:
        return _same(given, secret.decode("utf-8", "replace"))
    return False


def delivery_of(headers: Mapping[str, str]) -> str:
    """The delivery's id, empty where the sender gives none."""
    names = ("x-github-delivery", "x-gitea-delivery", "webhook-id", "x-gitlab-event-uuid")
    return next((headers[name] for name in names if headers.get(name)), "")


class Deliveries:
    """The ids of the last deliveries; what was heard once is not heard again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def is_new(self, delivery: str) -> bool:
        """True once per id; a delivery without an id is always new."""
        if not delivery:
            return True
        if delivery in self._known:
            return False
        self._known[delivery] = None
        while len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return True


def _is_standard(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> bool:
    """Standard Webhooks: several signatures may stand in one header, separated by spaces."""
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    if abs(now.timestamp() - int(stamp)) > SKEW_MAX.total_seconds():
        return False
    signed = b".".join((identity.encode(), stamp.encode(), body))
    wanted = base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()
    given = [part.removeprefix("v1,") for part in headers["webhook-signature"].split(" ")]
    matches = [_same(one, wanted) for one in given[:8]]  # all of them, so that the time tells nothing
    return any(matches)


def _key(secret: bytes) -> bytes:
    """`whsec_<base64>` is how Standard Webhooks writes a key; anything else is taken as it is."""
    if not secret.startswith(b"whsec_"):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        return secret


def _hex(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time, and as bytes, because a header may hold anything."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))
