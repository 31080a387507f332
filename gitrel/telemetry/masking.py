"""Keeps secrets out of everything that is written: known values in every common coding, and known shapes.

Known are the values of the Secrets that were rendered in this process; they are masked wherever they turn
up again, also in the environment of a Deployment or in an error message. Shapes are things that are
secret whoever wrote them: passwords in URLs, bearer tokens, private keys, fields called `password`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "******"
KNOWN_LENGTH_MIN = 6
"""Shorter values are not searched for in other text: `true` or `8080` would blank out half of it."""

_NAMES = r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
_SECRET_FIELD = re.compile(rf"(?i){_NAMES}$")
_SHAPES = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@", re.IGNORECASE), rf"\1{MASK}@"),
    (re.compile(r"(\b(?:bearer|basic)\s+)[A-Za-z0-9+/._~=-]{8,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"\b(?:ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs])[-_][A-Za-z0-9_-]{10,}"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"), MASK),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # `password=x` anywhere; `password: x` only as a line of YAML or a member of JSON: prose has colons.
    (re.compile(rf"(?i)(\b[\w.-]*{_NAMES}\s*=\s*)(?:\"[^\"]+\"|'[^']+'|[^\s,;&\"']+)"), rf"\1{MASK}"),
    (
        re.compile(rf"(?im)(^\s*[\w.-]*{_NAMES}:[ \t]+|\"[\w.-]*{_NAMES}\":\s*)(?:\"[^\"]+\"|[^\s,\"]+)"),
        rf"\1{MASK}",
    ),
)


def codings(value: str) -> Iterable[str]:
    """The value as it is, in base64 (both alphabets, without the padding), and as it stands in a URL."""
    raw = value.encode("utf-8", "surrogateescape")
    yield value
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield quote(value, safe="", errors="surrogateescape")
    yield quote_plus(value, errors="surrogateescape")


class Masker:
    """Knows the secrets met so far, and takes them out of text."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: str) -> None:
        """From now on `value` is masked; of a value of several lines each long line too."""
        parts = {value, value.strip(), *(line.strip() for line in value.splitlines())}
        long = {part for part in parts if len(part) >= KNOWN_LENGTH_MIN}
        new = {coding for part in long for coding in codings(part)} - self._known
        if new:
            self._known |= new
            self._pattern = None

    def learn_object(self, obj: Mapping[str, Any]) -> None:
        """Learns every value of a Secret manifest; other kinds teach nothing."""
        if obj.get("kind") != "Secret":
            return
        for value in (obj.get("stringData") or {}).values():
            self.learn(str(value))
        for value in (obj.get("data") or {}).values():
            self.learn(_decoded(str(value)))
            self.learn(str(value))

    def known(self, text: str) -> str:
        """Without the values that were learnt; their shape alone takes nothing out."""
        if self._known and self._pattern is None:
            # Longest first, so that a secret that contains another one goes as a whole.
            self._pattern = re.compile("|".join(map(re.escape, sorted(self._known, key=len, reverse=True))))
        return self._pattern.sub(MASK, text) if self._pattern else text

    def text(self, text: str) -> str:
        """Without known values and without whatever has the shape of a secret."""
        text = self.known(text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, field: str = "") -> Any:
        """Any JSON-like value, masked all the way down; a field that is named like a secret goes whole."""
        if field and _SECRET_FIELD.search(field) and value not in (None, "", False, True):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))

    def manifest(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """A manifest fit to be shown: Secrets by fingerprint, known values masked everywhere else."""
        return dict(_map_strings(fingerprinted(obj), self.known))


def fingerprinted(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret with each value replaced by a short hash, so that a change shows and the value does not."""
    shown = dict(obj)
    if obj.get("kind") != "Secret":
        return shown
    for field, decode in (("data", _decoded), ("stringData", str)):
        if obj.get(field):
            shown[field] = {key: _fingerprint(decode(str(value))) for key, value in obj[field].items()}
    # The last applied configuration repeats the whole object in plain text.
    metadata = dict(shown.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    if annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None) is not None:
        shown["metadata"] = metadata | {"annotations": annotations}
    return shown


def _fingerprint(value: str) -> str:
    digest = hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{MASK} (sha256:{digest[:12]}, {len(value)} characters)"


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return text


def _map_strings(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    return value


MASKER = Masker()
"""The process's one masker: what it learnt while rendering, logs and error messages leave out."""
