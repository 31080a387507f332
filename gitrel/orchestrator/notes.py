"""What the last attempt to apply a release came to, from one pass to the next.

A memory of this process alone: whatever is decided from is read from the cluster again.
"""

from __future__ import annotations


class Notes:
    """One text per component and environment, and the digest of the release that it is about."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], tuple[str, str]] = {}

    def write(self, component: str, environment: str, digest: str, text: str) -> None:
        """`text` is empty where nothing is to be said."""
        self._texts[component, environment] = digest, text

    def read(self, component: str, environment: str, digest: str) -> str:
        """What was noted of exactly that release."""
        known, text = self._texts.get((component, environment), ("", ""))
        return text if known == digest else ""
