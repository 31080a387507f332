"""How requests prove whose they are: a token, a token file, a password, a certificate, or an exec plugin.

Tokens go stale while a daemon runs. A file is read again every minute, a plugin is run again before what it
gave expires, and both at once when the server answers 401.
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from gitrel.backends.kubernetes.kubeconfig import Entry, NoAccess
from gitrel.clock import Clock, parse_instant
from gitrel.errors import Unreachable

RENEW_FILES = timedelta(minutes=1)
"""The kubelet renews the tokens of service accounts on disk; client-go looks once a minute."""
RENEW_EARLY = timedelta(minutes=1)
"""Before a plugin's own expiry: what is sent now must still count when it arrives."""
PLUGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Credential:
    """What one request carries. `expires` None: as long as nobody refuses it."""

    authorization: str = ""
    certificate: Certificate | None = None
    expires: datetime | None = None


class Credentials:
    """Asks `source` when there is nothing yet, when what there is expires, and after `refused`.

    Safe to call from several threads; one of them asks, the others wait for it.
    """

    def __init__(
        self,
        source: Callable[[], Credential],
        clock: Clock,
        learn: Callable[[str], None] = lambda secret: None,
    ) -> None:
        """`learn` is told every secret, so that it can be masked wherever it turns up."""
        self._source = source
        self._clock = clock
        self._learn = learn
        self._lock = threading.Lock()
        self._held: Credential | None = None

    def current(self) -> Credential:
        """Raises NoAccess or Unreachable where the source has nothing to give."""
        with self._lock:
            held = self._held
            if held is None or (held.expires is not None and held.expires <= self._clock.now()):
                held = self._held = self._source()
                if held.authorization:
                    self._learn(held.authorization.partition(" ")[2])
            return held

    def refused(self, credential: Credential) -> None:
        """The server answered 401 to it: the next request asks anew."""
        with self._lock:
            if self._held is credential:
                self._held = None


def source_of(
    user: Entry, cluster: Entry, clock: Clock, environ: Mapping[str, str] = os.environ
) -> Callable[[], Credential]:
    """The way in which kubectl would prove who `user` is. Raises NoAccess for ways that there are no more."""
    if "auth-provider" in user.fields:
        raise NoAccess(f"{user.file}: auth-provider is not supported: use an exec plugin instead")
    if user.text("tokenFile"):
        return lambda: _from_file(user, clock)
    if user.text("token"):
        token = Credential(f"Bearer {user.text('token')}", _certificate(user))
        return lambda: token
    if "exec" in user.fields:
        plugin = Plugin.of(user, cluster, environ)
        return lambda: plugin.run(clock)
    if user.text("username"):
        pair = f"{user.text('username')}:{user.text('password')}"
        basic = Credential("Basic " + base64.b64encode(pair.encode()).decode(), _certificate(user))
        return lambda: basic
    bare = Credential("", _certificate(user))
    return lambda: bare


def _from_file(user: Entry, clock: Clock) -> Credential:
    path = user.path("tokenFile")
    assert path is not None
    token = read_file(path, "tokenFile").decode("utf-8", "replace").strip()
    if not token:
        raise NoAccess(f"{path}: the token file is empty")
    return Credential(f"Bearer {token}", _certificate(user), clock.now() + RENEW_FILES)


def _certificate(user: Entry) -> Certificate | None:
    certificate, key = material(user, "client-certificate"), material(user, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise NoAccess(f"{user.file}: a client certificate and its key belong together: one is missing")
    return Certificate(certificate, key)


def material(entry: Entry, name: str) -> bytes | None:
    """A certificate or key: the content of `<name>-data`, or of the file that `<name>` names."""
    if encoded := entry.text(f"{name}-data"):
        try:
            return base64.b64decode(encoded, validate=True)
        except ValueError:
            raise NoAccess(f"{entry.file}: {name}-data is not base64") from None
    path = entry.path(name)
    return read_file(path, name) if path else None


def read_file(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoAccess(f"{path}: {what} cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Plugin:
    """An exec plugin of client-go's (KEP-541): a command that prints an ExecCredential."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    api_version: str
    info: Mapping[str, Any]
    hint: str

    @classmethod
    def of(cls, user: Entry, cluster: Entry, environ: Mapping[str, str]) -> Plugin:
        fields = user.fields["exec"]
        if not isinstance(fields, Mapping) or not fields.get("command") or not fields.get("apiVersion"):
            raise NoAccess(f"{user.file}: exec needs command and apiVersion")
        command = str(fields["command"])
        if os.sep in command:
            command = str(user.folder / command)  # a bare name is looked for in PATH
        added = {str(row["name"]): str(row.get("value", "")) for row in fields.get("env") or ()}
        spec: dict[str, Any] = {"interactive": False}
        if fields.get("provideClusterInfo") is True:
            spec["cluster"] = {key: value for key, value in cluster.fields.items() if key != "extensions"}
        version = str(fields["apiVersion"])
        info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
        arguments = tuple(str(one) for one in fields.get("args") or ())
        hint = str(fields.get("installHint") or "")
        return cls((command, *arguments), {**environ, **added}, user.folder, version, info, hint)

    def run(self, clock: Clock) -> Credential:
        """Raises Unreachable where the plugin fails or says nothing useful; its output is never told."""
        name = Path(self.command[0]).name
        environ = {**self.environ, "KUBERNETES_EXEC_INFO": orjson.dumps(self.info).decode()}
        try:
            done = subprocess.run(
                self.command, env=environ, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=PLUGIN_SECONDS, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise Unreachable(f"exec plugin {name} is not installed{self._hinted()}") from None
        except subprocess.TimeoutExpired:
            raise Unreachable(f"exec plugin {name} did not end in {PLUGIN_SECONDS:g}s") from None
        except OSError as error:
            raise Unreachable(f"exec plugin {name} cannot be run: {error.strerror}") from None
        if done.returncode != 0:
            raise Unreachable(
                f"exec plugin {name} failed with code {done.returncode}: run it by hand to see why"
            )
        return self._understood(name, done.stdout, clock)

    def _hinted(self) -> str:
        return f": {self.hint.strip()}" if self.hint.strip() else ""

    def _understood(self, name: str, output: bytes, clock: Clock) -> Credential:
        try:
            document = orjson.loads(output)
            status = document["status"]
            version, token = document["apiVersion"], status.get("token")
            certificate = status.get("clientCertificateData")
            key = status.get("clientKeyData")
            expires = status.get("expirationTimestamp")
            until = parse_instant(expires) - RENEW_EARLY if expires else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unreachable(f"exec plugin {name} printed no ExecCredential") from None
        if version != self.api_version:
            raise Unreachable(
                f"exec plugin {name} speaks {version}, the kubeconfig asks for {self.api_version}"
            )
        if not token and not (certificate and key):
            raise Unreachable(f"exec plugin {name} gave neither a token nor a certificate with its key")
        if until is not None and until <= clock.now():
            until = clock.now() + RENEW_EARLY  # short-lived, or clocks apart: not once per request
        pair = Certificate(certificate.encode(), key.encode()) if certificate and key else None
        return Credential(f"Bearer {token}" if token else "", pair, until)
