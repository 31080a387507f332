"""Chunked lists against a store under random traffic: what is listed is one moment, exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.listing import Token, page, read_token
from gitrel.cluster.store.store import Store, key_of


def thing(namespace: str, name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}}


STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("uvwxyz"), st.booleans()), max_size=12)


def play(store: Store, steps: list[tuple[str, str, bool]]) -> None:
    for namespace, name, stays in steps:
        if stays:
            store.put("things", thing(namespace, name))
        elif store.get("things", namespace, name):
            store.remove("things", namespace, name)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.lists(STEPS, max_size=4), st.integers(1, 4), st.sampled_from([None, "a"]))
def test_chunks_add_up_to_the_moment_of_the_first(
    before: list[tuple[str, str, bool]],
    between: list[list[tuple[str, str, bool]]],
    limit: int,
    namespace: str | None,
) -> None:
    """However the store changes between the chunks, together they are what stood at the start."""
    store = Store()
    play(store, before)
    expected = list(store.list("things", namespace))
    chunk = page(store, "things", namespace, limit=limit)
    found, revision = list(chunk.items), chunk.revision
    for steps in [*between, *[[]] * 20]:
        if not chunk.token:
            break
        play(store, steps)
        store.put("others", thing("a", "noise"))
        chunk = page(store, "things", namespace, limit=limit, token=read_token(chunk.token))
        assert chunk.revision == revision
        found += chunk.items
    assert found == expected


def test_a_token_reads_back() -> None:
    """And nothing else is taken for one."""
    token = Token(7, ("space", "name"))
    assert read_token(token.text()) == token
    for text in ("", "x", "e30", "bnVsbA", "W10", "eyJ2IjoxfQ"):
        with pytest.raises(ApiError, match="continue key is not valid"):
            read_token(text)


def test_selected_chunks_are_full() -> None:
    """A chunk has as many as were asked for, however few of the objects are meant."""
    store = Store()
    for number in range(20):
        store.put("things", thing("a", f"n{number:02}"))

    def even(obj: dict[str, Any]) -> bool:
        return int(obj["metadata"]["name"][1:]) % 2 == 0

    first = page(store, "things", None, where=even, limit=6)
    assert [key_of(o)[1] for o in first.items] == ["n00", "n02", "n04", "n06", "n08", "n10"]
    second = page(store, "things", None, where=even, limit=6, token=read_token(first.token))
    assert [key_of(o)[1] for o in second.items] == ["n12", "n14", "n16", "n18"]
    assert second.token == ""
