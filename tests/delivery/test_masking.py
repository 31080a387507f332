"""No value of a Secret ever shows, and yet what is equal looks equal and what differs looks different."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.backends.backend import Refused
from gitrel.delivery.inventory import empty
from gitrel.delivery.plan import PlanRefused, plan
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import HIDDEN, LAST_APPLIED, Masker
from tests.delivery.support import by_ref, diff, release

CANARY = "hunter2-canary/+ä"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(**fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, **fields}


VARIANTS = (CANARY, b64(CANARY), b64(CANARY).rstrip("="), quote(CANARY, safe=""), CANARY.split("/")[0])


def masked(*objects: Object) -> tuple[Object, ...]:
    """All of them by one masker, as one comparison shows them."""
    masker = Masker(objects)
    return tuple(masker.mask(obj) for obj in objects)


def assert_hidden(text: str) -> None:
    for variant in VARIANTS:
        assert variant not in text


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(secret(data={"k": b64(CANARY)}), id="data"),
        pytest.param(secret(stringData={"k": CANARY}), id="stringData"),
        pytest.param(secret(data={"k": CANARY}), id="data that is not base64"),
        pytest.param(secret(data=CANARY), id="data of a wrong type"),
        pytest.param(secret(data={"k": [CANARY]}), id="list"),
        pytest.param(secret(Data={"k": CANARY}), id="misspelt field"),
        pytest.param(secret(data={"k": {"inner": CANARY}}), id="nested"),
        pytest.param(secret(data={"k": b64(CANARY)}, status={"echo": CANARY}), id="unknown field"),
        pytest.param({**secret(stringData={"k": CANARY}), "kind": "secret"}, id="kind in lower case"),
        pytest.param({"kind": "List", "items": [secret(stringData={"k": CANARY})]}, id="in a List"),
        pytest.param(
            {**secret(data={"k": b64(CANARY)}), "metadata": {"annotations": {LAST_APPLIED: CANARY}}},
            id="last-applied",
        ),
        pytest.param(
            {**secret(data={"k": b64(CANARY)}), "metadata": {"annotations": {"note": f"is {CANARY}!"}}},
            id="copied into an annotation",
        ),
    ],
)
def test_a_secret_shows_nothing(obj: Object) -> None:
    """Wherever in a Secret the value stands, masking takes it out."""
    assert_hidden(repr(masked(obj)))


def test_names_stay_readable() -> None:
    """Keys, metadata and type are what a reviewer needs, and are not secret."""
    (shown,) = masked(secret(type="Opaque", data={"user": b64("a"), "password": b64("b")}))
    assert shown["type"] == "Opaque"
    assert shown["metadata"]["name"] == "s"
    assert shown["data"] == {"password": "(hidden #1)", "user": "(hidden #2)"}


def test_last_applied_is_hidden_on_every_kind() -> None:
    """The annotation repeats the whole object, so it is never shown."""
    obj = {"kind": "ConfigMap", "metadata": {"annotations": {LAST_APPLIED: "{}"}}}
    (shown,) = masked(obj)
    assert shown["metadata"]["annotations"] == {LAST_APPLIED: HIDDEN}


def test_stringdata_equals_data() -> None:
    """The same value written in either field looks the same."""
    old, new = masked(secret(data={"k": b64("x")}), secret(stringData={"k": "x"}))
    assert old["data"] == new["stringData"]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), st.text(max_size=20), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.text(max_size=20), max_size=3),
)
def test_masks_tell_equal_from_different(left: dict[str, str], right: dict[str, str]) -> None:
    """Across both sides: equal values, equal masks; different values, different masks; no length shown."""
    old, new = masked(
        secret(data={k: b64(v) for k, v in left.items()}), secret(data={k: b64(v) for k, v in right.items()})
    )
    pairs = [(left[k], old["data"][k]) for k in left] + [(right[k], new["data"][k]) for k in right]
    for value, mask in pairs:
        assert mask.startswith("(hidden #")
        for other, other_mask in pairs:
            assert (value == other) == (mask == other_mask)
            assert len(mask) == len(other_mask)


def deployment(value: str) -> Object:
    env = [{"name": "DSN", "value": f"postgres://app:{value}@db"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "env": env}]}}},
    }


@pytest.mark.parametrize("variant", VARIANTS[:4])
def test_a_copy_in_another_object_is_hidden_too(variant: str) -> None:
    """A template may copy a secret into an environment variable, as it is or encoded."""
    old, new = secret(stringData={"k": CANARY}), secret(stringData={"k": CANARY + "2"})
    text = diff([(old, new), (deployment(variant), deployment(quote("other")))])
    assert_hidden(text)
    assert "postgres://app:(hidden #1)@db" in text


def test_a_literal_mask_cannot_fake_equality() -> None:
    """A value that looks like a mask is still told apart, and the diff says that hidden values differ."""
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "(hidden #1)"}}
    new = {**old, "data": {"k": CANARY}}
    keeper = secret(stringData={"k": CANARY})
    text = diff([(keeper, keeper), (old, new)])
    assert "hidden values differ" in text
    assert_hidden(text)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=6, max_size=40))
def test_no_output_of_a_plan_holds_a_secret(value: str) -> None:
    """Diffs, objections and entries of a plan never contain the value that was put into a Secret."""
    canary = f"canary{value}"
    wanted = secret(stringData={"k": canary})
    live = {
        **secret(data={"k": b64(canary + "old")}),
        "metadata": {"name": "s", "namespace": "shop", "uid": "1"},
    }
    ref: Ref = ref_of(wanted)
    refused = Refused(ref, "Invalid", f"data[k]: Invalid value: {canary!s}: or {b64(canary)}")
    made = plan(release(wanted), empty("web", "eu", "shop"), by_ref(live), {ref: refused}, prune_limit=1)
    told = [
        diff((one.before, one.after) for one in made.entries),
        *map(str, made.entries),
        *made.objections,
    ]
    with pytest.raises(PlanRefused) as caught:
        made.check()
    told.append(str(caught.value))
    for text in told:
        assert canary not in text
        assert b64(canary) not in text


def test_a_text_can_be_masked_alone() -> None:
    """Errors of the API server go through the same masker."""
    masker = Masker([secret(data={"k": b64(CANARY)})])
    assert masker.text(f"value {CANARY} or {b64(CANARY)}") == "value (hidden #1) or (hidden #1)"
    assert masker.text("nothing to hide") == "nothing to hide"
