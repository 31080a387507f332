"""Somebody who asks, as `authentication.k8s.io/v1 UserInfo` has it, and the names Kubernetes reserves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MASTERS = "system:masters"
"""The group that may do everything, whatever the policy says."""
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
SERVICE_ACCOUNTS = "system:serviceaccounts"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """`extra` is what an authenticator adds, such as the pod that a token belongs to."""

    name: str
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))

    def info(self) -> dict[str, Any]:
        """As UserInfo, without what is empty."""
        found: dict[str, Any] = {"username": self.name}
        if self.uid:
            found["uid"] = self.uid
        if self.groups:
            found["groups"] = list(self.groups)
        if self.extra:
            found["extra"] = {key: list(values) for key, values in self.extra.items()}
        return found


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
ADMIN = User("system:admin", (MASTERS, AUTHENTICATED))
"""Who asks where nobody else is named: in process one is one's own administrator."""


def service_account(namespace: str, name: str, uid: str = "", **extra: Sequence[str]) -> User:
    """The user that a service account's token speaks for."""
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"{_ACCOUNT}{namespace}:{name}", groups, uid, extra)


def account_of(username: str) -> tuple[str, str] | None:
    """(namespace, name) of the service account that a user name stands for; None for any other user."""
    if not username.startswith(_ACCOUNT):
        return None
    namespace, found, name = username.removeprefix(_ACCOUNT).partition(":")
    return (namespace, name) if found and namespace and name and ":" not in name else None
