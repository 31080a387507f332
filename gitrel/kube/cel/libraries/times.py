"""Parts of instants and durations."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from gitrel.kube.cel.library import TABLE
from gitrel.kube.cel.values import CelError

_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_+\-/]{1,64}\Z", re.ASCII)


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    if found := _OFFSET.match(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    try:
        if not _NAME.match(name):
            raise ValueError
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CelError(f"unknown time zone {name}") from None


def _part(name: str, of: Callable[[datetime], int]) -> None:
    def run(instant: datetime, zone: str = "") -> int:
        return of(instant.astimezone(_zone(zone)))

    TABLE.add(name, "timestamp -> int", run, method=True)
    TABLE.add(name, "timestamp string -> int", run, method=True)


_part("getFullYear", lambda instant: instant.year)
_part("getMonth", lambda instant: instant.month - 1)
_part("getDate", lambda instant: instant.day)
_part("getDayOfMonth", lambda instant: instant.day - 1)
_part("getDayOfWeek", lambda instant: instant.isoweekday() % 7)
_part("getDayOfYear", lambda instant: instant.timetuple().tm_yday - 1)
_part("getHours", lambda instant: instant.hour)
_part("getMinutes", lambda instant: instant.minute)
_part("getSeconds", lambda instant: instant.second)
_part("getMilliseconds", lambda instant: instant.microsecond // 1000)

for _name, _unit in (
    ("getHours", timedelta(hours=1)),
    ("getMinutes", timedelta(minutes=1)),
    ("getSeconds", timedelta(seconds=1)),
    ("getMilliseconds", timedelta(milliseconds=1)),
):
    TABLE.add(_name, "duration -> int", lambda length, unit=_unit: int(length / unit), method=True)
