"""CEL's grammar: text → tree. Macros are read here too, because they look like calls but bind variables.

The grammar of the language's specification (github.com/google/cel-spec, `doc/langdef.md`) with optional
syntax (`a.?b`, `a[?b]`, `[?a]`, `{?k: v}`) and quoted field names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

SIZE_MAX = 16_384
"""Characters of an expression."""
DEPTH_MAX = 60
"""Levels of nesting, so that neither reading nor evaluating exhausts the stack."""


class UInt(int):
    """CEL's unsigned integer."""

    __slots__ = ()


class BadExpression(ValueError):
    """The text is not an expression, or its types do not fit. `str()` is what cel-go says of it."""


def complaint(text: str, position: int, says: str) -> BadExpression:
    """`ERROR: <input>:1:5: …`, with the line and a pointer under the place."""
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1)
    shown = text.split("\n")[line - 1] if text else ""
    return BadExpression(f"ERROR: <input>:{line}:{column + 1}: {says}\n | {shown}\n | {'.' * column}^")


# --- the tree ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Ident:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; `test` for `has(…)`, `optional` for `.?`."""

    operand: Node
    field: str
    at: int
    test: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    operand: Node
    key: Node
    at: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, an operator (`_+_`), or a method where there is a target."""

    name: str
    target: Node | None
    args: Sequence[Node]
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """`a && b && …` (`every`) or `a || b || …`, flat, for long chains are common."""

    every: bool
    parts: Sequence[Node]
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Node
    then: Node
    other: Node
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`optional` holds the places whose value is an optional, left out where empty."""

    items: Sequence[Node]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class MapOf:
    entries: Sequence[tuple[Node, Node]]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class Macro:
    """`range.all(x, …)` and its like; `parts` are evaluated with the variables bound to each element."""

    name: str
    operand: Node
    variables: Sequence[str]
    parts: Sequence[Node]
    at: int


Node = Literal | Ident | Select | Index | Call | Both | Choice | ListOf | MapOf | Macro


def children(node: Node) -> Sequence[Node]:
    match node:
        case Select(operand=operand):
            return (operand,)
        case Index(operand=operand, key=key):
            return (operand, key)
        case Call(target=target, args=args):
            return (*args,) if target is None else (target, *args)
        case Both(parts=parts):
            return parts
        case Choice(condition=condition, then=then, other=other):
            return (condition, then, other)
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return [part for entry in entries for part in entry]
        case Macro(operand=operand, parts=parts):
            return (operand, *parts)
    return ()


def names_in(node: Node, bound: frozenset[str] = frozenset()) -> set[str]:
    """The free variables of an expression."""
    if isinstance(node, Ident):
        return set() if node.name in bound else {node.name}
    if isinstance(node, Macro):
        inner = bound | set(node.variables)
        found = names_in(node.operand, bound)
        return found.union(*(names_in(part, inner) for part in node.parts))
    return set[str]().union(*(names_in(child, bound) for child in children(node)))


# --- tokens -----------------------------------------------------------------------------------------------


class Token(NamedTuple):
    kind: str
    text: str
    at: int


_STRING = (
    r'"""(?:[^\\]|\\.)*?"""|'
    + r"'''(?:[^\\]|\\.)*?'''|"
    + r'"(?:[^"\\\n\r]|\\.)*"|'
    + r"'(?:[^'\\\n\r]|\\.)*'"
)
_RAW = r'"""[\s\S]*?"""|' + r"'''[\s\S]*?'''|" + r'"[^"\n\r]*"|' + r"'[^'\n\r]*'"
_TOKENS = re.compile(
    r"(?P<space>[ \t\n\f\r]+|//[^\n]*)"
    rf"|(?P<raw>(?:[rR][bB]?|[bB][rR])(?:{_RAW}))"
    rf"|(?P<bytes>[bB](?:{_STRING}))"
    rf"|(?P<string>{_STRING})"
    r"|(?P<double>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?))"
    r"|(?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)"
    r"|(?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)"
    r"|(?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)"
    r"|(?P<op>\[\?|\.\?|&&|\|\||==|!=|<=|>=|[.,:?(){}\[\]<>=!+\-*/%])",
    re.ASCII | re.DOTALL,
)
_ESCAPES: Mapping[str, str] = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "?": "?",
    "`": "`", '"': '"', "'": "'",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?`\"'])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.|\n))"
)
RESERVED = frozenset(
    ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
     "namespace", "return", "var", "void", "while")
)  # fmt: skip


def tokens(text: str) -> list[Token]:
    if len(text) > SIZE_MAX:
        raise BadExpression(f"the expression is longer than {SIZE_MAX} characters")
    found, at = [], 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise complaint(text, at, f"Syntax error: token recognition error at: '{text[at]}'")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, match[0], at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


def _unquoted(body: str) -> str:
    size = 3 if body[:3] in ('"""', "'''") else 1
    return body[size:-size]


def _unescaped(text: str, token: Token, *, of_bytes: bool) -> str:
    def letter(match: re.Match[str]) -> str:
        if match[1]:
            return _ESCAPES[match[1]]
        if match[2]:
            return chr(int(match[2], 16))
        if match[5]:
            return chr(int(match[5], 8))
        code = int(match[3] or match[4], 16) if not match[6] else -1
        if of_bytes or not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise complaint(text, token.at, f"Syntax error: invalid escape {match[0]}")
        return chr(code)

    return _ESCAPE.sub(letter, _unquoted(token.text if not of_bytes else token.text[1:]))


# --- the parser -------------------------------------------------------------------------------------------

_LEVELS: Sequence[Mapping[str, str]] = (
    {"<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "==": "_==_", "!=": "_!=_", "in": "@in"},
    {"+": "_+_", "-": "_-_"},
    {"*": "_*_", "/": "_/_", "%": "_%_"},
)
_ONE_VARIABLE: Mapping[str, tuple[int, ...]] = {
    "all": (1,), "exists": (1,), "exists_one": (1,), "existsOne": (1,), "filter": (1,), "map": (1, 2),
    "optMap": (1,), "optFlatMap": (1,), "sortBy": (1,),
}  # fmt: skip
"""Macro → how many parts may follow its variable."""
_TWO_VARIABLES: Mapping[str, tuple[int, ...]] = {
    "all": (1,), "exists": (1,), "existsOne": (1,), "transformList": (1, 2), "transformMap": (1, 2),
    "transformMapEntry": (1, 2),
}  # fmt: skip


def parse(text: str) -> Node:
    """Raises BadExpression with cel-go's words."""
    reader = _Reader(text)
    node = reader.expression()
    reader.expect("<EOF>")
    return node


class _Reader:
    """One pass over the tokens, by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._token
        self._place += 1
        return token

    def _sees(self, *texts: str) -> bool:
        return self._token.text in texts and self._token.kind in ("op", "ident", "end")

    def _takes(self, text: str) -> bool:
        if self._sees(text):
            self._place += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        if not self._sees(text):
            raise self._unexpected(f"expecting '{text}'")
        return self._next()

    def _unexpected(self, why: str = "") -> BadExpression:
        token = self._token
        says = f"Syntax error: mismatched input '{token.text}'" + (f" {why}" if why else "")
        return complaint(self._text, token.at, says)

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise complaint(self._text, self._token.at, f"expression recursion limit exceeded: {DEPTH_MAX}")
        node = self._chain(every=False)
        if self._sees("?"):
            at = self._next().at
            then = self._chain(every=False)
            self.expect(":")
            node = Choice(node, then, self.expression(), at)
        self._depth -= 1
        return node

    def _chain(self, *, every: bool) -> Node:
        first, at = self._below(every=every), self._token.at
        parts = [first]
        while self._takes("&&" if every else "||"):
            parts.append(self._below(every=every))
        return Both(every, parts, at) if len(parts) > 1 else first

    def _below(self, *, every: bool) -> Node:
        return self._binary(0) if every else self._chain(every=True)

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node, steps = self._binary(level + 1), 0
        while self._token.kind in ("op", "ident") and self._token.text in _LEVELS[level]:
            steps += 1
            token = self._next()
            if steps > DEPTH_MAX:
                raise complaint(self._text, token.at, f"expression recursion limit exceeded: {DEPTH_MAX}")
            node = Call(_LEVELS[level][token.text], None, (node, self._binary(level + 1)), token.at)
        return node

    def _unary(self) -> Node:
        signs = []
        while self._sees("!", "-"):
            signs.append(self._next())
            if len(signs) > DEPTH_MAX:
                raise complaint(
                    self._text, self._token.at, f"expression recursion limit exceeded: {DEPTH_MAX}"
                )
        if signs and signs[-1].text == "-" and self._token.kind in ("int", "double"):
            token = signs.pop()
            node = self._members(self._number(self._next(), "-", token.at))
        else:
            node = self._members(self._primary())
        for sign in reversed(signs):
            node = Call("!_" if sign.text == "!" else "-_", None, (node,), sign.at)
        return node

    def _members(self, node: Node) -> Node:
        steps = 0
        while self._sees(".", ".?", "[", "[?"):
            steps += 1
            token = self._next()
            if steps > 4 * DEPTH_MAX:
                raise complaint(self._text, token.at, f"expression recursion limit exceeded: {4 * DEPTH_MAX}")
            if token.text in ("[", "[?"):
                node = Index(node, self.expression(), token.at, optional=token.text == "[?")
                self.expect("]")
                continue
            name = self._field()
            if token.text == "." and self._takes("("):
                node = self._method(node, name, token.at)
            else:
                node = Select(node, name, token.at, optional=token.text == ".?")
        return node

    def _field(self) -> str:
        token = self._next()
        if token.kind == "quoted":
            return token.text[1:-1]
        if token.kind != "ident":
            self._place -= 1
            raise self._unexpected("expecting a field")
        return token.text

    def _arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self._takes(end):
            if found:
                self.expect(",")
                if self._takes(end):
                    break
            found.append(self.expression())
        return found

    def _method(self, target: Node, name: str, at: int) -> Node:
        args = self._arguments(")")
        if isinstance(target, Ident) and target.name == "cel" and name == "bind" and len(args) == 3:
            return Macro("bind", args[1], self._variables(args[:1]), args[2:], at)
        variables = self._macro_variables(name, args)
        if variables:
            if name == "existsOne":
                name = "exists_one"
            return Macro(name, target, self._variables(args[:variables]), args[variables:], at)
        return Call(name, target, args, at)

    def _macro_variables(self, name: str, args: Sequence[Node]) -> int:
        """How many variables the macro binds; 0 where it is an ordinary method."""
        leading = 0
        while leading < min(2, len(args)) and isinstance(args[leading], Ident):
            leading += 1
        if leading == 2 and len(args) - 2 in _TWO_VARIABLES.get(name, ()):
            return 2
        if len(args) - 1 in _ONE_VARIABLE.get(name, ()):
            if not isinstance(args[0], Ident):
                raise complaint(self._text, args[0].at, "argument must be a simple name")
            return 1
        return 0

    def _variables(self, args: Sequence[Node]) -> list[str]:
        names = []
        for arg in args:
            if not isinstance(arg, Ident):
                raise complaint(self._text, arg.at, "argument must be a simple name")
            names.append(arg.name)
        return names

    def _primary(self) -> Node:
        token = self._next()
        match token.kind:
            case "int" | "double":
                return self._number(token, "", token.at)
            case "string":
                return Literal(_unescaped(self._text, token, of_bytes=False), token.at)
            case "bytes":
                body = _unescaped(self._text, token, of_bytes=True)
                return Literal(_as_bytes(body), token.at)
            case "raw":
                prefix = 2 if token.text[1] in "rRbB" else 1
                body = _unquoted(token.text[prefix:])
                of_bytes = "b" in token.text[:prefix].lower()
                return Literal(body.encode() if of_bytes else body, token.at)
            case "ident":
                return self._name(token)
        if token.text == "(":
            node = self.expression()
            self.expect(")")
            return node
        if token.text == "[":
            return self._list(token.at)
        if token.text == "[?":
            return self._list(token.at, first_optional=True)
        if token.text == "{":
            return self._map(token.at)
        if token.text == "." and self._token.kind == "ident":
            return self._name(self._next())
        self._place -= 1
        raise self._unexpected()

    def _name(self, token: Token) -> Node:
        if token.text in ("true", "false", "null"):
            return Literal({"true": True, "false": False, "null": None}[token.text], token.at)
        if token.text in RESERVED:
            raise complaint(self._text, token.at, f"reserved identifier: {token.text}")
        if not self._takes("("):
            return Ident(token.text, token.at)
        args = self._arguments(")")
        if token.text == "has" and len(args) == 1:
            field = args[0]
            if not isinstance(field, Select) or field.optional:
                raise complaint(self._text, token.at, "invalid argument to has() macro")
            return Select(field.operand, field.field, field.at, test=True)
        return Call(token.text, None, args, token.at)

    def _list(self, at: int, *, first_optional: bool = False) -> Node:
        items: list[Node] = []
        optional: set[int] = set()
        while not self._takes("]"):
            if items:
                self.expect(",")
                if self._takes("]"):
                    break
            if self._takes("?") or (first_optional and not items):
                optional.add(len(items))
            items.append(self.expression())
        return ListOf(items, frozenset(optional), at)

    def _map(self, at: int) -> Node:
        entries: list[tuple[Node, Node]] = []
        optional: set[int] = set()
        while not self._takes("}"):
            if entries:
                self.expect(",")
                if self._takes("}"):
                    break
            if self._takes("?"):
                optional.add(len(entries))
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
        return MapOf(entries, frozenset(optional), at)

    def _number(self, token: Token, sign: str, at: int) -> Node:
        text = token.text
        if token.kind == "double":
            return Literal(float(sign + text), at)
        if text[-1] in "uU":
            if sign or int(text[:-1], 0 if "x" in text.lower() else 10) >= 2**64:
                raise complaint(self._text, at, "invalid uint literal")
            return Literal(UInt(int(text[:-1], 0 if "x" in text.lower() else 10)), at)
        value = int(sign + text, 16 if "x" in text.lower() else 10)
        if not -(2**63) <= value < 2**63:
            raise complaint(self._text, at, "invalid int literal")
        return Literal(value, at)


def _as_bytes(body: str) -> bytes:
    """Escapes up to \\xff are single bytes, everything else is UTF-8."""
    return b"".join(bytes([ord(c)]) if 0x80 <= ord(c) <= 0xFF else c.encode() for c in body)
