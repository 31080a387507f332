"""The language itself: values, operators, macros and functions, each with the specification's own outcome."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.kube.cel.checking import check
from gitrel.kube.cel.evaluation import Program
from gitrel.kube.cel.syntax import parse
from gitrel.kube.cel.tree import BadExpression
from gitrel.kube.cel.types import INT, STRING, Type, list_of, map_of
from gitrel.kube.cel.values import CelError, MapList, OverBudget, SetList
from tests.cluster.cel.evaluating import evaluate

SELF = {
    "a": 1, "f": 1.5, "s": "abc", "l": [1, 2, 3], "m": {"x": 1}, "n": None, "a-b": 4, "namespace": "ns",
    "objs": [{"name": "a", "v": 1}, {"name": "b", "v": 2}], "x__y": 5,
}  # fmt: skip

NUMBERS = (
    "1 + 2 * 3 == 7", "-7 / 2 == -3", "-7 % 3 == -1", "7 % -3 == 1", "dyn(1) == 1.0", "dyn(1u) == 1",
    "2 < 2.5", "0x1F == 31", "1e3 == 1000.0", "-(-5) == 5", "!false", "7.0 / 2.0 == 3.5",
    "uint(3) + 2u == 5u",
    "int('12') == 12", "int(3.9) == 3", "double('1.5') == 1.5", "9223372036854775807 > 0",
    "-9223372036854775808 < 0",
)  # fmt: skip
TEXTS = (
    "'a' + 'b' == 'ab'", "'\\u00e9'.size() == 1", "'😀'.size() == 1", r"r'\d' == '\\d'",
    "'''a'b''' == \"a'b\"", "'abc'.matches('^a.c$')", "'abc'.substring(1, 2) == 'b'",
    "'a,b'.split(',') == ['a', 'b']", "'abc'.charAt(3) == ''", "'abcb'.lastIndexOf('b') == 3",
    "'abab'.replace('a', 'x', 1) == 'xbab'", "'İX'.lowerAscii() == 'İx'", "['a', 'b'].join('-') == 'a-b'",
    "'%s is %d, %.2f'.format(['x', 1, 2.5]) == 'x is 1, 2.50'",
    "'%s'.format([[1, 'a', {'k': null}]]) == '[1, a, {k: null}]'", "string(1.0) == '1'",
    "string(1e21) == '1e+21'", "string(true) == 'true'", "bool('true')", "'abc'.reverse() == 'cba'",
    "strings.quote('a\\n') == '\"a\\\\n\"'",
)  # fmt: skip
COLLECTIONS = (
    "self.l.all(x, x > 0)", "self.l.exists(x, x == 2)", "self.l.exists_one(x, x > 2)",
    "self.l.filter(x, x > 1) == [2, 3]", "self.l.map(x, x > 1, x * 2) == [4, 6]",
    "self.l.all(i, x, i < x)", "self.m.all(k, v, v == 1)",
    "self.l.transformList(i, x, i * x) == [0, 2, 6]", "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    "self.m.exists(k, k == 'x')", "2 in self.l", "'x' in self.m", "!('y' in self.m)", "self.l[0] == 1",
    "self.m['x'] == self.m.x", "[1] + [2] == [1, 2]", "self.l.sum() == 6", "self.l.max() == 3",
    "self.l.isSorted()", "self.l.indexOf(3) == 2", "self.objs.map(o, o.name).join('') == 'ab'",
    "[3, 1].sort() == [1, 3]", "[1, 1].distinct() == [1]", "[[1], [2]].flatten() == [1, 2]",
    "self.objs.sortBy(o, -o.v)[0].name == 'b'", "[1, 2, 3].slice(1, 2) == [2]",
    "sets.contains([1, 2], [2])", "sets.equivalent([1, 2, 2], [2, 1])", "!sets.intersects([1], [2])",
    "cel.bind(x, 5, x + x == 10)", "size({}) == 0", "[dyn(1), dyn(1.0), dyn(1u)].all(x, x == 1)",
    "lists.range(3) == [0, 1, 2]",
)  # fmt: skip
ABSENCE = (
    "has(self.a) && !has(self.zz)", "self.?zz.orValue(3) == 3", "self.?a.hasValue()",
    "!self.?zz.?b.hasValue()", "self.m[?'q'].orValue(0) == 0", "[1, ?optional.none()] == [1]",
    "{?'a': optional.of(1)} == {'a': 1}", "optional.of(2).optMap(x, x * 2).value() == 4",
    "optional.ofNonZeroValue('') == optional.none()", "self.n == null", "self.a != null",
    "true || self.zz == 1", "self.zz == 1 || true", "!(false && self.zz == 1)",
    "[1, 2].exists(x, 1 / (x - 1) == 1)",
)  # fmt: skip
NAMES_AND_TYPES = (
    "self.a__dash__b == 4", "self.__namespace__ == 'ns'", "self.x__underscores__y == 5", "self.`a-b` == 4",
    "type(self.a) == int", "type('') == string", "type([]) == list", "type(1u) != int",
    "type(duration('1s')) == google.protobuf.Duration",
)  # fmt: skip
TIME = (
    "duration('1h30m') == duration('90m')", "string(duration('90s')) == '90s'",
    "timestamp('2020-01-01T00:00:00Z') + duration('1h') == timestamp('2020-01-01T01:00:00Z')",
    "timestamp('2020-02-03T04:05:06.7Z').getMonth() == 1",
    "timestamp('2023-01-01T00:00:00Z').getDayOfWeek() == 0",
    "timestamp('2020-01-01T23:00:00Z').getDate('+02:00') == 2",
    "string(timestamp('2020-01-01T01:00:00+01:00')) == '2020-01-01T00:00:00Z'",
)  # fmt: skip
KUBERNETES = (
    "quantity('1Gi').isGreaterThan(quantity('1000Mi'))",
    "quantity('100m').add(quantity('0.9')) == quantity('1')", "quantity('2k').asInteger() == 2000",
    "!isQuantity('1 Gi')", "quantity('-1').sign() == -1", "ip('::1').isLoopback()",
    "ip('127.0.0.1').family() == 4", "!isIP('::ffff:1.2.3.4')", "!ip.isCanonical('2001:DB8::1')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3')", "cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))",
    "string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8'",
    "url('https://u@h.io:8/a b?x=1&x=2').getHost() == 'h.io:8'", "url('https://h:8/').getPort() == '8'",
    "url('http://h/?x=1&x=2').getQuery() == {'x': ['1', '2']}",
    "url('http://[::1]:80/').getHostname() == '::1'", "!isURL('../x')", "isURL('/x')",
    "!format.dns1123Label().validate('a-b').hasValue()", "format.dns1123Label().validate('A').hasValue()",
    "!format.named('nothing').hasValue()", "semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))",
    "semver('v1.2', true) == semver('1.2.0')", "!isSemver('01.2.3')",
    "semver('1.2.10').compareTo(semver('1.2.9')) == 1",
)  # fmt: skip
TRUE = (*NUMBERS, *TEXTS, *COLLECTIONS, *ABSENCE, *NAMES_AND_TYPES, *TIME, *KUBERNETES)


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(text: str) -> None:
    """Each of these is true by the language's specification or Kubernetes' libraries."""
    assert evaluate(text, {"self": SELF}) is True


WRONG = {
    "self.zz": "no such key: zz",
    "self.l[5]": "index out of bounds: 5",
    "self.m['q']": "no such key: q",
    "1 / 0": "division by zero",
    "1 % 0": "modulus by zero",
    "9223372036854775807 + 1": "integer overflow",
    "-9223372036854775808 - 1": "integer overflow",
    "0u - 1u": "unsigned integer overflow",
    "1 + 1.0": "no such overload",
    "'a' + 1": "no such overload",
    "int('x')": 'strconv.ParseInt: parsing "x": invalid syntax',
    "duration('1y')": 'time: invalid duration "1y"',
    "optional.none().value()": "optional.none() dereference",
    "{'a': 1, 'a': 2}": "Failed with repeated key a",
    "self.l.all(x, 1 / (x - 1) > -1)": "division by zero",
    "'a'.matches('(?=a)')": "error parsing regexp: '(?=a)' is not a regular expression",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_goes_wrong(text: str) -> None:
    """Errors of evaluation have cel-go's words."""
    with pytest.raises(CelError) as caught:
        evaluate(text, {"self": SELF})
    assert str(caught.value) == WRONG[text]


FIELDS = {"a": INT, "s": STRING, "l": list_of(STRING), "m": map_of(STRING, INT)}
DECLARED = {"self": Type("object", fields=FIELDS.get)}
BAD = {
    "self.b": (5, "undefined field 'b'"),
    "foo": (1, "undeclared reference to 'foo' (in container '')"),
    "self.a + 'x'": (8, "found no matching overload for '_+_' applied to '(int, string)'"),
    "self.s.charAt('x')": (14, "found no matching overload for 'charAt' applied to 'string.(string)'"),
    "self.s.frob('x')": (12, "undeclared reference to 'frob' (in container '')"),
    "self.l.all(x, x > 1)": (17, "found no matching overload for '_>_' applied to '(string, int)'"),
    "self.a && true": (5, "expected type 'bool' but found 'int'"),
    "self.a.all(x, true)": (5, "expression of type 'int' cannot be range of a comprehension"),
    "(1": (3, "Syntax error: mismatched input '<EOF>' expecting ')'"),
    "1 # 2": (3, "Syntax error: token recognition error at: '#'"),
    "self.": (6, "Syntax error: mismatched input '<EOF>' expecting a field"),
    "has(self)": (5, "invalid argument to has() macro"),
    "[1, 'a'].size() == 2": (5, "expected type 'int' but found 'string'"),
    "self.s.matches('(')": (16, "invalid matches argument"),
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_right_is_told_before(text: str) -> None:
    """The check names the place and the reason, as cel-go does."""
    column, says = BAD[text]
    with pytest.raises(BadExpression) as caught:
        check(text, DECLARED)
    assert str(caught.value).startswith(f"ERROR: <input>:1:{column}: {says}")


def test_everything_that_holds_also_passes_the_check() -> None:
    """What evaluates well is not refused beforehand where types are not known."""
    for text in TRUE:
        assert check(text, {"self": Type("dyn")})[1].name in ("bool", "dyn"), text


def test_sets_and_maps_know_neither_order_nor_twins() -> None:
    """Lists that are sets or maps compare and join as such."""
    one, other = SetList(["a", "b"]), SetList(["b", "a"])
    assert evaluate("x == y", {"x": one, "y": other})
    assert evaluate("x + ['b', 'c'] == ['c', 'b', 'a']", {"x": one})
    ports = MapList([{"name": "a", "n": 1}, {"name": "b", "n": 2}])
    ports.keys = ("name",)
    joined = evaluate("x + [{'name': 'a', 'n': 9}]", {"x": ports})
    assert joined == [{"name": "a", "n": 9}, {"name": "b", "n": 2}]


@pytest.mark.parametrize(
    "text",
    [
        "l.all(a, l.all(b, l.all(c, true)))",
        "l.map(a, l.map(b, l)).flatten(2).distinct().size() > 0",
        "'%s'.format([l.map(a, l.map(b, l))]).size() > 0",
        "l.map(x, 'aaaaaaaaaa'.replace('a', 'bbbbbbbbbb')).all(s, s.replace('b', s).replace('b', s) == '')",
        "sets.contains(l.map(a, l).flatten(), l.map(a, l).flatten())",
        "lists.range(100000).size() > 0 && lists.range(100000).size() > 0",
    ],
)
def test_no_expression_runs_for_ever(text: str) -> None:
    """Whatever multiplies work or texts runs out of steps, or is told that it grows too long."""
    with pytest.raises((OverBudget, CelError)):
        Program(parse(text)).run({"l": list(range(400))}, 100_000)


DEEP = ["(" * 500 + "1" + ")" * 500, "-" * 500 + "1", "1" + "+1" * 500, "a" + ".b" * 999]


@pytest.mark.parametrize("text", DEEP, ids=["parentheses", "signs", "sums", "fields"])
def test_deep_expressions_are_refused(text: str) -> None:
    """The stack is never exhausted by what is written."""
    with pytest.raises(BadExpression, match="recursion limit"):
        parse(text)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="self.alm[]()?:,{}'\"0123456789+-*/%&|!<>= xin\\r", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser, the check or an evaluation fail in any other way than theirs."""
    variables: dict[str, Any] = {"self": SELF}
    with suppress(BadExpression, CelError, OverBudget):
        node, _ = check(text, {"self": Type("dyn")})
        Program(node).run(variables, 1000)
