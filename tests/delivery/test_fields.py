"""The quick look at two objects never says that something holds which the careful one denies."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.delivery.fields import _compare, _plainly_holds

NAMES = st.sampled_from(
    ("ports", "containers", "env", "name", "containerPort", "protocol", "value", "limits")
)
SCALARS = st.sampled_from(("", "a", "TCP", "UDP", "1", "1000m", 0, 1, 80, True, False, None))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def grown(draw: st.DrawFn, value: Any) -> Any:
    """The value with a few fields more, as a server hands it back, and perhaps with another scalar in it."""
    if isinstance(value, dict):
        more = draw(st.dictionaries(NAMES, SCALARS, max_size=2))
        return {**more, **{key: draw(grown(inner)) for key, inner in value.items()}}
    if isinstance(value, list):
        return [draw(grown(inner)) for inner in value]
    return draw(SCALARS) if draw(st.integers(0, 9)) == 0 else value


@given(st.data(), VALUES, NAMES)
@settings(deadline=None, max_examples=300)
def test_quick_look_agrees_with_the_careful_one(data: st.DataObject, wanted: Any, name: str) -> None:
    """Whatever holds at a glance holds by the rules of lists with keys, quantities and zero values too."""
    found = data.draw(grown(wanted))
    if _plainly_holds(wanted, found, name) and not _lists_several(wanted):
        assert list(_compare((name,), wanted, found)) == []


def _lists_several(value: Any) -> bool:
    """Whether a list has more than one item: those may name the same thing twice, which no server lets
    through, and on which the two need not agree."""
    if isinstance(value, dict):
        return any(map(_lists_several, value.values()))
    return isinstance(value, list) and (len(value) > 1 or any(map(_lists_several, value)))


def test_default_key_counts() -> None:
    """A port without a protocol is the TCP one: the UDP port of the same number is another."""
    wanted = {"ports": [{"containerPort": 53}]}
    assert _plainly_holds(wanted, {"ports": [{"containerPort": 53, "protocol": "TCP"}]}, "")
    assert not _plainly_holds(wanted, {"ports": [{"containerPort": 53, "protocol": "UDP"}]}, "")
