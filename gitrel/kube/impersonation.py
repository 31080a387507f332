"""Acting as somebody else, in the headers in which Kubernetes takes it.

Source of the rules: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Who to act as; without a `user` nobody. `extra` are (key, value) pairs."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """(name, value) pairs; a name may come several times. Empty where nobody is impersonated."""
        if not self.user:
            return ()
        rows = [("Impersonate-User", self.user)]
        rows += [("Impersonate-Uid", self.uid)] if self.uid else []
        rows += [("Impersonate-Group", group) for group in self.groups]
        # Keys are lower case, and whatever a header's name may not hold is percent-encoded.
        rows += [(f"Impersonate-Extra-{quote(key.lower(), safe='')}", value) for key, value in self.extra]
        return tuple(rows)

    def __str__(self) -> str:
        groups = f" in {', '.join(self.groups)}" if self.groups else ""
        return f"{self.user or 'nobody'}{groups}"


NOBODY = Impersonation()
