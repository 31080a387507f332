"""Rules as arithmetic: what they allow, and what covers what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.rbac.attributes import Attributes, for_resource
from gitrel.cluster.api.rbac.rules import EVERYTHING, allows, compacted, told, uncovered


def rule(verbs: str, groups: str = "core", resources: str = "pods", names: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
    }
    return {**found, "resourceNames": names.split()} if names else found


ALLOWED = {
    "what it names": (rule("get"), for_resource("get", "pods", "x"), True),
    "another verb": (rule("get"), for_resource("list", "pods", "x"), False),
    "any verb": (rule("*"), for_resource("list", "pods", "x"), True),
    "another group": (rule("get"), for_resource("get", "pods.metrics.k8s.io", "x"), False),
    "any group": (rule("get", "*"), for_resource("get", "pods.metrics.k8s.io", "x"), True),
    "a subresource is another resource": (
        rule("get"), for_resource("get", "pods", "x", "a", "log"), False),
    "a subresource by name": (
        rule("get", resources="pods/log"), for_resource("get", "pods", "x", "a", "log"), True),
    "a subresource of anything": (
        rule("get", "*", "*/scale"), for_resource("get", "deployments.apps", "x", "a", "scale"), True),
    "a subresource of anything is not the thing": (
        rule("get", "*", "*/scale"), for_resource("get", "deployments.apps", "x", "a"), False),
    "everything, subresources too": (
        rule("get", resources="*"), for_resource("get", "pods", "x", "a", "log"), True),
    "a named one": (rule("get", names="a b"), for_resource("get", "pods", "x", "b"), True),
    "another than the named": (rule("get", names="a"), for_resource("get", "pods", "x", "b"), False),
    "a list is of no name": (rule("list", names="a"), for_resource("list", "pods", "x"), False),
    "a path": ({"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
               Attributes("get", path="/healthz"), True),
    "below a path": ({"nonResourceURLs": ["/api/*"], "verbs": ["get"]},
                     Attributes("get", path="/api/v1"), True),
    "not below it": ({"nonResourceURLs": ["/api/*"], "verbs": ["get"]},
                     Attributes("get", path="/apis"), False),
    "resources are no paths": (rule("*", "*", "*"), Attributes("get", path="/healthz"), False),
    "paths are no resources": ({"nonResourceURLs": ["*"], "verbs": ["*"]},
                               for_resource("get", "pods"), False),
}  # fmt: skip


@pytest.mark.parametrize("case", ALLOWED)
def test_what_a_rule_allows(case: str) -> None:
    """The table of Kubernetes' evaluation helpers."""
    wanted, asked, allowed = ALLOWED[case]
    assert allows(wanted, asked) is allowed


COVERED = {
    "itself": ([rule("get")], rule("get"), True),
    "less": ([rule("get list", resources="pods services")], rule("list"), True),
    "more": ([rule("get")], rule("get list"), False),
    "by two rules together": ([rule("get"), rule("list")], rule("get list"), True),
    "everything by a star": ([rule("*", "*", "*")], rule("get", "apps", "deployments/scale"), True),
    "a star by everything named": ([rule("get list")], rule("*"), False),
    "a name by no name": ([rule("get")], rule("get", names="a"), True),
    "no name by a name": ([rule("get", names="a")], rule("get"), False),
    "another name": ([rule("get", names="a")], rule("get", names="a b"), False),
    "a subresource by its star": ([rule("get", "*", "*/scale")], rule("get", "apps", "x/scale"), True),
    "a path by its prefix": (
        [{"nonResourceURLs": ["/api/*"], "verbs": ["*"]}],
        {"nonResourceURLs": ["/api/v1"], "verbs": ["get"]}, True),
    "a prefix by a path": (
        [{"nonResourceURLs": ["/api/v1"], "verbs": ["*"]}],
        {"nonResourceURLs": ["/api/*"], "verbs": ["get"]}, False),
}  # fmt: skip


@pytest.mark.parametrize("case", COVERED)
def test_what_covers_what(case: str) -> None:
    """The table of Kubernetes' policy comparator."""
    owned, wanted, covered = COVERED[case]
    assert (not uncovered(owned, [wanted])) is covered


def test_what_is_missing_is_told_in_one_line_a_rule() -> None:
    """Pieces that differ in verbs alone are told together, as Go prints them."""
    missing = uncovered([rule("get")], [rule("get list watch", names="a")])
    assert [told(row) for row in compacted(missing)] == [
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["list" "watch"]}'
    ]


WORDS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=2, unique=True)
RESOURCES = st.lists(st.sampled_from(["a", "b", "*", "a/s", "*/s"]), min_size=1, max_size=2, unique=True)
RULES = st.one_of(
    st.fixed_dictionaries(
        {"verbs": WORDS, "apiGroups": WORDS, "resources": RESOURCES},
        optional={"resourceNames": st.lists(st.sampled_from(["n", "m"]), max_size=2)},
    ),
    st.fixed_dictionaries(
        {"verbs": WORDS, "nonResourceURLs": st.lists(st.sampled_from(["/x", "/x/*", "*"]), min_size=1)}
    ),
)
ASKED = st.one_of(
    st.builds(
        Attributes,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "s"]),
        st.just("space"),
        st.sampled_from(["", "n", "m"]),
    ),
    st.builds(Attributes, st.sampled_from(["a", "c"]), path=st.sampled_from(["/x", "/x/y", "/z"])),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(RULES, max_size=3), st.lists(RULES, max_size=3), ASKED)
def test_covered_rules_grant_nothing_new(owned: list[Any], wanted: list[Any], asked: Attributes) -> None:
    """Whatever covered rules allow was allowed before: escalation is impossible where nothing is missing."""
    if not uncovered(owned, wanted) and any(allows(one, asked) for one in wanted):
        assert any(allows(one, asked) for one in owned)


@settings(deadline=None, max_examples=100)
@given(st.lists(RULES, max_size=3), ASKED)
def test_everything_covers_anything(rules: list[Any], asked: Attributes) -> None:
    """The full authority lacks nothing, and allows whatever is asked."""
    assert not uncovered(EVERYTHING, rules)
    assert any(allows(one, asked) for one in EVERYTHING)
