"""Keeps secrets out of everything that is written: known values in every common coding, and known shapes.

Known are the values of the Secrets that this process has met (`kube.masking` finds them again in any text,
in the environment of a Deployment or in an error message). Shapes are things that are
secret whoever wrote them: passwords in URLs, bearer tokens, private keys, fields called `password`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitrel.kube.masking import HIDDEN as MASK
from gitrel.kube.masking import Masker as KnownSecrets

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


class Masker:
    """Knows the secrets met so far, and takes them out of text."""

    def __init__(self) -> None:
        self._known = KnownSecrets()

    def learn(self, value: str) -> None:
        """From now on `value` is masked, and each line of it too."""
        self._known.learn({"kind": "Secret", "stringData": {"value": value}})

    def learn_object(self, obj: Mapping[str, Any]) -> None:
        """Learns every value of a Secret, or of the Secrets in a List; other kinds teach nothing."""
        if str(obj.get("kind", "")).endswith(("Secret", "List")):
            self._known.learn(obj)

    def text(self, text: str) -> str:
        """Without known values and without whatever has the shape of a secret."""
        text = self._known.text(text)
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
        """A manifest fit to be shown: Secrets hidden, known values hidden everywhere else."""
        shown: dict[str, Any] = self._known.mask(obj)
        return shown


MASKER = Masker()
"""The process's one masker: what it learnt while rendering, logs and error messages leave out."""
