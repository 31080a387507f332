"""Decrypts what SOPS encrypted, in memory only, and says by whose means where it cannot.

The `sops` of the operator does it: the ciphertext goes in through a pipe and the plaintext comes out through
one. It sees the variables that name keys and key services, and the network, because a key service may be
asked. What it prints when it fails is not passed on, only what kind of failure it was: nothing of the content
is told. Every decrypted value is handed to `learn`, so that whoever prints anything can hide it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from gitrel.errors import Problem
from gitrel.kube.masking import LEARNT_LENGTH_MIN
from gitrel.render.objects import Found
from gitrel.render.source import Path
from gitrel.render.tools import ToolFailed, Tools
from gitrel.repo import layout, sealed
from gitrel.repo.model import Catalog, TemplateFile, Value
from gitrel.repo.precedence import Values
from gitrel.repo.typed import read_typed
from gitrel.repo.yamlfile import read_documents

_PASSED = (
    "HOME", "PATH", "TMPDIR", "GNUPGHOME", "GPG_TTY", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_PREFIXES = ("SOPS_", "AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_", "VAULT_", "HUAWEICLOUD_")
_FAILURES = {
    51: ("its MAC does not fit: it was changed after it was encrypted", "change it with 'sops edit' only"),
    52: ("it has no MAC", "encrypt it again with sops"),
    128: ("no key that is here decrypts it", "set SOPS_AGE_KEY_FILE, or log in to the key service"),
}
"""Exit codes of sops (cmd/sops/codes/codes.go) that people can do something about."""


class Sealed(Exception):
    """A file that could not be opened; carries the problem, which tells nothing of its content."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Safe:
    """Opens encrypted files, each content once. Safe to use from several threads."""

    def __init__(self, tools: Tools, learn: Callable[[str], None] | None = None) -> None:
        self._tools = tools
        self._learn = learn or (lambda _: None)
        self._opened: dict[bytes, tuple[Any, ...]] = {}
        self._lock = threading.Lock()

    def open(self, data: bytes, file: str) -> tuple[Any, ...]:
        """The decrypted documents of one file. Raises Sealed."""
        key = hashlib.sha256(data).digest()
        with self._lock:
            if key not in self._opened:
                self._opened[key] = self._decrypt(data, file)
            return self._opened[key]

    def _decrypt(self, data: bytes, file: str) -> tuple[Any, ...]:
        arguments = ("--decrypt", "--input-type=yaml", "--output-type=yaml", "/dev/stdin")
        passed = {
            name: value
            for name, value in self._tools.environment.items()
            if name in _PASSED or name.startswith(_PREFIXES)
        }
        try:
            ran = self._tools.run(
                "sops", arguments, folder=FilePath("/"), stdin=data, network=True, passed=passed
            )
        except ToolFailed as error:
            raise Sealed(Problem(file, 0, 0, f"is encrypted: {error.what}", error.todo)) from None
        if ran.code:
            what, todo = _FAILURES.get(ran.code, (f"sops ends with {ran.code}", "try 'sops decrypt' on it"))
            raise Sealed(Problem(file, 0, 0, f"is encrypted: {what}", todo))
        documents, problems = read_documents(ran.output, "")
        if any(problem.severity == "error" for problem in problems) or not documents:
            what = "is encrypted, and what it decrypts to is not YAML that can be read"
            raise Sealed(Problem(file, 0, 0, what, "encrypt a YAML file, with plain text values"))
        return tuple(document.value for document in documents)

    def learn(self, ciphertext: Any, plaintext: Any) -> Iterator[str]:
        """Every value that was encrypted, as text; each is learnt on the way."""
        if isinstance(ciphertext, Mapping) and isinstance(plaintext, Mapping):
            for key in ciphertext:
                yield from self.learn(ciphertext[key], plaintext.get(key))
        elif isinstance(ciphertext, list) and isinstance(plaintext, list):
            for one, other in zip(ciphertext, plaintext, strict=False):
                yield from self.learn(one, other)
        elif isinstance(ciphertext, str) and sealed.is_sealed(ciphertext):
            text = _text(plaintext)
            self._learn(text)
            yield text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Opened:
    """The context with its secrets in the clear, and the secrets as texts."""

    context: Mapping[str, Any]
    secrets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vault:
    """The encrypted parameters of one release: known by name, opened only where something reads them."""

    catalog: Catalog
    parameters: Values
    safe: Safe
    types: TemplateFile | None = None
    """The component's `parameters.schema.yaml`, by which what is opened is checked."""

    @property
    def names(self) -> frozenset[str]:
        """The names, in the words of `reads`, under which a secret would be read."""
        found = {
            f"parameters.{n}" for n, value in self.parameters.items() if sealed.holds_sealed(value.value)
        }
        return frozenset((*found, "parameters")) if found else frozenset()

    def open(self, context: Mapping[str, Any]) -> Opened:
        """`context` with every secret decrypted. Raises Sealed, also for one that is not of its type."""
        secrets: set[str] = set()
        parameters = {
            name: self._opened(value, (name,), secrets) if sealed.holds_sealed(value.value) else value.value
            for name, value in self.parameters.items()
        }
        if secrets and self.types is not None:
            self._check(self.types, parameters)
        return Opened({**context, "parameters": parameters}, frozenset(secrets))

    def _check(self, types: TemplateFile, parameters: Mapping[str, Any]) -> None:
        typed, _ = read_typed(types.data, types.origin.file)
        if wrong := sorted(typed.opened_problems(self.parameters, parameters) if typed else ()):
            raise Sealed(wrong[0])

    def _opened(self, value: Value, path: tuple[str, ...], secrets: set[str]) -> Any:
        if value.parts:
            return {key: self._opened(part, (*path, key), secrets) for key, part in value.parts.items()}
        if not sealed.holds_sealed(value.value):
            return value.value
        file = value.origin.file
        if file not in self.catalog.sealed:  # told by the catalog, with the line
            raise Sealed(Problem(file, 0, 0, "holds an encrypted value that nothing can decrypt", ""))
        found: Any = self.safe.open(self.catalog.sealed[file], file)[0]
        for step in (*_base(file), *path):
            found = found.get(step) if isinstance(found, dict) else None
        secrets.update(self.safe.learn(value.value, found))
        return found


def _base(file: str) -> tuple[str, ...]:
    """Where parameters stand in a file: those beside a pointer have no `spec` around them."""
    is_document = file.startswith(f"{layout.ENVIRONMENTS}/") or file.endswith(f"/{layout.COMPONENT_FILE}")
    return ("spec", "parameters") if is_document else ("parameters",)


def without_secrets(problem: Problem, secrets: frozenset[str]) -> Problem:
    """The problem, or one that says no more than where, if its words would show a secret."""
    text = f"{problem.what}\0{problem.todo}"
    if not any(secret in text for secret in secrets if secret not in ("", "true", "false")):
        return problem
    what = "something is wrong here, and saying what would show a secret"
    return replace(problem, what=what, todo="try it with another value")


def shown_secrets(found: Found, secrets: frozenset[str]) -> Iterator[Problem]:
    """A warning for each secret that stands outside of a Secret and is too short to be found again in what is
    shown: whatever prints the object would print it."""
    if found.ref.kind == "Secret":
        return
    short = {secret for secret in secrets if 0 < len(secret) < LEARNT_LENGTH_MIN}
    for path, leaf in _leaves(found.object, ()):
        if _text(leaf) in short:
            what = (
                f"a secret of fewer than {LEARNT_LENGTH_MIN} characters cannot be hidden where this is shown"
            )
            yield found.at(path).warning(what, "keep it in a Secret, make it longer, or do not encrypt it")


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
