"""No bytes sent to a served cluster can produce a fault of its own: a little of `tests.fuzz.server`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitrel.cluster.server.bringup import served
from tests.cluster.server.client import CONFIG_MAPS, Api
from tests.fuzz import junk
from tests.fuzz.requests import Sent
from tests.fuzz.target import EXPECTED, Target, target


@pytest.fixture(scope="module")
def aimed() -> Iterator[Target]:
    with target() as found:
        yield found


def seed() -> int:
    return Random().randrange(2**32) if "GITREL_RANDOM" in os.environ else 1


def test_requests_after_our_own_openapi(aimed: Target) -> None:
    """Any operation of the document, with bodies after its schema, spoiled, in any encoding.

    No strategy draws them: what is sent follows from what the cluster gave before, which is not Hypothesis'.
    """
    chance = Random(chosen := seed())
    wrong = [found for _ in range(400) if (found := aimed.fire(chance, dry=0.9)) is not None]
    assert wrong == [], f"with the seed {chosen}"


def test_what_is_stored_is_lived_with(aimed: Target) -> None:
    """Nothing is a dry run: the controllers meet whatever got through, and none of them fails."""
    chance = Random(chosen := seed())
    wrong = [found for _ in range(400) if (found := aimed.fire(chance, dry=0.0)) is not None]
    assert wrong == [], f"with the seed {chosen}"


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]),
)
def test_bodies_of_any_bytes(aimed: Target, body: bytes, media: str) -> None:
    """Whatever they are said to be."""
    sent = b"k8s\0" + body if "protobuf" in media else body
    assert aimed.send(Sent("POST", f"{CONFIG_MAPS}?dryRun=All", sent, {"Content-Type": media})) is None


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60))
def test_paths_of_any_letters(aimed: Target, path: str) -> None:
    """Below any of the roots."""
    for root in ("/", "/api/v1/", "/apis/", "/openapi/", "/gitrel/"):
        assert aimed.send(Sent("GET", root + path)) is None


@given(st.randoms(use_true_random=False))
def test_spoiling_leaves_the_original_alone(chance: Random) -> None:
    """The next request starts from what the cluster gave."""
    value = {"a": [{"b": 1}, "c"], "d": {"e": None}}
    before = repr(value)
    junk.spoiled(value, chance)
    assert repr(value) == before


@pytest.mark.filterwarnings("default")
def test_schemathesis_finds_nothing_either(tmp_path: Path) -> None:
    """Another generator, by other people, over the same documents; where it is installed."""
    schemathesis = pytest.importorskip(
        "schemathesis", reason="schemathesis is not installed: not tried with it"
    )
    with served(tmp_path, tokens=("fuzz,fuzz,1,system:masters",)), Api(tmp_path / "kubeconfig") as api:
        secured = {"verify": str(tmp_path / "pki" / "ca.crt"), "headers": {"Authorization": "Bearer fuzz"}}
        for place in ("api/v1", "apis/apps/v1", "apis/batch/v1"):
            schema = schemathesis.openapi.from_dict(api.get(f"/openapi/v3/{place}"))
            chosen = schema.include(path_regex=_CHOSEN)
            for operation in chosen.get_all_operations():
                _try_all(operation.ok().as_strategy(), api.url.geturl(), secured)


_CHOSEN = "/(configmaps|services|deployments|jobs)(/|$)"


def _try_all(cases: Any, url: str, secured: dict[str, Any]) -> None:
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def attempt(case: Any) -> None:
        answer = case.call(
            base_url=url, params={"dryRun": "All"} if case.method != "GET" else None, **secured
        )
        assert answer.status_code < 500 or EXPECTED.search(answer.content), answer.content

    attempt()
