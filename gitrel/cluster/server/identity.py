"""Who is asking: client certificates, bearer tokens, or nobody. Pure, but for reading the token file.

The token file is Kubernetes' own: CSV rows of token, user, uid and, in quotes, groups.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gitrel.cluster.api.accounts import AUDIENCES
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.rbac.impersonation import Wanted
from gitrel.cluster.api.rbac.user import ANONYMOUS, AUTHENTICATED, User
from gitrel.cluster.server.tokens import Accounts
from gitrel.errors import UsageError

__all__ = ["ANONYMOUS", "AUTHENTICATED", "User"]


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


@dataclass(frozen=True, slots=True)
class Authenticator:
    """`tokens` are kept as digests, so that looking one up tells nothing by the time it takes."""

    tokens: Mapping[bytes, User] = field(default_factory=dict)
    accounts: Accounts | None = None
    """Who knows service accounts by their tokens."""
    anonymous: bool = False
    """Off where everything is allowed, as the API server has it: else nobody would be everybody."""

    def user(self, certificate: Mapping[str, Any] | None, authorization: str) -> User:
        """From what the TLS layer verified and the `Authorization` header. Raises ApiError 401."""
        if certificate is not None and (known := user_of_certificate(certificate)):
            return known
        scheme, _, token = authorization.partition(" ")
        if authorization:
            found = self.bearer(token.strip()) if scheme.lower() == "bearer" else None
            if found is None:
                raise unauthorized()
            return found
        if not self.anonymous:
            raise unauthorized()
        return ANONYMOUS

    def bearer(self, token: str, audiences: Sequence[str] = AUDIENCES) -> User | None:
        """Whose token it is; None for nobody's. Those of the token file are for the API server only."""
        found = self.tokens.get(digest(token)) if set(audiences) & set(AUDIENCES) else None
        if found is None and self.accounts is not None and token.count(".") == 2:
            found = self.accounts.user(token, audiences)
        return found


def user_of_certificate(certificate: Mapping[str, Any]) -> User | None:
    """The common name is the user, each organization a group; `certificate` as `ssl` gives it."""
    rows = [pair for row in certificate.get("subject", ()) for pair in row]
    name = next((value for key, value in rows if key == "commonName"), "")
    groups = [value for key, value in rows if key == "organizationName"]
    return User(name, (*groups, AUTHENTICATED)) if name else None


def digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def impersonation(headers: Iterable[tuple[bytes, bytes]]) -> Wanted:
    """What the `Impersonate-…` headers ask for; groups and extra values may stand several times."""
    rows = [(name, value.decode("latin-1")) for name, value in headers if name.startswith(b"impersonate-")]
    if not rows:
        return NOBODY_ELSE
    extra: dict[str, list[str]] = {}
    for name, value in rows:
        if name.startswith(_EXTRA):
            extra.setdefault(unquote(name.removeprefix(_EXTRA).decode("latin-1")).lower(), []).append(value)
    single = dict(rows)
    groups = [value for name, value in rows if name == b"impersonate-group"]
    user, uid = single.get(b"impersonate-user", ""), single.get(b"impersonate-uid", "")
    return Wanted(user, groups, uid, {key: tuple(values) for key, values in extra.items()})


_EXTRA = b"impersonate-extra-"
NOBODY_ELSE = Wanted()


def read_token_file(path: Path) -> dict[bytes, User]:
    """Raises UsageError naming the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise UsageError(f"--token-file {path}: cannot be read: {wrong}") from None
    return token_rows(text.splitlines(), str(path))


def token_rows(lines: Iterable[str], source: str) -> dict[bytes, User]:
    """`token,user,uid,"group1,group2"` → users. Raises UsageError; a token itself is never told."""
    found: dict[bytes, User] = {}
    reader = csv.reader(lines, skipinitialspace=True)
    for row in reader:
        if not row:
            continue
        if len(row) < 3:
            raise UsageError(f"{source}:{reader.line_num}: a row needs token, user and uid")
        token, name, uid = (cell.strip() for cell in row[:3])
        if not token or not name:
            raise UsageError(f"{source}:{reader.line_num}: a token and a user may not be empty")
        groups = [group.strip() for group in (row[3] if len(row) > 3 else "").split(",") if group.strip()]
        found[digest(token)] = User(name, (*groups, AUTHENTICATED), uid)
    return found
