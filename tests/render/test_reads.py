"""The recorded reads: a template that was rendered once is rendered again exactly when it could differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.render.cache import CachingRenderer
from gitrel.render.jinja import TemplateSet
from gitrel.render.reads import Inputs, recording
from gitrel.render.worker import Workers
from tests.render.external import NO_WORKERS
from tests.render.support import catalog
from tests.render.test_release import CONFIG, Counting

CONTEXT: dict[str, Any] = {
    "parameters": {"a": 1, "b": {"c": 2}},
    "flags": {"on": True},
    "environment": {"name": "eu"},
    "component": "web",
    "version": "v1",
    "namespace": "shop",
}


def reads(source: str, **files: str) -> set[str]:
    names: set[str] = set()
    templates = TemplateSet({"t": source, **files})
    templates.render("t", recording(CONTEXT, names), 10**6, names)
    return names - {"file:t"}


ASKED = {
    "one key": ("{{ parameters.a }}", {"parameters.a"}),
    "by subscript": ("{{ parameters['a'] }}", {"parameters.a"}),
    "a deep key": ("{{ parameters.b.c }}", {"parameters.b"}),
    "a key that is missing": ("{{ parameters.z is defined }}", {"parameters.z"}),
    "a default": ("{{ parameters.z | default(1) }}", {"parameters.z"}),
    "get": ("{{ parameters.get('z', 1) }}", {"parameters.z", "parameters.get"}),
    "in": ("{{ 'z' in parameters }}", {"parameters.z"}),
    "a plain name": ("{{ component }}{{ namespace }}", {"component", "namespace"}),
    "a name that is missing": ("{{ nothing is defined }}", {"nothing"}),
    "nothing": ("{{ 1 + 1 }}{% set x = 1 %}{{ x }}", set()),
    "under another name": ("{% set p = parameters %}{{ p.a }}", {"parameters.a"}),
    "in a macro": ("{% macro m(p) %}{{ p.a }}{% endmacro %}{{ m(parameters) }}", {"parameters.a"}),
}
WALKED = {
    "tojson": "{{ parameters | tojson }}",
    "toyaml": "{{ parameters | toyaml }}",
    "printed": "{{ parameters }}",
    "string": "{{ parameters | string }}",
    "format": "{{ '%s' % parameters }}",
    "format method": "{{ '{}'.format(parameters) }}",
    "for": "{% for k in parameters %}{{ k }}{% endfor %}",
    "items": "{% for k, v in parameters.items() %}{{ k }}{% endfor %}",
    "items filter": "{% for k, v in parameters | items %}{{ k }}{% endfor %}",
    "keys": "{{ parameters.keys() | list }}",
    "values": "{{ parameters.values() | list }}",
    "dictsort": "{{ parameters | dictsort }}",
    "length": "{{ parameters | length }}",
    "list": "{{ parameters | list }}",
    "first": "{{ parameters | first }}",
    "equal": "{{ parameters == {} }}",
    "unequal": "{{ parameters != {} }}",
    "equal, turned round": "{{ {} == parameters }}",
    "truth": "{% if parameters %}1{% endif %}",
    "not": "{{ not parameters }}",
    "copied": "{{ dict(parameters) | tojson }}",
    "copied by method": "{{ parameters.copy() | tojson }}",
    "as arguments": "{% macro m() %}{{ kwargs | tojson }}{% endmacro %}{{ m(**parameters) }}",
    "inside a list": "{{ [parameters] | tojson }}",
    "inside a map": "{{ {'p': parameters} | toyaml }}",
    "joined": "{{ parameters | join(',') }}",
    "hidden in a namespace": "{% set n = scope(p=parameters) %}{{ n.p | tojson }}",
    "joined by a tilde": "{{ parameters ~ '' }}",
    "compared in a list": "{{ parameters in [{}] }}",
    "sorted": "{{ parameters | sort }}",
    "mapped": "{{ [parameters] | map('string') | list }}",
    "reversed": "{{ parameters | reverse | list }}",
    "as a base": "{{ dict(parameters, z=1) | tojson }}",
}


@pytest.mark.parametrize("case", ASKED)
def test_a_key_is_recorded_when_it_is_asked_for(case: str) -> None:
    """Only what was asked for is recorded, an absent key too, since its coming would change the answer."""
    source, expected = ASKED[case]
    assert reads(source) == expected


@pytest.mark.parametrize("case", WALKED)
def test_whoever_walks_through_a_map_has_read_it_all(case: str) -> None:
    """However a template looks at a whole map, also by ways that C code takes, the map is recorded."""
    assert "parameters" in reads(WALKED[case])


def test_files_are_recorded_absent_ones_too() -> None:
    """An include counts, an include that is not there as well, and a file nobody includes does not."""
    source = "{% include 'b' %}{% include ['x', 'b'] %}{% include 'y' ignore missing %}"
    assert reads(source, b="{{ parameters.a }}", c="never") == {"file:b", "file:x", "file:y", "parameters.a"}
    assert reads("{% import 'm' as m %}{{ m.f() }}", m="{% macro f() %}{{ 1 }}{% endmacro %}") == {"file:m"}


def test_an_empty_map_counts_as_read() -> None:
    """C code may see that a map is empty without asking it, so naming one is reading it."""
    names: set[str] = set()
    TemplateSet({"t": "{{ flags | tojson }}"}).render("t", recording({"flags": {}}, names), 100, names)
    assert "flags" in names


_EXPRESSIONS = st.sampled_from(
    [f"{{{{ parameters.{key} | default('-') | tojson }}}}" for key in "abc"]
    + ["{% if flags.on | default(false) %}{{ parameters.b | default('-') | tojson }}{% endif %}"]
    + ["{{ parameters | tojson }}", "{{ parameters | length }}", "{{ flags | dictsort | tojson }}"]
    + ["{% include 'f' %}", "{{ environment.name }}", "{{ 'a' in parameters }}"]
)
_VALUES: st.SearchStrategy[Any] = st.one_of(st.integers(0, 2), st.just({}), st.just({"x": 1}), st.none())
_CONTEXTS = st.fixed_dictionaries(
    {
        "parameters": st.dictionaries(st.sampled_from("abc"), _VALUES, max_size=3),
        "flags": st.dictionaries(st.sampled_from(["on", "off"]), st.booleans(), max_size=2),
        "environment": st.fixed_dictionaries({"name": st.sampled_from(["eu", "us"])}),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_EXPRESSIONS, min_size=1, max_size=4), _CONTEXTS, _CONTEXTS, st.booleans())
def test_the_same_reads_give_the_same_text(
    parts: list[str], one: dict[str, Any], other: dict[str, Any], edited: bool
) -> None:
    """Whenever every recorded input is as it was, rendering again gives the same bytes: never a stale
    answer, whatever else has changed."""
    files = {"t": "\n".join(parts), "f": "{{ parameters.c | default(0) | tojson }}"}
    later = {**files, "f": "other"} if edited else files
    names: set[str] = set()
    text, _ = TemplateSet(files).render("t", recording(one, names), 10**6, names)
    recorded = Inputs({k: v.encode() for k, v in files.items()}, one).digests(names)
    if Inputs({k: v.encode() for k, v in later.items()}, other).still(recorded):
        assert TemplateSet(later).render("t", other, 10**6)[0] == text


def test_an_unread_parameter_renders_nothing_again(workers: Workers) -> None:
    """A parameter, a flag or a file that no template asked for changes nothing; one that was, does."""
    counting = Counting(workers)
    render = CachingRenderer(counting)
    files = {"a.yaml": CONFIG.replace("hello", "{{ parameters.region }}{{ flags.newCheckout }}"), "_b": "1"}

    def jobs(**more: str) -> int:
        render(catalog(files, **more), "web", "v1", "eu")
        return counting.jobs

    assert jobs() == 1
    assert jobs(component="  parameters: {replicas: 9, unheard: of}\n") == 1
    files["_b"] = "2"
    assert jobs() == 1
    assert jobs(component="  parameters: {region: elsewhere}\n") == 2
    assert jobs() == 2  # and back again
    files["_c"] = "a new file may be one that is included"
    assert jobs() == 3


def test_a_failure_is_not_kept_beyond_the_process() -> None:
    """What went wrong may have been the machine's fault; a success is a fact."""
    release = CachingRenderer(NO_WORKERS)(
        catalog({"Chart.yaml": "not a chart"}, renderer="helm"), "web", "v1", "eu"
    )
    assert release.problems
    assert not release.lasting
