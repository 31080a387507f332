"""Acting as somebody else: what has to be allowed for it, and who one is then.

Kubernetes `staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`: the user, every group, the
uid and every extra value are each asked for with the verb `impersonate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.rbac.attributes import Attributes
from gitrel.cluster.api.rbac.authorizer import Authorizer, check
from gitrel.cluster.api.rbac.user import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNTS,
    UNAUTHENTICATED,
    User,
    account_of,
)

_GROUP = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The `Impersonate-…` headers: `extra` keys in lower case, already decoded."""

    user: str = ""
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        return bool(self.user or self.groups or self.uid or self.extra)


def impersonated(authorizer: Authorizer, user: User, wanted: Wanted) -> User:
    """Who `user` is for this request. Raises ApiError 403, or 500 for a group without a user."""
    if not wanted.anything:
        return user
    if not wanted.user:
        asked = [*wanted.groups, *([wanted.uid] if wanted.uid else []), *wanted.extra]
        message = f"Internal error occurred: requested {asked} without impersonating a user"
        raise ApiError(500, "InternalError", message)
    for attributes in _asked(wanted):
        check(authorizer, user, attributes)
    return User(wanted.user, _groups(wanted), wanted.uid, dict(wanted.extra))


def _asked(wanted: Wanted) -> Iterator[Attributes]:
    account = account_of(wanted.user)
    if account:
        yield Attributes("impersonate", "", "serviceaccounts", "", *account)
    else:
        yield Attributes("impersonate", "", "users", name=wanted.user)
    for group in wanted.groups:
        yield Attributes("impersonate", "", "groups", name=group)
    for key, values in wanted.extra.items():
        for value in values:
            yield Attributes("impersonate", _GROUP, "userextras", key, name=value)
    if wanted.uid:
        yield Attributes("impersonate", _GROUP, "uids", name=wanted.uid)


def _groups(wanted: Wanted) -> Sequence[str]:
    """Those asked for, and the ones that everybody of the kind is in."""
    groups = list(wanted.groups)
    account = account_of(wanted.user)
    if account and not groups:
        groups = [SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{account[0]}"]
    if wanted.user == ANONYMOUS.name:
        groups.append(UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return tuple(dict.fromkeys(groups))
