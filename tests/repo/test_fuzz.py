"""Random repositories: whatever stands in them, the answer is a catalog and problems, never an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import Problem
from gitrel.repo.check import check_repository
from gitrel.repo.precedence import effective_flags, effective_parameters, plain
from gitrel.repo.tree import Entry, File, Link, Other, RawTree
from tests.repo.bad_inputs.case import BASE, tree

_NAMES = "apps environments frontend canary eastus v1 v2 current templates component.yaml pipeline.yaml"
NAMES = st.sampled_from(
    [*_NAMES.split(), "canary.yaml", "eastus-parameters.yaml", "..", ".", "", "V2", "\x1b", "a\u0301", "-rf"]
)
PATHS = st.lists(NAMES | st.text(max_size=4), min_size=1, max_size=6).map("/".join)
TARGETS = st.lists(NAMES, max_size=7).map("/".join) | st.text(max_size=12)
_KEYS = (
    "apiVersion kind metadata spec name labels waves environments selector matchLabels parameters flags "
    "replicas limits dependsOn role cluster kubernetes context meanTimeToSmoke soakFactor maxParallel "
    "defaults pruneLimit nmae << on 1"
)
KEYS = st.sampled_from(_KEYS.split())
_LEAVES = (
    "gitrel.dev/v1alpha1 Pipeline Component Environment canary frontend 5 1h -1 50% ~ yes 010 .inf stage [ }"
)
LEAVES = st.sampled_from([*_LEAVES.split(), "*a", "&a x", "!t", "{{ x }}", "9" * 30, "'\\'", '"\\e"'])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=4).map(
            lambda items: "{" + ", ".join(f"{k}: {v}" for k, v in items.items()) + "}"
        )
    ),
    max_leaves=12,
)
TEXTS = st.dictionaries(KEYS, VALUES, max_size=5).map(
    lambda items: "".join(f"{key}: {value}\n" for key, value in items.items())
)
ENTRIES: st.SearchStrategy[Entry] = (
    TEXTS.map(lambda text: File(text.encode()))
    | st.binary(max_size=40).map(File)
    | TARGETS.map(Link)
    | st.sampled_from([Other("FIFO"), Other("submodule"), Other("unreadable file")])
)


def _judge(raw: RawTree) -> None:
    """Everything that must hold for any answer."""
    catalog, problems = check_repository(raw)
    assert list(problems) == sorted(problems)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert str(problem).isprintable()
    assert not set(catalog.components) & set(catalog.broken)
    assert all(any(p.severity == "error" for p in errors) for errors in catalog.broken.values())
    listed = [name for wave in catalog.pipeline.waves for name in wave.environments]
    assert len(listed) == len(set(listed)), "no environment is in two waves"
    assert set(listed) <= set(catalog.environments)
    for name, component in catalog.components.items():
        assert component.versions, "a component without versions is broken"
        assert {pointer.version for pointer in component.pointers.values()} <= set(component.versions)
        for environment in catalog.environments:
            plain(effective_parameters(catalog, name, environment))
            flags: dict[str, Any] = plain(effective_flags(catalog, name, environment))
            assert all(isinstance(value, bool) for value in flags.values())
    assert check_repository(raw) == (catalog, problems), "the same tree gives the same answer"


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(PATHS, ENTRIES, max_size=12))
def test_random_trees(entries: dict[str, Entry]) -> None:
    """Arbitrary names, links and contents give a documented answer."""
    _judge(RawTree(entries))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(BASE)), ENTRIES, min_size=1, max_size=3))
def test_damaged_repositories(files: dict[str, Entry]) -> None:
    """A sound repository with a few entries replaced by anything at all gives a documented answer, and a
    component that was not touched is not affected by one that was."""
    raw = tree(files)
    _judge(raw)
    if all(path.startswith("apps/frontend/") for path in files):
        assert "worker" in check_repository(raw)[0].components


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=4, max_size=4))
def test_random_documents(texts: list[str]) -> None:
    """Nearly valid documents of every kind give a documented answer."""
    heads = ("Pipeline", "Environment", "Component")
    files = ("environments/pipeline.yaml", "environments/canary.yaml", "apps/frontend/component.yaml")
    laid = {
        path: f"apiVersion: gitrel.dev/v1alpha1\nkind: {kind}\nspec:\n"
        + "".join(f"  {x}\n" for x in text.splitlines())
        for path, kind, text in zip(files, heads, texts, strict=False)
    }
    _judge(tree({**laid, "apps/frontend/eastus/eastus-parameters.yaml": texts[3]}))
