"""A controller's own writes, which need no second look: it wrote them knowing everything it knows.

Changes are handed out while the write is still under way, so it is enough to say so for that long. Nothing
is remembered: a status that anybody else writes wakes the controller as ever.
"""

from __future__ import annotations

from types import TracebackType


class Echo:
    """`with echo:` around a write; `echo.sounding` in the function that turns changes into keys."""

    __slots__ = ("sounding",)

    def __init__(self) -> None:
        self.sounding = False

    def __enter__(self) -> None:
        self.sounding = True

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sounding = False
