"""A sound repository becomes the right catalog: waves, timers, versions, and the origin of every value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.repo import schema_read
from gitrel.repo.check import check_repository
from gitrel.repo.layout import component_of, is_name, is_version, version_key
from gitrel.repo.model import Catalog, Origin, TemplateFile, Value, Wave
from gitrel.repo.precedence import effective_flags, effective_parameters, flatten, merge, plain
from gitrel.repo.record import source_digest
from gitrel.repo.resolve import DEFAULTS, resolve
from gitrel.repo.tree import File, Link, RawTree
from tests.repo.bad_inputs.case import HEAD, Content, tree

PARAMETERS = "apps/frontend/eastus/eastus-parameters.yaml"


def _catalog(files: Mapping[str, Content]) -> Catalog:
    """The catalog of the base with `files` over it, which must be sound."""
    catalog, problems = check_repository(tree(files), "c0ffee")
    assert [str(problem) for problem in problems if problem.severity == "error"] == []
    return catalog


def _environment(name: str, role: str, traffic: float, more: str = "") -> dict[str, Content]:
    text = (
        HEAD
        + f"kind: Environment\nmetadata: {{name: {name}{more}}}\nspec: {{role: {role}, traffic: {traffic}}}\n"
    )
    return {f"environments/{name}.yaml": text}


WORLD: dict[str, Content] = {
    **_environment("development", "stage", 0),
    **_environment("canary", "stage", 1),
    **_environment("asia", "region", 10),
    **_environment("eastus", "region", 35),
    **_environment("europe", "region", 25),
    **_environment("westus", "region", 30),
}


def test_order_without_waves() -> None:
    """Stages by traffic one after another, the quietest region, the busiest, then all the rest at once."""
    assert _catalog(WORLD).pipeline.waves == (
        Wave("development", ("development",), 1),
        Wave("canary", ("canary",), 1),
        Wave("asia", ("asia",), 1),
        Wave("eastus", ("eastus",), 1),
        Wave("everywhere", ("europe", "westus"), 2),
    )


def test_order_of_equals_is_by_name() -> None:
    """Environments with the same traffic have one order, whatever the order of reading."""
    regions = {**_environment("canary", "region", 1), **_environment("eastus", "region", 1)}
    waves = _catalog({**regions, **_environment("asia", "region", 1)}).pipeline.waves
    assert [wave.environments for wave in waves] == [("asia",), ("eastus",), ("canary",)]


def test_waves_by_name_and_selector() -> None:
    """A selector takes what no wave names, from the least traffic to the most; percentages round down."""
    pipeline = HEAD + (
        "kind: Pipeline\nspec:\n  waves:\n"
        "  - {name: stages, selector: {matchLabels: {gitrel.dev/role: stage}}, maxParallel: 1}\n"
        "  - {name: first, environments: [eastus]}\n"
        "  - {name: rest, selector: {matchLabels: {gitrel.dev/role: region}}, maxParallel: 50%}\n"
    )
    assert _catalog({**WORLD, "environments/pipeline.yaml": pipeline}).pipeline.waves == (
        Wave("stages", ("development", "canary"), 1),
        Wave("first", ("eastus",), 1),
        Wave("rest", ("asia", "europe", "westus"), 1),
    )


def test_timers_come_from_the_component_then_the_pipeline_then_the_defaults() -> None:
    """Each field is decided on its own; zero is a value, not an absence."""
    pipeline = HEAD + (
        "kind: Pipeline\nspec:\n  maxActiveVersions: 5\n"
        "  defaults: {minReadySeconds: 60, meanTimeToSmoke: 4h, onFailure: rollback, pruneLimit: 3}\n"
    )
    component = HEAD + "kind: Component\nspec: {minReadySeconds: 0, soakFactor: 2.5, maxSetbacks: 1}\n"
    files = {
        "environments/pipeline.yaml": pipeline,
        "apps/frontend/component.yaml": component,
        PARAMETERS: None,
    }
    found = _catalog(files)
    own, other = found.components["frontend"].schedule, found.components["worker"].schedule
    assert own.min_ready == timedelta(0)
    assert own.mean_time_to_smoke == timedelta(hours=4)
    assert (own.soak_factor, own.max_setbacks, own.on_failure, own.prune_limit) == (2.5, 1, "rollback", 3)
    assert own.max_active_versions == 5
    assert other.min_ready == timedelta(seconds=60)
    assert other.soak_factor == DEFAULTS.soak_factor == 3
    assert other.progress_deadline == timedelta(minutes=10)


def test_pointers_of_both_forms() -> None:
    """A bare link and a folder name the same thing; only the folder brings parameters."""
    frontend = _catalog({"apps/frontend/canary": Link("current")}).components["frontend"]
    bare, folder = frontend.pointers["canary"], frontend.pointers["eastus"]
    assert (bare.version, bare.form, bare.path) == ("current", "link", "apps/frontend/canary")
    assert (folder.version, folder.form, folder.path) == ("v1", "folder", "apps/frontend/eastus/templates")
    assert plain(folder.parameters) == {"replicas": 6}
    assert bare.parameters == {}


def test_versions_sort_by_number_and_hold_their_files() -> None:
    """v10 comes after v2; nested files keep their path below the version."""
    catalog = _catalog(
        {
            "apps/frontend/v10/x.yaml": "a: 1\n",
            "apps/frontend/v1.1/x.yaml": "a",
            "apps/frontend/v2/lib/m.j2": "m",
        }
    )
    versions = catalog.components["frontend"].versions
    assert list(versions) == ["v1", "v1.1", "v2", "v10", "current"]
    assert [file.path for file in versions["v2"].files] == ["frontend-service.yaml", "lib/m.j2"]
    assert versions["v2"].files[1].origin == Origin("apps/frontend/v2/lib/m.j2")
    assert catalog.commit == "c0ffee"


def test_the_digest_covers_names_and_bytes() -> None:
    """One byte, one name, or a byte moved to the next file each change the digest; order does not."""

    def digest(*files: tuple[str, bytes]) -> str:
        return source_digest([TemplateFile(path, data, Origin(path)) for path, data in files])

    base = digest(("a", b"1"), ("b", b"2"))
    assert base == digest(("b", b"2"), ("a", b"1"))
    assert base.startswith("sha256:")
    others = [
        digest(("a", b"1"), ("b", b"3")),
        digest(("a", b"1"), ("c", b"2")),
        digest(("a", b"12"), ("b", b"")),
        digest(("a", b"1b2")),
        digest(("a1", b""), ("b", b"2")),
        digest(("a", b"1")),
        digest(),
    ]
    assert len({base, *others}) == 8


def test_equal_versions_have_equal_digests() -> None:
    """A cut that changed nothing is known by its digest, wherever it stands."""
    versions = _catalog({}).components["frontend"].versions
    assert versions["v1"].source_digest == versions["current"].source_digest


# ── precedence ────────────────────────────────────────────────────────────────────────────────────────────


def _layered() -> Catalog:
    return _catalog(
        {
            "environments/pipeline.yaml": HEAD
            + "kind: Pipeline\nspec:\n  parameters:\n    replicas: 1\n    limits: {cpu: 1m, memory: 1Mi}\n"
            + "  flags: {new: false}\n",
            "environments/eastus.yaml": HEAD
            + "kind: Environment\nspec:\n  parameters: {replicas: 2, limits: {cpu: 2m}}\n",
            "apps/frontend/component.yaml": HEAD
            + "kind: Component\nspec:\n  parameters: {replicas: 3}\n  flags: {new: true}\n",
            PARAMETERS: "parameters:\n  replicas: 4\n  limits:\n    gpu: 1\n",
        }
    )


def test_the_last_layer_wins_and_says_what_it_won_over() -> None:
    """Four layers set one key: the winner, its line, and every loser with its line, the last loser first."""
    replicas = effective_parameters(_layered(), "frontend", "eastus")["replicas"]
    assert (replicas.value, str(replicas.origin)) == (4, f"{PARAMETERS}:2")
    assert [(loser.value, str(loser.origin)) for loser in replicas.overrides] == [
        (3, "apps/frontend/component.yaml:4"),
        (2, "environments/eastus.yaml:4"),
        (1, "environments/pipeline.yaml:5"),
    ]


def test_maps_merge_and_each_key_keeps_its_origin() -> None:
    """Of a map that three files wrote, each leaf knows the file that won it."""
    values = effective_parameters(_layered(), "frontend", "eastus")
    assert plain(values)["limits"] == {"cpu": "2m", "memory": "1Mi", "gpu": 1}
    leaves = {path: str(value.origin) for path, value in flatten(values)}
    assert leaves["limits.cpu"] == "environments/eastus.yaml:4"
    assert leaves["limits.memory"] == "environments/pipeline.yaml:6"
    assert leaves["limits.gpu"] == f"{PARAMETERS}:4"


def test_layers_do_not_leak() -> None:
    """What one environment sets is not seen in another, nor in another component."""
    catalog = _layered()
    assert plain(effective_parameters(catalog, "frontend", "canary"))["replicas"] == 3
    assert plain(effective_parameters(catalog, "worker", "eastus"))["replicas"] == 2
    assert plain(effective_flags(catalog, "worker", "eastus")) == {"new": False}
    assert plain(effective_flags(catalog, "frontend", "eastus")) == {"new": True}


def test_null_missing_and_empty() -> None:
    """null sets null, an empty map changes nothing, a missing key says nothing; nothing is ever removed."""
    text = "parameters:\n  replicas: null\n  limits: {}\n  hosts: []\n"
    values = plain(effective_parameters(_catalog({PARAMETERS: text}), "frontend", "eastus"))
    assert values == {"replicas": None, "limits": {"cpu": "1m"}, "hosts": [], "cache": "64Mi"}


SCALARS = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from("ab")
NESTED = st.dictionaries(
    st.sampled_from("xyz"),
    st.recursive(
        SCALARS | st.lists(SCALARS, max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


def _values(data: Mapping[str, Any], file: str) -> dict[str, Value]:
    return {
        key: Value(value, Origin(file), (), _values(value, file) if isinstance(value, dict) else {})
        for key, value in data.items()
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(NESTED, min_size=1, max_size=4))
def test_merging_keeps_its_promises(layers: list[dict[str, Any]]) -> None:
    """No key is lost, no key appears, each value was written in the file it names, the layers are not
    changed, and what a map's parts say is what the map says."""
    inputs = [_values(data, f"file{number}") for number, data in enumerate(layers)]
    before = [plain(values) for values in inputs]
    merged, problems = merge(*inputs)
    assert set(merged) == {key for data in layers for key in data}
    assert [plain(values) for values in inputs] == before == layers
    for path, leaf in flatten(merged):
        written: Any = layers[int(leaf.origin.file.removeprefix("file"))]
        for step in path.split("."):
            written = written[step]
        assert written == leaf.value or leaf.value == {}
    assert all(value.value == plain(value.parts) for value in merged.values() if value.parts)
    if not problems:
        top = {key: value for key, value in layers[-1].items() if not isinstance(value, dict)}
        assert {key: merged[key].value for key in top} == top


# ── isolation and cost ────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_component_is_named_and_the_others_stand() -> None:
    """It is in `broken` with its errors, so that it is never taken for deleted."""
    catalog, problems = check_repository(tree({"apps/frontend/canary": Link("v9")}))
    assert set(catalog.components) == {"worker"}
    assert catalog.broken["frontend"] == tuple(p for p in problems if p.severity == "error")


def test_the_catalog_cannot_be_changed() -> None:
    """Mappings are read-only and values are frozen."""
    catalog: Any = _catalog({})  # what a type checker would refuse is refused at run time too
    with pytest.raises(TypeError, match="does not support item assignment"):
        catalog.components["x"] = catalog.components["worker"]
    with pytest.raises(FrozenInstanceError):
        catalog.pipeline.waves = ()


def test_equal_bytes_are_parsed_once() -> None:
    """A hundred files with one content, and the same repository again, cost one parse of each content."""
    files = {
        f"apps/app{n}/{name}": content
        for n in range(100)
        for name, content in (
            ("v1/x.yaml", File(b"a: 1\n")),
            ("eastus/templates", Link("../v1")),
            (
                "eastus/eastus-parameters.yaml",
                File(b"parameters: {only-here: 1, parsed: once}\n".replace(b"-", b"_")),
            ),
        )
    }
    schema_read._remembered.cache_clear()
    raw = RawTree({**tree({}).entries, **files})
    resolve(raw)
    first = schema_read._remembered.cache_info().misses
    resolve(RawTree(dict(raw.entries)))
    assert first == len(
        {e.data for p, e in raw.entries.items() if isinstance(e, File) and "/v" not in p and "/cur" not in p}
    )
    assert schema_read._remembered.cache_info().misses == first


NAMES = {
    "frontend": True, "a": True, "a-b": True, "9": True, "a" * 63: True,
    "a" * 64: False, "": False, "-a": False, "a-": False, "A": False, "a_b": False, "a.b": False, ".": False,
    "..": False, "é": False, "v1": False, "current": False, "a\n": False, "٣": False,
}  # fmt: skip
VERSIONS = {
    "v1": True, "v0": True, "v10.2.3": True, "current": True,
    "v": False, "v01": False, "v1.": False, "V1": False, "1": False, "v1-rc": False, "v1\n": False,
    "v٣": False, "v" + "9" * 10: False, "latest": False,
}  # fmt: skip


@pytest.mark.parametrize(("text", "allowed"), NAMES.items(), ids=repr)
def test_names(text: str, allowed: bool) -> None:
    """Names are RFC 1123 labels in ASCII that cannot be taken for a version."""
    assert is_name(text) is allowed


@pytest.mark.parametrize(("text", "allowed"), VERSIONS.items(), ids=repr)
def test_versions(text: str, allowed: bool) -> None:
    """One version has one name: no leading zeros, no other alphabet."""
    assert is_version(text) is allowed


def test_version_order() -> None:
    """Versions sort by their numbers, and what is still edited comes last."""
    names = ["current", "v10", "v2", "v1.10", "v1.9", "v1"]
    assert sorted(names, key=version_key) == ["v1", "v1.9", "v1.10", "v2", "v10", "current"]


def test_component_of_a_place() -> None:
    """A problem belongs to the component whose folder it lies in; all others concern everybody."""
    assert component_of("apps/frontend/canary -> v9") == "frontend"
    assert component_of("apps/frontend") == "frontend"
    assert component_of("apps") == component_of("environments/x.yaml") == ""
