"""Who was asked about an object, and who is asked once more after it changed (`reinvocationcontext.go`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitrel.kube.identity import Object


@dataclass(slots=True)
class Rounds:
    """Of one plugin in one write; webhooks and policies are known by unique names."""

    asked: set[str] = field(default_factory=set)
    """Those who want to be asked again, since somebody was required to be."""
    again: set[str] = field(default_factory=set)
    last: Object | None = None
    """What it was when the plugin had done with it in the first round."""

    def require_again(self) -> None:
        """The object was changed: everybody asked before is asked once more."""
        self.again |= self.asked
        self.asked = set()
