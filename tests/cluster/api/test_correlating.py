"""Similar Events become one: the first nine messages have an Event each, the rest are combined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitrel.clock import format_instant
from gitrel.cluster.api.correlating import INTERVAL, PREFIX, SIMILAR_MAX, calculate_place
from gitrel.kube.identity import Object

START = datetime(2026, 1, 1, tzinfo=UTC)


def told(events: dict[str, Object], message: str, now: datetime) -> Object:
    """What the writer does with a place."""
    name, message, known = calculate_place("web", ("uid", "Normal", "Scaled"), message, events.get, now)
    count = known["count"] + 1 if known else 1
    events[name] = {"message": message, "count": count, "lastTimestamp": format_instant(now)}
    return events[name]


def test_equal_messages_are_counted_and_the_tenth_is_combined() -> None:
    """Proves the number, the words, the count, and that an earlier message is still counted by itself."""
    events: dict[str, Object] = {}
    for number in range(SIMILAR_MAX):
        told(events, f"to {number}", START)
    assert {event["count"] for event in events.values()} == {1}
    assert told(events, "to 3", START)["count"] == 2
    assert told(events, "to 10", START) == {
        "message": f"{PREFIX}to 10",
        "count": 1,
        "lastTimestamp": format_instant(START),
    }
    assert told(events, "to 11", START)["count"] == 2
    assert len(events) == SIMILAR_MAX + 1


def test_after_a_quiet_time_events_stand_by_themselves_again() -> None:
    """Proves that what was long ago combines nothing, and that a gap of the interval itself still does."""
    events: dict[str, Object] = {}
    for number in range(SIMILAR_MAX):
        told(events, f"to {number}", START)
    assert told(dict(events), "to 10", START + INTERVAL)["message"].startswith(PREFIX)
    later = START + INTERVAL + timedelta(seconds=1)
    assert told(events, "to 10", later)["message"] == "to 10"
    assert told(events, "to 10", later)["count"] == 2
