"""What holds for every object, of whatever kind: conditions, generations, deletion, and absence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.delivery.readiness import RULES, assess
from tests.delivery.support import NOW, load

CUSTOM = "apiVersion: example.com/v1, kind: Widget"

CASES = {
    "deleted": (
        f"{{{CUSTOM}, metadata: {{deletionTimestamp: x, generation: 2}}, status: {{observedGeneration: 1}}}}",
        "terminating",
        "the object is being deleted",
    ),
    "not observed": (
        f"{{{CUSTOM}, metadata: {{generation: 2}}, status: {{observedGeneration: 1}}}}",
        "in-progress",
        "generation 2 is not observed yet (observed: 1)",
    ),
    "observed generation from the future": (
        f"{{{CUSTOM}, metadata: {{generation: 1}}, status: {{observedGeneration: 2}}}}",
        "in-progress",
        "generation 1 is not observed yet (observed: 2)",
    ),
    "reconciling": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Reconciling, status: 'True', message: busy}}]}}}}",
        "in-progress",
        "busy",
    ),
    "stalled": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Stalled, status: 'True', message: no quota}}]}}}}",
        "failed",
        "no quota",
    ),
    "generic without conditions": (f"{{{CUSTOM}}}", "current", "the object is there"),
    "generic ready": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Ready, status: 'True'}}]}}}}",
        "current",
        "ready",
    ),
    "generic not ready": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Ready, status: 'False', message: wait}}]}}}}",
        "in-progress",
        "wait",
    ),
    "generic available": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Available, status: 'False', message: one of two}}]}}}}",
        "in-progress",
        "one of two",
    ),
    "generic ready of another generation": (
        f"{{{CUSTOM}, metadata: {{generation: 3}}, status: {{conditions: "
        "[{type: Ready, status: 'True', observedGeneration: 2}]}}",
        "in-progress",
        "the condition Ready is that of generation 2",
    ),
}


@pytest.mark.parametrize(("text", "word", "message"), CASES.values(), ids=CASES)
def test_how_an_object_is_by_its_conditions(text: str, word: str, message: str) -> None:
    """kstatus's generic rules, for a kind that nobody knows."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)


def test_what_is_not_there() -> None:
    """An object that does not exist has a word of its own."""
    assert assess(None, NOW).word == "not-found"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "conditions", "type", "metadata", "generation", "state", "spec", "reason"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(RULES)), ODD, ODD, ODD)
def test_no_object_can_stop_a_pass(
    group_kind: tuple[str, str], spec: object, status: object, more: object
) -> None:
    """Whatever an object holds, it gets a status: one poisoned object must not kill the loop."""
    group, kind = group_kind
    obj = {
        "apiVersion": f"{group}/v1" if group else "v1",
        "kind": kind,
        "spec": spec,
        "status": status,
        "metadata": more,
    }
    assert assess(obj, NOW).message is not None
