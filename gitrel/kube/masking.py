"""Secrets out of sight: one masker per comparison, so that equal values look equal and others do not.

Each secret value becomes `(hidden #1)`, `(hidden #2)` … in the order in which the masker meets them. Nothing
of a value shows, not its length and no hash that could be guessed against. What a Secret may show is an
allow-list; everything else in it is hidden, fields nobody knows included.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HIDDEN = "(hidden)"
LEARNT_LENGTH_MIN = 6
"""Shorter values are not looked for in other texts: `true` or `5432` stand everywhere."""
_SHOWN = frozenset(("apiVersion", "kind", "metadata", "type", "immutable"))


class Masker:
    """Masks objects and texts that are shown together. Values are told apart by what they decode to."""

    def __init__(self, secrets: Iterable[Mapping[str, Any] | None] = ()) -> None:
        self._numbers: dict[bytes, int] = {}
        self._learnt: dict[str, bytes] = {}
        self._pattern: re.Pattern[str] | None = None
        for obj in secrets:
            self.learn(obj)

    def learn(self, obj: Mapping[str, Any] | None) -> None:
        """Remembers the values of a Secret (or of each Secret in a List), to hide them wherever they are."""
        if obj is None:
            return
        for secret in _secrets_in(obj):
            for content in _contents(secret):
                for form in _forms(content):
                    self._learnt.setdefault(form, content)
        self._pattern = None

    def mask(self, obj: Any) -> Any:
        """The same object with everything secret replaced; plain values are shared, never changed."""
        if isinstance(obj, Mapping):
            if _is_secret(obj):
                return self._secret(obj)
            return {key: self._entry(key, value) for key, value in obj.items()}
        if isinstance(obj, list):
            return [self.mask(item) for item in obj]
        return self.text(obj) if isinstance(obj, str) else obj

    def text(self, text: str) -> str:
        """The text with every learnt value hidden, also where it is written in base64 or in a URL."""
        if not self._learnt:
            return text
        if self._pattern is None:
            # Longest first, so that a secret that contains another one goes as a whole.
            forms = sorted(self._learnt, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, forms)))
        return self._pattern.sub(lambda match: self._name(self._learnt[match[0]]), text)

    def _entry(self, key: Any, value: Any) -> Any:
        return HIDDEN if key == LAST_APPLIED else self.mask(value)

    def _secret(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for key, value in obj.items():
            if key in _SHOWN:
                shown[key] = self.mask(value)
            else:
                shown[key] = self._hide(value, encoded=key == "data")
        return shown

    def _hide(self, value: Any, *, encoded: bool) -> Any:
        """Every leaf hidden; the keys of a Secret's data are names and stay."""
        if isinstance(value, Mapping):
            return {key: self._hide(item, encoded=encoded) for key, item in sorted(value.items())}
        if isinstance(value, list):
            return [self._hide(item, encoded=encoded) for item in value]
        return None if value is None else self._name(_content(value, encoded=encoded))

    def _name(self, content: bytes) -> str:
        number = self._numbers.setdefault(content, len(self._numbers) + 1)
        return f"(hidden #{number})"


def _is_secret(obj: Mapping[str, Any]) -> bool:
    kind = obj.get("kind")
    return isinstance(kind, str) and kind.lower() == "secret"


def _secrets_in(obj: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(obj, Mapping):
        if _is_secret(obj):
            yield obj
        for value in obj.values():
            yield from _secrets_in(value)
    elif isinstance(obj, list):
        for item in obj:
            yield from _secrets_in(item)


def _contents(secret: Mapping[str, Any]) -> Iterator[bytes]:
    for key, value in secret.items():
        if key not in _SHOWN:
            yield from _leaves(value, encoded=key == "data")


def _leaves(value: Any, *, encoded: bool) -> Iterator[bytes]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item, encoded=encoded)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, encoded=encoded)
    elif value is not None:
        yield _content(value, encoded=encoded)


def _content(value: Any, *, encoded: bool) -> bytes:
    """What the value stands for: `data` is base64, so that it equals the same text in `stringData`."""
    text = str(value)
    if encoded:
        try:
            return base64.b64decode(re.sub(r"\s", "", text), validate=True)
        except (binascii.Error, ValueError):
            return text.encode("utf-8", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def _forms(content: bytes) -> Iterator[str]:
    """The ways in which the content may turn up in a text: itself, its lines, base64 (also as a part of
    something longer), URL-encoded, escaped in JSON, and as a digest, which could be tried against guesses."""
    encoded = base64.b64encode(content).decode()
    text = content.decode("utf-8", "replace")
    forms = [encoded, encoded.rstrip("="), base64.urlsafe_b64encode(content).decode().rstrip("=")]
    forms += _within_base64(content)
    forms.append(hashlib.sha256(content).hexdigest())
    if "\ufffd" not in text:
        forms.append(json.dumps(text)[1:-1])
        forms.append(json.dumps(text, ensure_ascii=False)[1:-1])
        forms += [text, text.strip(), quote(text, safe=""), *(line.strip() for line in text.splitlines())]
    yield from (form for form in forms if len(form) >= LEARNT_LENGTH_MIN)


def _within_base64(content: bytes) -> Iterator[str]:
    """What every base64 of a longer text that holds the content has in common, for each of the three ways in
    which it may begin: `user:PASSWORD` in a header, say. Shorter contents leave too little to look for."""
    if len(content) < 8:
        return
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + content).decode().rstrip("=")
        # The characters at both ends mix with the neighbours' bits.
        begin = -(-offset * 8 // 6)
        end = (offset + len(content)) * 8 // 6
        yield encoded[begin:end]
        yield encoded[begin:end].translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")
